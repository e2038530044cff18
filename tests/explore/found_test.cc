// What exploring the library has found, each with the line that showed it:
// docs/found-by-exploring.md tells what was wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cleanfork/explore.h"
#include "tests/explore/rare_scenarios.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

using ::testing::IsEmpty;

struct Found {
  const char* name;
  Scenario (*scenario)();
  const char* plan;
};

const Found kFound[] = {
    {"APidFileThatCannotBeLookedUpIsNotTakenForAnExchangedOne", ClaimOnePidFileTwice,
     "cf1;P.stat#1+=ENOMEM;fits=3ea6"},
    {"AServiceThatCannotBeLookedAtIsStopped", StartAServiceWithAReadyDescriptor,
     "cf1;P.open#2=EMFILE;fits=540e"},
    {"ADaemonThatIsGoneBeforeItIsLookedForHasEnded", BecomeADaemonThatEndsAtOnce,
     "cf1;P.1.1>P.1@getpid#1;P.1!SIGKILL+@poll#1;fits=9b95"},
    {"AProgramThatCannotBeLookedAtIsTakenToRun", SpawnUnderAFilterOfWaitId,
     "cf1;P.readlink#1=ENOMEM;fits=df6b"},
};

class FoundByExploring : public ::testing::TestWithParam<Found> {};

TEST_P(FoundByExploring, StaysMended) {
  const ReplayResult replay = Replay(GetParam().scenario(), GetParam().plan);
  EXPECT_THAT(replay.error, IsEmpty());
  EXPECT_THAT(replay.rule, IsEmpty()) << replay.what << "\n" << replay.picture;
}

INSTANTIATE_TEST_SUITE_P(Lines, FoundByExploring, ::testing::ValuesIn(kFound),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace cleanfork::explore
