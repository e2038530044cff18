// Footprints: what is independent, and whether that is true.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "mocks/sim/footprints.h"
#include "mocks/sim/kernel.h"
#include "tests/unit/sim_call_cases.h"

namespace cleanfork::sim {
namespace {

// A call of one of the processes.
struct Step {
  const CallCase* call;
  int slot;
};

std::string Name(const Kernel& kernel, const Step& step) {
  return "process " + std::to_string(kernel.processes[step.slot].pid) + ": " + step.call->text;
}

class FootprintsTest : public testing::Test {
 protected:
  // All that is tried from now on comes of this one.
  void Begin(const Kernel& kernel) { *before_ = *one_ = *other_ = kernel; }

  // Both orders from a kernel.
  void ExpectTheSameInBothOrders(const Kernel& from, const Step& a, const Step& b,
                                 const std::string& where) {
    ++compared_;
    CopyKernel(from, from, one_.get());
    const std::string a_first = a.call->make(one_.get(), a.slot);
    CopyKernel(from, from, other_.get());
    const std::string b_first = b.call->make(other_.get(), b.slot);
    if (!b.call->IsPossible(*one_, b.slot) || !a.call->IsPossible(*other_, a.slot)) {
      ADD_FAILURE() << where << Name(from, a) << " and " << Name(from, b) << ": not both can be";
      return;
    }
    const std::string b_second = b.call->make(one_.get(), b.slot);
    const std::string a_second = a.call->make(other_.get(), a.slot);
    EXPECT_TRUE(a_first == a_second && b_first == b_second)
        << where << Name(from, a) << " and " << Name(from, b) << ": " << a_first.c_str() << " and "
        << a_second.c_str() << ", " << b_first.c_str() << " and " << b_second.c_str();
    if (AreSameBytes(*one_, *other_)) return;
    const std::string text = KernelText(*one_), other = KernelText(*other_);
    EXPECT_TRUE(text == other) << where << Name(from, a) << " and " << Name(from, b) << ":\n"
                               << Difference(text, other);
  }

  static std::string Difference(const std::string& a, const std::string& b) {
    size_t at = 0;
    while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
    const size_t line = a.rfind('\n', at) + 1;
    return at == a.size() && at == b.size() ? ""
                                            : a.substr(line, a.find('\n', at) - line) + "\n" +
                                                  b.substr(line, b.find('\n', at) - line);
  }

  static std::vector<Step> StepsOf(const Kernel& kernel) {
    std::vector<Step> steps;
    for (int slot = 0; slot < kernel.processes.used; ++slot) {
      if (kernel.processes[slot].state == ProcessState::kFree) continue;
      for (const CallCase& call : CallCases()) {
        if (call.make != nullptr && call.IsPossible(kernel, slot)) steps.push_back({&call, slot});
      }
    }
    return steps;
  }

  const std::unique_ptr<Kernel> before_ = NewKernel();
  const std::unique_ptr<Kernel> one_ = NewKernel();
  const std::unique_ptr<Kernel> other_ = NewKernel();
  int compared_ = 0;
};

TEST_F(FootprintsTest, IndependentStepsMayBeExchanged) {
  for (const KernelCase& each : KernelCases()) {
    const Kernel& kernel = *each.kernel;
    Begin(kernel);
    const std::vector<Step> steps = StepsOf(kernel);
    std::vector<Footprint> footprints;
    for (const Step& step : steps) {
      footprints.push_back(step.call->WholeFootprint(kernel, step.slot));
    }
    int dependent = 0;
    compared_ = 0;
    for (size_t a = 0; a < steps.size(); ++a) {
      for (size_t b = a + 1; b < steps.size(); ++b) {
        if (steps[a].slot == steps[b].slot) continue;
        if (!AreIndependent(footprints[a], footprints[b])) {
          ++dependent;
          continue;
        }
        ExpectTheSameInBothOrders(kernel, steps[a], steps[b], each.name + ": ");
      }
    }
    EXPECT_GT(compared_, 1000) << each.name;
    EXPECT_GT(dependent, 1000) << each.name;
  }
}

// Whether `all` names what `some` names: a footprint is bits, one for each access and part. Who
// writes meets everybody whom a reader meets.
bool Covers(const Footprint& all, const Footprint& some) {
  static_assert(std::has_unique_object_representations_v<Footprint>, "bits and nothing else");
  constexpr size_t kWords = sizeof(Footprint) / sizeof(uint64_t) / 3;
  uint64_t all_words[3][kWords], some_words[3][kWords];
  std::memcpy(all_words, &all, sizeof(all));
  std::memcpy(some_words, &some, sizeof(some));
  constexpr auto kWrite = static_cast<size_t>(Footprint::Access::kWrite);
  uint64_t missing = 0;
  for (size_t access = 0; access < 3; ++access) {
    for (size_t i = 0; i < kWords; ++i) {
      missing |= some_words[access][i] & ~(all_words[access][i] | all_words[kWrite][i]);
    }
  }
  return missing == 0;
}

// What is named of the moment is among what is named for good.
TEST_F(FootprintsTest, NoStepTouchesMoreNowThanItMayLater) {
  int less = 0;
  for (const KernelCase& each : KernelCases()) {
    for (const Step& step : StepsOf(*each.kernel)) {
      const Footprint now = step.call->WholeFootprint(*each.kernel, step.slot);
      const Footprint later = step.call->WholeFootprint(*each.kernel, step.slot, When::kLater);
      EXPECT_TRUE(Covers(later, now)) << each.name << ": " << Name(*each.kernel, step);
      if (!Covers(now, later)) ++less;
    }
  }
  EXPECT_GT(less, 10);
}

// Pairs by name --------------------------------------------------------------------------------

bool Independent(const std::string& kernel_name, int a_slot, const std::string& a, int b_slot,
                 const std::string& b, When when = When::kNow) {
  const auto footprint = [&](const Kernel& kernel, int slot, const std::string& text) {
    for (const CallCase& call : CallCases()) {
      if (call.text == text) return call.WholeFootprint(kernel, slot, when);
    }
    ADD_FAILURE() << "there is no case " << text;
    return Footprint();
  };
  for (const KernelCase& each : KernelCases()) {
    if (each.name != kernel_name) continue;
    return AreIndependent(footprint(*each.kernel, a_slot, a), footprint(*each.kernel, b_slot, b));
  }
  ADD_FAILURE() << "there is no kernel " << kernel_name;
  return false;
}

bool Independent(int a_slot, const std::string& a, int b_slot, const std::string& b) {
  return Independent("as it is", a_slot, a, b_slot, b);
}

constexpr char kClosing[] = "the first step of an end";
constexpr char kLast[] = "the last step of an end";

TEST(NamedPairsTest, ASignalMayComeBeforeOrAfterAnyStep) {
  EXPECT_FALSE(Independent(0, "Kill(101, SIGTERM)", 1, "GetUid"));
  EXPECT_FALSE(Independent(0, "PidFdSendSignal(kPidFd, SIGUSR2)", 1, "GetUid"));
  EXPECT_TRUE(Independent(0, "Kill(101, SIGTERM)", 2, "GetUid"));
  EXPECT_TRUE(Independent(0, "Kill(104, 0)", 1, "GetUid"));
}

TEST(NamedPairsTest, WhoMayBeSignalledLaterIsEverybody) {
  EXPECT_FALSE(Independent(0, "Kill(105, SIGTERM)", 1, "GetUid"));
  EXPECT_FALSE(Independent(0, "Kill(-101, SIGHUP)", 2, "GetUid"));
  EXPECT_TRUE(Independent(0, "Kill(105, 0)", 1, "GetUid"));
  EXPECT_FALSE(Independent(0, "Kill(105, 0)", 1, "Fork"));
}

TEST(NamedPairsTest, AMaskIsReadByWhoSignalsAndByNobodyElse) {
  const std::string mask = "SigProcMask(SIG_SETMASK, &no_signals)";
  EXPECT_FALSE(Independent(0, "Kill(101, SIGTERM)", 1, mask));
  EXPECT_TRUE(Independent(0, "GetUid", 1, mask));
  EXPECT_TRUE(Independent(0, mask, 1, mask));
}

// SIGCHLD, as the parent takes it.
TEST(NamedPairsTest, AnEndIsASignalToTheParentOnlyWhereItHearsOfIt) {
  const std::string mask = "SigProcMask(SIG_SETMASK, &no_signals)";
  const std::string action = "SigAction(SIGCHLD, &handler)";
  for (const char* dropped : {"orphans for init", "a parent that ignores"}) {
    EXPECT_TRUE(Independent(dropped, 1, kLast, 0, "GetUid")) << dropped;
    EXPECT_FALSE(Independent(dropped, 1, kLast, 0, action)) << dropped;
  }
  EXPECT_TRUE(Independent("a parent that blocks", 1, kLast, 0, "GetUid"));
  EXPECT_FALSE(Independent("a parent that blocks", 1, kLast, 0, mask));
  EXPECT_FALSE(Independent("orphans for a subreaper", 1, kLast, 0, "GetUid"));  // has a handler
}

TEST(NamedPairsTest, AnEndIsSeenByWhoWaitsAndByWhoIsAdopted) {
  EXPECT_FALSE(Independent("orphans for init", 1, kLast, 0, "WaitPid(101, 0)"));
  EXPECT_FALSE(Independent("orphans for init", 1, kLast, 3, "GetPpid"));
  EXPECT_FALSE(Independent("orphans for init", 1, kLast, 3, "GetUid"));  // gets SIGTERM
  EXPECT_TRUE(Independent("orphans for init", 1, kLast, 2, "GetPpid"));
  EXPECT_FALSE(Independent("a grandchild", 3, kLast, 5, "GetPpid"));
  EXPECT_FALSE(Independent("a grandchild", 3, kLast, 0, "Fork"));  // the order of children
  EXPECT_TRUE(Independent("a grandchild", 3, kLast, 5, "GetUid"));
  EXPECT_TRUE(Independent("a grandchild", 3, kLast, 2, "SetUid(33)"));
  EXPECT_FALSE(Independent("orphans for init", 1, kLast, 0, "Poll(polled, 2, -1)"));
}

TEST(NamedPairsTest, EndsOfPipesMayBeClosedInAnyOrder) {
  EXPECT_TRUE(Independent(0, "Close(kEmptyWrite)", 1, "Close(kEmptyWrite)"));
  EXPECT_TRUE(Independent(0, "Close(kEmptyWrite)", 1, kClosing));
  EXPECT_TRUE(Independent(0, "Close(kEmptyWrite)", 1, "Write(kEmptyWrite, bytes, 5)"));
}

TEST(NamedPairsTest, WhoClosesWhatOthersHoldTooIsSeenByNobodyNow) {
  const auto close_and = [](const char* close, const char* other, When when) {
    return Independent("as it is", 1, close, 0, other, when);
  };
  const char* const read = "Read(kEmptyRead, scratch, 100)";
  const char* const write = "Write(kFullWrite, bytes, 1)";
  const char* const poll = "Poll(polled, 2, -1)";
  EXPECT_TRUE(close_and("Close(kEmptyWrite)", read, When::kNow));
  EXPECT_TRUE(close_and("Close(kEmptyWrite)", poll, When::kNow));
  EXPECT_TRUE(close_and("Close(kFullRead)", write, When::kNow));
  EXPECT_FALSE(close_and("Close(kEmptyWrite)", read, When::kLater));
  EXPECT_FALSE(close_and("Close(kEmptyWrite)", poll, When::kLater));
  EXPECT_FALSE(close_and("Close(kFullRead)", write, When::kLater));
}

TEST(NamedPairsTest, WhoClosesTheLastEndIsSeenByTheOtherOne) {
  const auto close_and = [](const char* close, const char* other) {
    return Independent("one at an end", 1, close, 0, other);
  };
  EXPECT_FALSE(close_and("Close(kEmptyWrite)", "Read(kEmptyRead, scratch, 100)"));
  EXPECT_FALSE(close_and(kClosing, "Read(kEmptyRead, scratch, 100)"));
  EXPECT_FALSE(close_and("Close(kEmptyWrite)", "Poll(polled, 2, -1)"));
  EXPECT_FALSE(close_and("Close(kFullRead)", "Write(kFullWrite, bytes, 1)"));
  EXPECT_FALSE(
      close_and("CloseRange(kFullRead, kNonblockWrite, 0)", "Write(kFullWrite, bytes, 1)"));
}

TEST(NamedPairsTest, WhoReadsLessThanThereIsMeetsNobodyWhoWrites) {
  const char* const write = "Write(kFullWrite, bytes, 1)";
  const auto read_and = [](const char* read, const char* other) {
    return Independent("one at an end", 1, read, 0, other);
  };
  EXPECT_TRUE(read_and("Read(kFullRead, scratch, 10)", write));
  EXPECT_FALSE(read_and("Read(kFullRead, scratch, 5000)", write));
  EXPECT_FALSE(Independent(1, "Read(kFullRead, scratch, 10)", 0, write));  // there is no room
  EXPECT_FALSE(Independent("one at an end", 1, "Read(kFullRead, scratch, 10)", 1, write));
}

TEST(NamedPairsTest, WhoFindsWhomItWaitsForHasNothingToDoWithOtherChildren) {
  EXPECT_TRUE(Independent("two ends", 0, "WaitPid(104, 0)", 1, kLast));
  EXPECT_FALSE(Independent("two ends", 0, "WaitPid(101, WNOHANG)", 1, kLast));
  EXPECT_TRUE(Independent("two ends", 0, "WaitPid(101, WNOHANG)", 2, kLast));
  EXPECT_FALSE(Independent("two ends", 0, "WaitPid(101, 0)", 2, kLast));  // it waits
}

TEST(NamedPairsTest, AnEndIsAllThatAPidfdTells) {
  EXPECT_TRUE(Independent(0, "PidFdOpen(102, 0)", 2, "SetSid"));
  EXPECT_TRUE(Independent(0, "Poll(polled, 2, -1)", 1, "SetPgid(0, 0)"));
  EXPECT_FALSE(Independent("two ends", 0, "PidFdOpen(102, 0)", 2, kLast));
}

TEST(NamedPairsTest, WhoReadsTheStatusOfAnotherMeetsThatOneAlone) {
  const char* const read = "Read(kOtherStat, scratch, 4000)";
  EXPECT_TRUE(Independent(0, read, 1, "SetSid"));
  EXPECT_FALSE(Independent(0, read, 2, "SetSid"));
  EXPECT_FALSE(Independent(0, read, 2, kClosing));
  EXPECT_FALSE(Independent("two ends", 0, read, 2, kLast));
  EXPECT_TRUE(Independent(0, read, 2, "SetGroups(some_groups, 2)"));
}

TEST(NamedPairsTest, PipesHaveNothingToDoWithEachOther) {
  EXPECT_TRUE(Independent(0, "Write(kEmptyWrite, bytes, 5)", 1, "Write(kFullWrite, bytes, 1)"));
  EXPECT_FALSE(Independent(0, "Write(kEmptyWrite, bytes, 5)", 1, "Read(kEmptyRead, scratch, 100)"));
}

TEST(NamedPairsTest, TheNullDeviceIsNobodys) {
  const std::string open = "Open(\"/dev/null\", O_RDWR, 0)";
  EXPECT_TRUE(Independent(0, open, 1, "Write(kOwn, bytes, 5000)"));
  EXPECT_TRUE(Independent(0, "Write(kNull, bytes, 3)", 1, "Write(kNull, bytes, 3)"));
  EXPECT_TRUE(Independent(0, "Close(kNull)", 1, open));
}

TEST(NamedPairsTest, FilesAreOne) {
  EXPECT_FALSE(Independent(0, "Write(kOwn, bytes, 5000)", 1, "Stat(\"/data\")"));
  EXPECT_TRUE(Independent(0, "PRead(kShared, scratch, 3, 1)", 1, "Stat(\"/data\")"));
  EXPECT_FALSE(Independent(0, "Read(kShared, scratch, 3)", 1, "Read(kShared, scratch, 3)"));
  EXPECT_TRUE(Independent(0, "Read(kOwn, scratch, 3)", 1, "Read(kOwn, scratch, 3)"));
}

TEST(NamedPairsTest, AForkTakesTheNextNumber) {
  EXPECT_FALSE(Independent(0, "Fork", 1, "Fork"));
  EXPECT_TRUE(Independent(0, "Fork", 1, "Close(kEmptyWrite)"));
  EXPECT_TRUE(Independent(0, "Fork", 1, "Write(kEmptyWrite, bytes, 5)"));
  EXPECT_TRUE(Independent(0, "Fork", 1, "SetUid(33)"));
  EXPECT_FALSE(Independent("scarcity", 2, "Fork", 1, "SetUid(33)"));  // RLIMIT_NPROC counts
}

TEST(NamedPairsTest, OpenFilesAreCountedOnlyWhereTheyAreScarce) {
  EXPECT_TRUE(Independent(2, "Pipe", 1, "Close(kNull)"));
  EXPECT_FALSE(Independent("scarcity", 2, "Pipe", 1, "Close(kNull)"));
  EXPECT_TRUE(Independent("scarcity", 0, "Pipe", 1, "Close(kNull)"));  // may have any number
}

TEST(NamedPairsTest, TheParentOfAVforkWaitsForTheEndOfTheChild) {
  EXPECT_FALSE(Independent("vfork", 3, kClosing, 1, "GetUid"));
  EXPECT_FALSE(Independent("vfork", 3, "ExecVe", 1, "GetUid"));
  EXPECT_TRUE(Independent(3, kClosing, 1, "GetUid"));
}

TEST(NamedPairsTest, ExecClosesAndIsWhoItIs) {
  EXPECT_FALSE(Independent(2, "ExecVe", 0, "SetPgid(102, 0)"));
  EXPECT_FALSE(Independent(2, "ExecVe", 0, "Kill(102, SIGKILL)"));
  EXPECT_TRUE(Independent(2, "ExecVe", 0, "Write(kEmptyWrite, bytes, 5)"));
  EXPECT_FALSE(Independent(2, "ExecVe", 0, "Write(kOwn, bytes, 5000)"));
}

// Who stands at a call names what it will touch, whatever the others do until then.
TEST_F(FootprintsTest, FootprintsOfCallsHoldWhateverOthersDo) {
  std::mt19937 random(1);  // the same in every run
  const auto one_of = [&](const std::vector<Step>& steps) -> const Step& {
    return steps[random() % steps.size()];
  };
  for (const KernelCase& each : KernelCases()) {
    Begin(*each.kernel);
    const std::vector<Step> steps = StepsOf(*each.kernel);
    compared_ = 0;
    for (int i = 0; i < 20'000; ++i) {
      const Step& standing = one_of(steps);
      const Step& between = one_of(steps);
      if (standing.slot == between.slot || !standing.call->holds) continue;
      const Footprint footprint =
          standing.call->WholeFootprint(*each.kernel, standing.slot, When::kLater);
      CopyKernel(*each.kernel, *each.kernel, before_.get());
      const std::string made = between.call->make(before_.get(), between.slot);
      if (made == "waits" || !standing.call->IsPossible(*before_, standing.slot)) continue;
      for (int slot = 0; slot < before_->processes.used; ++slot) {
        const Step other = {one_of(steps).call, slot};
        if (slot == standing.slot || !other.call->IsPossible(*before_, slot)) continue;
        if (!AreIndependent(footprint, other.call->WholeFootprint(*before_, slot))) continue;
        ExpectTheSameInBothOrders(*before_, standing, other,
                                  each.name + ": after " + Name(*each.kernel, between) + ": ");
      }
    }
    EXPECT_GT(compared_, 1000) << each.name;
  }
}

}  // namespace
}  // namespace cleanfork::sim
