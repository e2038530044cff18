// ExploreOptions::merge_states: fewer runs, and all that can be seen in them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cleanfork/checkers.h"
#include "cleanfork/explore.h"
#include "cleanfork/explore_matchers.h"
#include "cleanfork/os.h"
#include "cleanfork/os_call.h"
#include "tests/explore/test_scenario.h"

namespace cleanfork {
namespace {

using ::testing::IsEmpty;

ExploreOptions Merging(int faults) {
  ExploreOptions options;
  options.max_faults = faults;
  options.merge_states = true;
  options.outcomes = true;
  options.progress = false;
  return options;
}

// The states are a grid of so many steps of one process by so many of the other. Depth first there
// is one run to the end, and one for each step that leads to where another has led: it is given up
// there if either may go on, and ends at the grid's edge if only one may.
TEST(MergeStates, OfAGridEachPointIsLeftOnce) {
  for (int parent_calls = 0; parent_calls <= 4; ++parent_calls) {
    for (int child_calls = 0; child_calls <= 4; ++child_calls) {
      const Scenario scenario = ScenarioOf([=](Os& os) {
        const bool is_child = os.Fork().value() == 0;
        CallOften(os, is_child ? child_calls : parent_calls);
        if (is_child) os.Exit(0);
        return os.WaitPid(-1, 0).ok() ? 0 : 1;
      });
      ExploreOptions options = Merging(0);
      options.reduce = false;
      const ExploreResult result = Explore(scenario, options);
      EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted);
      // To begin to wait is a step, too; and an end is two.
      const int64_t parent = parent_calls + 1, child = child_calls + 2;
      EXPECT_EQ(result.runs, parent + child);
      EXPECT_EQ(result.pruned, (parent - 1) * (child - 1));
    }
  }
}

int handled = 0;
void Handle(int) { ++handled; }

// Two write more than fits, and one reads a part, after which either may go on: how much each has
// written shows when a signal interrupts it, and nowhere before.
int WritersBody(Os& os) {
  static char bytes[100'000];
  const SysResult<PipeEnds> made = os.Pipe();
  if (!made.ok()) return 9;
  for (int i = 0; i < 2; ++i) {
    if (os.Fork().value_or(-1) != 0) continue;
    SignalAction action;
    action.handler = &Handle;
    os.SigAction(SIGTERM, &action).IgnoreError();
    const size_t put = os.Write(made.value().write_end, bytes, sizeof(bytes)).value_or(1);
    os.Exit(static_cast<int>(put / 4096));
  }
  os.Read(made.value().read_end, bytes, 8192).IgnoreError();
  os.Read(made.value().read_end, bytes, 8192).IgnoreError();
  return 0;
}

// A child leaves the group that is waited for, and the other one ends.
int GroupBody(Os& os) {
  const pid_t one = os.Fork().value_or(-1);
  if (one == 0) {
    os.SetPgid(0, 0).IgnoreError();
    os.Exit(1);
  }
  if (os.Fork().value_or(-1) == 0) os.Exit(2);
  const SysResult<WaitResult> first = os.WaitPid(0, 0);
  const SysResult<WaitResult> second = os.WaitPid(0, 0);
  return (first.ok() ? 1 : 0) + (second.ok() ? 2 : 0);
}

// A child sees a file or does not; then it is another program, and the file is gone.
int ExecBody(Os& os) {
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) {
    os.Stat("/tmp/one").IgnoreError();
    const char* const arguments[] = {"worker", nullptr};
    os.ExecVe("/bin/worker", const_cast<char* const*>(arguments), nullptr).IgnoreError();
    os.Exit(3);
  }
  if (child < 0) return 9;
  const SysResult<int> fd = os.Open("/tmp/one", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd.ok()) os.Close(fd.value()).IgnoreError();
  os.Unlink("/tmp/one").IgnoreError();
  return os.WaitPid(child, 0).ok() ? 0 : 1;
}

// Killed at the end of a call, or at the beginning of the next one: between them there is code.
int KilledBody(Os& os) {
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) {
    os.Umask(0);
    Note("got there", 1);
    os.Umask(022);
    os.Exit(0);
  }
  if (child < 0) return 9;
  os.Kill(child, SIGKILL).IgnoreError();
  return os.WaitPid(child, 0).ok() ? 0 : 1;
}

// Nobody knows of the one who throws but by what is said of it; the other end is SIGABRT's.
int ThrowingBody(Os& os) {
  const SignalSet set = SignalSet::Of(SIGABRT);
  os.SigProcMask(SIG_BLOCK, &set).IgnoreError();
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) {
    os.SigProcMask(SIG_UNBLOCK, &set).IgnoreError();
    throw std::runtime_error("thrown");
  }
  if (child < 0) return 9;
  for (int i = 0; i < 2; ++i) os.Kill(child, SIGABRT).IgnoreError();
  os.WaitPid(child, 0).IgnoreError();
  return 0;
}

void NoteSender(int, siginfo_t* info, void*) {
  Note("uid", info->si_uid);
  Note("code", info->si_code);
}

// A signal that was pending is dropped, and comes again from who is somebody else by now.
int SenderBody(Os& os) {
  const SignalSet set = SignalSet::Of(SIGUSR1);
  os.SigProcMask(SIG_BLOCK, &set).IgnoreError();
  const pid_t parent = os.GetPid();
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) {
    os.Kill(parent, SIGUSR1).IgnoreError();
    os.SetReUid(33, 0).IgnoreError();
    os.Kill(parent, SIGUSR1).IgnoreError();
    os.Exit(0);
  }
  SignalAction action;
  action.handler = SIG_IGN;
  os.SigAction(SIGUSR1, &action).IgnoreError();
  action.handler = SIG_DFL;
  action.info_handler = &NoteSender;
  os.SigAction(SIGUSR1, &action).IgnoreError();
  os.SigProcMask(SIG_UNBLOCK, &set).IgnoreError();
  if (child > 0) os.WaitPid(child, 0).IgnoreError();
  return 0;
}

// The child is stopped before it reads, where the read may come short afterwards; or as it waits.
int StoppedBody(Os& os) {
  const PipeEnds ready = os.Pipe().value_or(PipeEnds());
  const PipeEnds data = os.Pipe().value_or(PipeEnds());
  const pid_t child = os.Fork().value_or(-1);
  char bytes[4] = {};
  if (child == 0) {
    os.Write(ready.write_end, "r", 1).IgnoreError();
    os.Exit(static_cast<int>(os.Read(data.read_end, bytes, 4).value_or(100)));
  }
  if (child < 0) return 9;
  os.Read(ready.read_end, bytes, 1).IgnoreError();
  os.Kill(child, SIGSTOP).IgnoreError();
  os.WaitPid(child, WUNTRACED).IgnoreError();
  os.Write(data.write_end, "abcd", 4).IgnoreError();
  os.Kill(child, SIGCONT).IgnoreError();
  os.WaitPid(child, 0).IgnoreError();
  return 0;
}

// The child may wait for room with a receiver that is gone when another one has its name.
int SendingBody(Os& os) {
  UnixAddress address;
  address.bytes[1] = 'n';
  address.size = 2;
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) {
    const int fd = os.Socket(AF_UNIX, SOCK_DGRAM, 0).value_or(-1);
    os.Exit(os.SendTo(fd, "c", 1, 0, &address).error());
  }
  if (child < 0) return 9;
  int fd = -1;
  for (int holder = 0; holder < 2; ++holder) {
    if (fd >= 0) os.Close(fd).IgnoreError();
    fd = os.Socket(AF_UNIX, SOCK_DGRAM, 0).value_or(-1);
    os.Bind(fd, &address).IgnoreError();
    for (int i = 0; i < 11; ++i) os.SendTo(fd, "x", 1, MSG_DONTWAIT, &address).IgnoreError();
  }
  char byte;
  os.RecvMsg(fd, &byte, 1, 0).IgnoreError();
  os.WaitPid(child, 0).IgnoreError();
  return 0;
}

std::vector<Small> SmallBodies() {
  return {{"writers", WritersBody}, {"group", GroupBody},       {"exec", ExecBody},
          {"killed", KilledBody},   {"throwing", ThrowingBody}, {"sender", SenderBody},
          {"stopped", StoppedBody}, {"sending", SendingBody},   {"file", WriteToOneFile}};
}

// All that can be told of a run, but for the order in which different processes did what they did.
std::string Told(const Execution& run) {
  std::multiset<std::string> lines;
  for (const FaultEntry& entry : run.deviations()) lines.insert(entry.ToString());
  for (size_t i = 0; i < run.processes().size(); ++i) {
    const ExecutedProcess& process = run.processes()[i];
    const int index = static_cast<int>(i);
    std::string line = process.path.ToString() + " " + std::to_string(process.wait_status);
    for (const ExecutedCall& call : run.calls()) {
      if (call.process != index) continue;
      line += std::string(" ") + GetOsCallInfo(call.call).name + "=" +
              std::to_string(call.error != 0 ? -call.error : call.value);
    }
    for (const ExecutedNote& note : run.notes()) {
      if (note.process == index) line += " " + note.key + ":" + std::to_string(note.value);
    }
    lines.insert(line);
  }
  std::string told = run.message();
  for (const std::string& line : lines) told += "\n  " + line;
  return told;
}

std::set<std::string> AllTold(const Small& small, const ExploreOptions& options, int64_t* runs) {
  Scenario scenario = ScenarioOf(small.body);
  const auto worker = [](Os& os, const std::vector<std::string>&) {
    os.Stat("/").IgnoreError();
    return 0;
  };
  scenario.world.programs.push_back({"/bin/worker", worker});
  scenario.world.files.push_back(kFileThatIsThere);
  std::vector<std::string> told;
  scenario.checkers = {MakeChecker("told", [&told](const Execution& run) {
    told.push_back(Told(run));
    return std::string();
  })};
  const ExploreResult result = Explore(scenario, options);
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted) << small.name;
  *runs = result.runs;
  // Before these are those of explorations that were begun again.
  return {told.end() - result.runs, told.end()};
}

void ExpectSameOutcomes(const Small& small, ExploreOptions options) {
  options.merge_states = false;
  int64_t all_runs = 0, runs = 0;
  const std::set<std::string> all = AllTold(small, options, &all_runs);
  options.merge_states = true;
  EXPECT_EQ(AllTold(small, options, &runs), all) << small.name;
  EXPECT_LE(runs, all_runs) << small.name;
  options.reduce = false;
  EXPECT_EQ(AllTold(small, options, &runs), all) << small.name << ", with merged states alone";
}

TEST(MergeStates, FindsTheSameOutcomesOfFaults) {
  for (const Small& small : SmallBodies()) {
    ExpectSameOutcomes(small, Merging(0));
    ExpectSameOutcomes(small, Merging(1));
  }
}

TEST(MergeStates, FindsTheSameOutcomesOfSignalsAndKills) {
  for (const Small& small : SmallBodies()) {
    ExploreOptions options = Merging(0);
    options.signals = {SIGTERM};
    options.max_signals = 1;
    ExpectSameOutcomes(small, options);
    options.max_signals = 0;
    options.max_kills = 1;
    ExpectSameOutcomes(small, options);
  }
}

TEST(MergeStates, ShardsFindTheOutcomesOfTheWholeBetweenThem) {
  const Scenario scenario = ScenarioOf(GroupBody);
  ExploreOptions options = Merging(2);
  const ExploreResult whole = Explore(scenario, options);
  options.shards = 3;
  std::set<uint64_t> outcomes;
  for (options.shard = 0; options.shard < options.shards; ++options.shard) {
    const ExploreResult part = Explore(scenario, options);
    EXPECT_LT(part.runs, whole.runs);
    for (uint64_t outcome : OutcomesOf(part)) outcomes.insert(outcome);
  }
  EXPECT_EQ(outcomes, OutcomesOf(whole));
}

// Which it does by making it once more: in states in which it has been.
TEST(MergeStates, ARunThatBreaksARuleIsShownAndCanBeReplayed) {
  Scenario scenario = ScenarioOf(GroupBody);
  scenario.checkers.push_back(MakeChecker("the first one is found", [](const Execution& run) {
    return run.processes()[0].wait_status == 0 ? "nobody was" : "";
  }));
  const ExploreResult result = Explore(scenario, Merging(1));
  ASSERT_EQ(result.verdict, ExploreResult::Verdict::kFailed);
  const ReplayResult replay = Replay(scenario, result.failures[0].plan);
  EXPECT_THAT(replay.error, IsEmpty());
  EXPECT_EQ(replay.rule, "the first one is found");
}

class HoldsOfRepeats : public Checker {
 public:
  std::string name() const override { return "the run is made again"; }
  std::string Check(const Execution& run) const override {
    return run.processes()[0].end == ExecutedProcess::End::kReturned ? "it comes to its end" : "";
  }
  bool HoldsOfRepeatedRuns() const override { return true; }
};

TEST(MergeStates, ARunThatHasToBeRepeatedIs) {
  Scenario scenario = ScenarioOf([](Os& os) { return os.Umask(022) == 0 ? 1 : 0; });
  scenario.checkers = {std::make_shared<HoldsOfRepeats>()};
  const ExploreResult result = Explore(scenario, Merging(0));
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kFailed);
}

TEST(MergeStatesDeathTest, IsRefusedWithABoundOnPreemptions) {
  ExploreOptions options = Merging(0);
  options.max_preemptions = 1;
  EXPECT_DEATH(Explore(ScenarioOf(GroupBody), options), "merge_states does not go with");
}

}  // namespace
}  // namespace cleanfork
