#include "cleanfork/fault_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <ostream>
#include <random>
#include <set>
#include <string>

#include "cleanfork/names.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

FaultPlan Parse(const std::string& line) {
  FaultPlanError error;
  std::optional<FaultPlan> plan = ParseFaultPlan(line, &error);
  EXPECT_TRUE(plan.has_value()) << error.Caret(line);
  return plan.value_or(FaultPlan());
}

TEST(FaultPlan, WithoutEntriesIsTheHeaderAlone) {
  EXPECT_TRUE(Parse("cf1").empty());
  EXPECT_EQ(FaultPlanToString({}), "cf1");
}

TEST(FaultPlan, SaysThatACallFails) {
  FaultPlan plan = Parse("cf1;P.fork#1=EAGAIN;P.1.setgid#2=EPERM");
  ASSERT_THAT(plan, SizeIs(2));
  EXPECT_EQ(plan[0].kind, FaultEntry::Kind::kErrno);
  EXPECT_EQ(plan[0].process, ProcessPath());
  EXPECT_EQ(plan[0].call, OsCall::kFork);
  EXPECT_EQ(plan[0].index, 1u);
  EXPECT_FALSE(plan[0].sticky);
  EXPECT_EQ(plan[0].error, EAGAIN);
  EXPECT_EQ(plan[1].process, ProcessPath().Child(1));
  EXPECT_EQ(plan[1].call, OsCall::kSetGid);
  EXPECT_EQ(plan[1].index, 2u);
  EXPECT_EQ(plan[1].error, EPERM);
}

TEST(FaultPlan, SaysThatAllLaterCallsFail) {
  FaultPlan plan = Parse("cf1;P.fork#3+=ENOMEM");
  ASSERT_THAT(plan, SizeIs(1));
  EXPECT_TRUE(plan[0].sticky);
  EXPECT_EQ(plan[0].index, 3u);
  EXPECT_EQ(plan[0].error, ENOMEM);
}

TEST(FaultPlan, SaysThatFewerBytesPass) {
  FaultPlan plan = Parse("cf1;P.write#1=short:3");
  ASSERT_THAT(plan, SizeIs(1));
  EXPECT_EQ(plan[0].kind, FaultEntry::Kind::kShort);
  EXPECT_EQ(plan[0].bytes, 3u);
}

TEST(FaultPlan, SaysThatACallLies) {
  FaultPlan plan = Parse("cf1;P.setuid#1=lie");
  ASSERT_THAT(plan, SizeIs(1));
  EXPECT_EQ(plan[0].kind, FaultEntry::Kind::kLie);
}

TEST(FaultPlan, SaysThatASignalComes) {
  FaultPlan plan = Parse("cf1;P.1!SIGTERM@read#1;P!KILL@_exit#1");
  ASSERT_THAT(plan, SizeIs(2));
  EXPECT_EQ(plan[0].kind, FaultEntry::Kind::kSignal);
  EXPECT_EQ(plan[0].process, ProcessPath().Child(1));
  EXPECT_EQ(plan[0].signal, SIGTERM);
  EXPECT_EQ(plan[0].call, OsCall::kRead);
  EXPECT_EQ(plan[1].signal, SIGKILL);
  EXPECT_EQ(plan[1].call, OsCall::kExit);
  EXPECT_EQ(FaultPlanToString(plan), "cf1;P.1!SIGTERM@read#1;P!SIGKILL@_exit#1");
}

TEST(FaultPlan, SaysThatASignalComesWhileTheProcessWaits) {
  const FaultPlan plan = Parse("cf1;P!SIGTERM+@read#1;P!SIGTERM@read#2");
  ASSERT_THAT(plan, SizeIs(2));
  EXPECT_EQ(plan[0].kind, FaultEntry::Kind::kSignal);
  EXPECT_TRUE(plan[0].sticky);
  EXPECT_EQ(plan[0].signal, SIGTERM);
  EXPECT_EQ(plan[0].call, OsCall::kRead);
  EXPECT_FALSE(plan[1].sticky);
  EXPECT_EQ(FaultPlanToString(plan), "cf1;P!SIGTERM+@read#1;P!SIGTERM@read#2");
}

TEST(FaultPlan, SaysASignalThatHasNoNameByItsNumber) {
  const FaultPlan plan = Parse("cf1;P!34@read#1;P!64+@read#1");
  ASSERT_THAT(plan, SizeIs(2));
  EXPECT_EQ(plan[0].signal, 34);
  EXPECT_EQ(plan[1].signal, 64);
  EXPECT_TRUE(plan[1].sticky);
  EXPECT_EQ(FaultPlanToString(plan), "cf1;P!34@read#1;P!64+@read#1");
}

TEST(FaultPlan, NamesTheStepsOfAnEnd) {
  const std::string line = "cf1;P!SIGKILL@_exit#1;P>P.1@_exit#2";
  const FaultPlan plan = Parse(line);
  ASSERT_THAT(plan, SizeIs(2));
  EXPECT_EQ(plan[0].call, OsCall::kExit);
  EXPECT_EQ(plan[1].call, OsCall::kExit);
  EXPECT_EQ(plan[1].index, 2u);
  EXPECT_EQ(FaultPlanToString(plan), line);
}

TEST(FaultPlan, SaysThatAnotherProcessRunsOn) {
  FaultPlan plan = Parse("cf1;P>P.1@waitpid#1");
  ASSERT_THAT(plan, SizeIs(1));
  EXPECT_EQ(plan[0].kind, FaultEntry::Kind::kSwitch);
  EXPECT_EQ(plan[0].process, ProcessPath());
  EXPECT_EQ(plan[0].next, ProcessPath().Child(1));
  EXPECT_EQ(plan[0].call, OsCall::kWaitPid);
}

TEST(FaultPlan, AcceptsAnErrnoThatTheManualPageDoesNotList) {
  EXPECT_EQ(Parse("cf1;P.fork#1=ENOTTY")[0].error, ENOTTY);
}

TEST(FaultPlan, PrintsTheFirstOfTwoNamesOfAnErrno) {
  EXPECT_EQ(FaultPlanToString(Parse("cf1;P.open#1=EWOULDBLOCK")), "cf1;P.open#1=EAGAIN");
}

TEST(FaultPlan, NamesProcessesByTheirForks) {
  EXPECT_EQ(ProcessPath().ToString(), "P");
  EXPECT_EQ(ProcessPath().Child(1).Child(2).ToString(), "P.1.2");
  ProcessPath deep;
  for (int i = 0; i < ProcessPath::kMaxDepth; ++i) deep = deep.Child(1);
  EXPECT_FALSE(deep.too_deep());
  EXPECT_TRUE(deep.Child(1).too_deep());
  EXPECT_EQ(deep.Child(1), ProcessPath::TooDeep());
  EXPECT_EQ(deep.Child(1).Child(3), ProcessPath::TooDeep());
}

struct BadPlan {
  const char* line;
  size_t column;
  const char* message;
};

void PrintTo(const BadPlan& bad, std::ostream* os) { *os << bad.line; }

class BadFaultPlan : public testing::TestWithParam<BadPlan> {};

TEST_P(BadFaultPlan, IsRefusedWithTheColumnAndWhatWasExpected) {
  FaultPlanError error;
  EXPECT_FALSE(ParseFaultPlan(GetParam().line, &error).has_value());
  EXPECT_EQ(error.column, GetParam().column) << error.Caret(GetParam().line);
  EXPECT_THAT(error.message, HasSubstr(GetParam().message)) << error.Caret(GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadFaultPlan,
    testing::Values(
        BadPlan{"", 1, "expected \"cf1\""}, BadPlan{"cf2;P.fork#1=EAGAIN", 1, "expected \"cf1\""},
        BadPlan{"cf10", 4, "expected ';' before the next entry, found '0'"},
        BadPlan{"cf1;", 5, "expected an entry, found the end of the plan"},
        BadPlan{"cf1;;P.fork#1=EAGAIN", 5, "expected an entry, found ';'"},
        BadPlan{"cf1;P.fork#1=EAGAIN;", 21, "expected an entry"},
        BadPlan{"cf1;Q.fork#1=EAGAIN", 5, "expected a process"},
        BadPlan{"cf1;P", 6, "expected '.' and a call"},
        BadPlan{"cf1;P.0.fork#1=EAGAIN", 7, "counts from 1, found \"0\""},
        BadPlan{"cf1;P.1.", 9, "expected a call, found the end of the plan"},
        BadPlan{"cf1;P.1.1.1.1.1.1.1.1.1.fork#1=EAGAIN", 22, "at most 8 forks"},
        BadPlan{"cf1;P.9999999999999999999999.fork#1=EAGAIN", 7, "of at most 1000000000"},
        BadPlan{"cf1;P.frok#1=EAGAIN", 7,
                "expected a call, found \"frok\"; did you mean \"fork\"?"},
        BadPlan{"cf1;P.setguid#1=EAGAIN", 7, "did you mean \"setuid\"?"},
        BadPlan{"cf1;P.fork=EAGAIN", 11, "expected '#' and which call of that name, found '='"},
        BadPlan{"cf1;P.fork#=EAGAIN", 12, "expected which call of that name, found '='"},
        BadPlan{"cf1;P.fork#0=EAGAIN", 12, "counts from 1, found \"0\""},
        BadPlan{"cf1;P.fork#4294967297=EAGAIN", 12, "of at most 1000000000"},
        BadPlan{"cf1;P.fork#18446744073709551617=EAGAIN", 12, "of at most 1000000000"},
        BadPlan{"cf1;P.fork#1", 13, "expected '=' or '+=', found the end of the plan"},
        BadPlan{"cf1;P.fork#1+EAGAIN", 14, "expected '=', found 'E'"},
        BadPlan{"cf1;P.fork#1=", 14, "expected an errno, \"short:\" or \"lie\""},
        BadPlan{"cf1;P.fork#1=EAGIAN", 14, "found \"EAGIAN\"; did you mean \"EAGAIN\"?"},
        BadPlan{"cf1;P.fork#1=EAGAIN x", 20, "expected ';' before the next entry, found ' '"},
        BadPlan{"cf1;P.fork#1=EAGAIN\n", 20, "expected ';'"},
        BadPlan{"cf1;P.getpid#1=EPERM", 7, "expected a call that can fail: getpid cannot"},
        BadPlan{"cf1;P.umask#1=lie", 7, "expected a call that can fail: umask cannot"},
        BadPlan{"cf1;P._exit#1=EPERM", 7, "_exit does not return"},
        BadPlan{"cf1;P.fork#1=lie", 14, "what fork does when it succeeds cannot be left out"},
        BadPlan{"cf1;P.setuid#1=short:1", 16, "setuid moves no bytes"},
        BadPlan{"cf1;P.write#1=short", 20, "expected ':' and a number of bytes"},
        BadPlan{"cf1;P.write#1=short:", 21, "expected a number of bytes"},
        BadPlan{"cf1;P.write#1=short:0", 21, "counts from 1"},
        BadPlan{"cf1;P!@read#1", 7, "expected a signal, found '@'"},
        BadPlan{"cf1;P!SIGTREM@read#1", 7, "found \"SIGTREM\"; did you mean \"SIGTERM\"?"},
        BadPlan{"cf1;P!15@read#1", 7, "expected a signal, found \"15\""},
        BadPlan{"cf1;P!0@read#1", 7, "expected a signal, found \"0\""},
        BadPlan{"cf1;P!034@read#1", 7, "expected a signal, found \"034\""},
        BadPlan{"cf1;P!65@read#1", 7, "expected a signal, found \"65\""},
        BadPlan{"cf1;P!SIGTERM#read#1", 14, "expected '@' and a call, or '+', found '#'"},
        BadPlan{"cf1;P!SIGTERM++@read#1", 15, "expected '@' and a call, found '+'"},
        BadPlan{"cf1;P!SIGTERM+@_exit#1", 16, "a call that may wait: _exit does not"},
        BadPlan{"cf1;P!SIGTERM@exit#1", 15, "did you mean \"_exit\"?"},
        BadPlan{"cf1;P.fork#1=EAGAIN;fits=5d1c", 21, "\"fits=\" is for Replay()"},
        BadPlan{"cf1;fits=5d1c", 5, "leave it out here"},
        BadPlan{"cf1;P!SIGTERM@raed#1", 15, "did you mean \"read\"?"},
        BadPlan{"cf1;P!SIGTERM@read#1=EPERM", 21, "expected ';'"},
        BadPlan{"cf1;P>@read#1", 7, "expected a process"},
        BadPlan{"cf1;P>P@read#1", 7, "expected another process than P"},
        BadPlan{"cf1;P>P.1.read#1", 10, "expected '@' and a call, found '.'"}));

TEST(FaultPlanError, PointsAtTheColumn) {
  const std::string line = "cf1;P.frok#1=EAGAIN";
  FaultPlanError error;
  ASSERT_FALSE(ParseFaultPlan(line, &error).has_value());
  EXPECT_EQ(error.Caret(line),
            "cf1;P.frok#1=EAGAIN\n"
            "      ^ column 7: expected a call, found \"frok\"; did you mean \"fork\"?");
}

TEST(FaultPlanError, MayBeLeftOut) { EXPECT_FALSE(ParseFaultPlan("cf2", nullptr).has_value()); }

// Plans of every kind of entry, made at random from a fixed seed.
class PlanGenerator {
 public:
  FaultPlan Plan() {
    FaultPlan plan;
    for (uint32_t i = Below(6); i > 0; --i) plan.push_back(Entry());
    return plan;
  }

 private:
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  ProcessPath Path() {
    ProcessPath path;
    for (uint32_t i = Below(ProcessPath::kMaxDepth + 1); i > 0; --i) {
      path = path.Child(1 + Below(1'000'000'000));
    }
    return path;
  }

  template <typename Accept>
  OsCall Call(Accept accept) {
    for (;;) {
      const OsCallInfo& info = OsCalls()[Below(kOsCallCount)];
      if (accept(info)) return info.call;
    }
  }

  FaultEntry Entry() {
    FaultEntry entry;
    entry.kind = static_cast<FaultEntry::Kind>(Below(5));
    entry.process = Path();
    entry.index = 1 + Below(1'000'000'000);
    const auto any = [](const OsCallInfo&) { return true; };
    switch (entry.kind) {
      case FaultEntry::Kind::kErrno:
        entry.call = Call([](const OsCallInfo& info) { return !info.errnos.empty(); });
        entry.sticky = Below(2) == 0;
        while (ErrnoName(entry.error = static_cast<int>(1 + Below(130))) == nullptr) continue;
        break;
      case FaultEntry::Kind::kShort:
        entry.call = Call([](const OsCallInfo& info) { return MayBeShort(info.call); });
        entry.sticky = Below(2) == 0;
        entry.bytes = 1 + Below(1'000'000'000);
        break;
      case FaultEntry::Kind::kLie:
        entry.call = Call([](const OsCallInfo& info) { return MayLie(info.call); });
        entry.sticky = Below(2) == 0;
        break;
      case FaultEntry::Kind::kSignal:
        entry.call = Call(any);
        entry.signal = static_cast<int>(1 + Below(64));
        entry.sticky = entry.call != OsCall::kExit && Below(2) == 0;
        break;
      case FaultEntry::Kind::kSwitch:
        entry.call = Call(any);
        while ((entry.next = Path()) == entry.process) continue;
        break;
    }
    return entry;
  }

  std::mt19937 random_{20260101};
};

TEST(FaultPlan, PrintedAndParsedIsTheSamePlan) {
  PlanGenerator generator;
  std::set<FaultEntry::Kind> seen;
  for (int i = 0; i < 2000; ++i) {
    const FaultPlan plan = generator.Plan();
    const std::string line = FaultPlanToString(plan);
    FaultPlanError error;
    std::optional<FaultPlan> again = ParseFaultPlan(line, &error);
    ASSERT_TRUE(again.has_value()) << error.Caret(line);
    ASSERT_EQ(*again, plan) << line;
    for (const FaultEntry& entry : plan) seen.insert(entry.kind);
  }
  EXPECT_THAT(seen, SizeIs(5));
}

// A plan with one character changed either parses, and then prints and parses again as itself, or
// is refused at a column of the line.
TEST(FaultPlan, WithACharacterChangedIsReadOrRefusedAtAColumn) {
  PlanGenerator generator;
  std::mt19937 random(7);
  const std::string characters = "cf1;P.#+=!>@:0139EASIGx_ \n";
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string line = FaultPlanToString(generator.Plan());
    line[random() % line.size()] = characters[random() % characters.size()];
    FaultPlanError error;
    std::optional<FaultPlan> plan = ParseFaultPlan(line, &error);
    if (plan.has_value()) {
      ASSERT_EQ(ParseFaultPlan(FaultPlanToString(*plan), nullptr), plan) << line;
    } else {
      ++refused;
      ASSERT_GE(error.column, 1u);
      ASSERT_LE(error.column, line.size() + 1) << line;
      ASSERT_FALSE(error.message.empty());
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace cleanfork
