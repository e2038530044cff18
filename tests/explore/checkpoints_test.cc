// ExploreOptions::checkpoints: the same runs, begun where they differ from the one before.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cleanfork/checkers.h"
#include "cleanfork/explore.h"
#include "cleanfork/os.h"
#include "cleanfork/probe.h"
#include "cleanfork/process_local.h"
#include "cleanfork/sim_heap.h"
#include "mocks/sim/fiber.h"
#include "tests/explore/test_scenario.h"

namespace cleanfork {
namespace {

// Whether this build has them, and sees what bodies allocate: valgrind does not let it.
bool TakesCheckpoints() { return sim::Fiber::kCanBeSaved && SimHeap::IsInUse(); }

int Status(const SysResult<WaitResult>& waited) { return waited.ok() ? waited.value().status : -1; }

void EndChildren(Os& os) {
  while (os.WaitPid(-1, 0).ok()) continue;
}

// Much on the stack, in each frame something that depends on what calls have returned.
int Deep(Os& os, int depth) {
  int numbers[100];
  std::iota(std::begin(numbers), std::end(numbers), depth);
  numbers[depth] += os.Umask(static_cast<mode_t>(depth)) != 0 ? 1 : 0;
  if (depth < 6) numbers[depth] += Deep(os, depth + 1);
  numbers[7] += os.Open("/tmp/deep", O_WRONLY | O_CREAT, 0600).ok() ? 3 : 5;
  return std::accumulate(std::begin(numbers), std::end(numbers), 0) % 251;
}

int DeepBody(Os& os) {
  const pid_t child = os.Fork().value_or(-1);
  const int sum = Deep(os, 0);
  if (child == 0) os.Exit(sum);
  const int of_child = Status(os.WaitPid(-1, 0));
  return (sum + of_child / 256) % 251;
}

// A heap that grows, shrinks, and is used again: of all sizes.
int HeapBody(Os& os) {
  std::map<int, std::string> texts;
  std::vector<std::unique_ptr<std::vector<char>>> blocks;
  const pid_t child = os.Fork().value_or(-1);
  for (int i = 0; i < 6; ++i) {
    const bool ok = os.Stat("/tmp").ok();
    texts[i] = std::string(static_cast<size_t>(1 + i * 37), ok ? 'a' : 'b');
    blocks.push_back(std::make_unique<std::vector<char>>(size_t{1} << (3 * i), 'c'));
    if (!os.ChDir("/tmp").ok()) blocks.erase(blocks.begin());
    if (i % 2 == 1) texts.erase(i - 1);
  }
  size_t sum = 0;
  for (const auto& [number, text] : texts) sum += text.size() + (text[0] == 'b' ? 7 : 0);
  for (const auto& block : blocks) sum += block->size() + static_cast<size_t>(block->back());
  if (child == 0) os.Exit(static_cast<int>(sum % 251));
  return (Status(os.WaitPid(-1, 0)) / 256 + static_cast<int>(sum)) % 251;
}

struct alignas(256) Aligned {
  char bytes[256] = {};
};

int AlignedBody(Os& os) {
  auto first = std::make_unique<Aligned>();
  const pid_t child = os.Fork().value_or(-1);
  std::unique_ptr<Aligned> second;
  if (os.ChDir("/tmp").ok()) second = std::make_unique<Aligned>();
  first->bytes[7] = os.ChDir("/").ok() ? 1 : 2;
  if (second != nullptr) second->bytes[255] = os.ChDir("/tmp").ok() ? 3 : 4;
  const auto at =
      reinterpret_cast<uintptr_t>(first.get()) | reinterpret_cast<uintptr_t>(second.get());
  int status = first->bytes[7] + (second != nullptr ? 8 * second->bytes[255] : 0);
  if (at % alignof(Aligned) != 0) status = 100;
  if (child == 0) os.Exit(status);
  EndChildren(os);
  return status;
}

// Calls while an exception is on its way out, and while it is handled.
struct Closer {
  ~Closer() { os.Close(fd).IgnoreError(); }
  Os& os;
  int fd;
};

void Throw(Os& os) {
  const SysResult<int> fd = os.Open("/tmp/one", O_WRONLY | O_CREAT, 0600);
  const Closer closer{os, fd.value_or(-1)};
  if (!os.ChDir("/tmp").ok()) throw std::runtime_error("no /tmp, which takes more than a word");
  throw std::out_of_range("all is well, which takes more than a word as well");
}

int ThrowingBody(Os& os) {
  const pid_t child = os.Fork().value_or(-1);
  int status = 0;
  for (int i = 0; i < 2; ++i) {
    try {
      Throw(os);
    } catch (const std::out_of_range& error) {
      status += os.ChDir("/").ok() ? static_cast<int>(std::string(error.what()).size()) : 1;
    } catch (const std::runtime_error& error) {
      status += os.ChDir("/").ok() ? 3 : 4;
    }
  }
  if (child == 0 && status > 90) throw std::runtime_error("nobody catches it");
  if (child == 0) os.Exit(status);
  const int of_child = Status(os.WaitPid(-1, 0));
  return status + (of_child != 0 ? 100 : 0);
}

int handled = 0;
void Handle(int) { ++handled; }
Os* handler_os = nullptr;
void HandleWithCalls(int) {
  handler_os->ChDir("/tmp").IgnoreError();
  handler_os->ChDir("/").IgnoreError();
}

int HandlerBody(Os& os) {
  handler_os = &os;
  SignalAction action;
  action.handler = &HandleWithCalls;
  os.SigAction(SIGTERM, &action).IgnoreError();
  action.handler = &Handle;
  os.SigAction(SIGUSR1, &action).IgnoreError();
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) {
    os.SigTimedWait(SignalSet::Of(SIGHUP), 1'000'000).IgnoreError();
    os.Exit(os.ChDir("/tmp").ok() ? 1 : 2);
  }
  if (child > 0) os.Kill(child, SIGTERM).IgnoreError();
  return Status(os.WaitPid(-1, 0)) / 256;
}

// A handler that runs when the body has returned, and has something on the heap.
void HandleWithAHeap(int) {
  std::vector<std::string> texts(4, std::string(70, 'h'));
  for (int i = 0; i < 10; ++i) {
    if (!handler_os->ChDir("/tmp").ok()) texts.clear();
  }
  handler_os->Umask(static_cast<mode_t>(texts.size()));
}

int LateHandlerBody(Os& os) {
  handler_os = &os;
  SignalAction action;
  action.handler = &HandleWithAHeap;
  os.SigAction(SIGTERM, &action).IgnoreError();
  const pid_t child = os.Fork().value_or(-1);
  os.ChDir("/tmp").IgnoreError();
  if (child == 0) return 1;
  EndChildren(os);
  return 0;
}

// A child that runs in its parent's memory, and writes there.
struct Shared {
  Os& os;
  int error = 0;
};

int InVfork(void* argument) {
  auto* const shared = static_cast<Shared*>(argument);
  if (!shared->os.ChDir("/tmp").ok()) shared->error = 5;
  const char* const arguments[] = {"worker", nullptr};
  shared->error +=
      shared->os.ExecVe("/bin/worker", const_cast<char* const*>(arguments), nullptr).error();
  return 3;
}

int VforkBody(Os& os) {
  Shared shared{os};
  std::string text = "some words that stand on the heap";
  for (int i = 0; i < 2; ++i) {
    if (!os.VforkCall(&InVfork, &shared, SIGCHLD).ok()) text += " and one more";
  }
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) os.Exit(shared.error % 100);
  int sum = 0;
  for (int i = 0; i < 3; ++i) sum += Status(os.WaitPid(-1, 0)) != 0 ? 1 : 0;
  return sum + 10 * (shared.error != 0 ? 1 : 0) + static_cast<int>(text.size());
}

// The environment, and what it was.
int EnvironmentBody(Os& os) {
  os.SetEnv("ONE", "first").IgnoreError();
  os.SetEnv("TWO", "second").IgnoreError();
  const char* const first = os.GetEnv("ONE");
  const pid_t child = os.Fork().value_or(-1);
  for (int i = 0; i < 10; ++i) os.Stat("/tmp").IgnoreError();
  if (!os.ChDir("/tmp").ok()) os.SetEnv("ONE", "second").IgnoreError();
  for (int i = 0; i < 10; ++i) os.Stat("/tmp").IgnoreError();
  if (!os.ChDir("/").ok()) os.UnsetEnv("ONE").IgnoreError();
  for (int i = 0; i < 10; ++i) os.Stat("/tmp").IgnoreError();
  for (char* const* text = os.GetEnviron(); *text != nullptr; ++text) {
    if ((*text)[0] == 'T' && !os.ChDir("/tmp").ok()) (*text)[4] = 'o';
  }
  for (int i = 0; i < 10; ++i) os.Stat("/tmp").IgnoreError();
  const char* const last = os.GetEnv("ONE");
  const int status = (first[0] == 'f' ? 1 : 0) +
                     (last == nullptr  ? 2
                      : last[0] == 'f' ? 4
                                       : 8) +
                     (os.GetEnv("TWO")[0] == 'o' ? 16 : 0);
  if (child == 0) os.Exit(status);
  EndChildren(os);
  return status;
}

ProcessLocal<int> calls_failed(0);

// Variables that outlive functions: where there are some, no checkpoint is taken.
int LocalBody(Os& os) {
  const pid_t child = os.Fork().value_or(-1);
  for (int i = 0; i < 4; ++i) {
    if (!os.ChDir("/tmp").ok()) ++*calls_failed;
  }
  if (child == 0) os.Exit(*calls_failed);
  EndChildren(os);
  return *calls_failed + 10;
}

// What is noted for checkers, and which probes are come to.
int NotingBody(Os& os) {
  const pid_t child = os.Fork().value_or(-1);
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 8; ++j) os.Stat("/tmp").IgnoreError();
    const bool ok = os.ChDir("/tmp").ok();
    if (!ok) CLEANFORK_PROBE("a change of directory fails");
    Note("step", i * 2 + (ok ? 1 : 0));
  }
  if (child == 0) os.Exit(0);
  EndChildren(os);
  return 0;
}

// A pipe with something in it, that is full, and that ends.
int PipeBody(Os& os) {
  static char bytes[70'000];
  const SysResult<PipeEnds> pipe = os.Pipe();
  if (!pipe.ok()) return 9;
  const pid_t child = os.Fork().value_or(-1);
  if (child == 0) {
    os.Close(pipe.value().read_end).IgnoreError();
    const size_t put = os.Write(pipe.value().write_end, bytes, sizeof(bytes)).value_or(1);
    os.Exit(static_cast<int>(put % 250));
  }
  os.Close(pipe.value().write_end).IgnoreError();
  std::vector<char> got(8'000);
  size_t in_all = 0;
  for (;;) {
    const SysResult<size_t> some = os.Read(pipe.value().read_end, got.data(), got.size());
    if (some.value_or(0) == 0) break;
    in_all += some.value();
    got.resize(8'000 + in_all / 10);
    if (in_all > 30'000) break;
  }
  os.Close(pipe.value().read_end).IgnoreError();
  EndChildren(os);
  return static_cast<int>(in_all % 250);
}

// Three generations, where a child is forked from a child.
int FamilyBody(Os& os) {
  std::vector<int> seen;
  if (os.Fork().value_or(-1) == 0) {
    seen.push_back(1);
    if (os.Fork().value_or(-1) == 0) seen.push_back(os.GetPpid() == 1 ? 2 : 3);
    os.Exit(static_cast<int>(seen.size()) + seen.back());
  }
  seen.push_back(Status(os.WaitPid(-1, 0)) / 256);
  return std::accumulate(seen.begin(), seen.end(), 0);
}

struct Bounds {
  const char* name;
  int faults, signals, kills;
};
constexpr Bounds kBounds[] = {{"nothing", 0, 0, 0},    {"a fault", 1, 0, 0},
                              {"two faults", 2, 0, 0}, {"a signal", 0, 1, 0},
                              {"a kill", 0, 0, 1},     {"a fault, a kill", 1, 0, 1}};

ExploreOptions OptionsOf(const Bounds& bounds) {
  ExploreOptions options;
  options.max_faults = bounds.faults;
  options.max_signals = bounds.signals;
  options.max_kills = bounds.kills;
  options.signals = {SIGTERM};
  options.outcomes = true;
  options.progress = false;
  return options;
}

SimOsOptions WorldWithAWorker() {
  SimOsOptions world;
  world.programs.push_back({"/bin/worker", [](Os& os, const std::vector<std::string>&) {
                              return os.ChDir("/tmp").ok() ? 1 : 2;
                            }});
  world.files.push_back(kFileThatIsThere);
  return world;
}

std::string Totals(const ExploreResult& result) {
  std::string text = std::to_string(result.runs) + " runs, " + std::to_string(result.pruned) +
                     " given up, " + std::to_string(result.outcomes.size()) + " outcomes";
  for (const auto& [outcome, runs] : result.outcomes) {
    text += " " + std::to_string(outcome) + ":" + std::to_string(runs);
  }
  for (const auto& [probe, runs] : result.probes) text += ", " + probe + ":" + std::to_string(runs);
  for (const auto& [call, faults] : result.coverage) {
    for (const auto& [fault, runs] : faults) {
      text += " " + call + " " + fault + ":" + std::to_string(runs.absorbed) + "/" +
              std::to_string(runs.reported);
    }
  }
  return text;
}

class Checkpoints : public ::testing::TestWithParam<Small> {};

TEST_P(Checkpoints, LeadToTheSameRuns) {
  if (!TakesCheckpoints()) GTEST_SKIP() << "this build, or valgrind, does without";
  const SimHeap heap;
  for (const Bounds& bounds : kBounds) {
    for (const bool merge : {false, true}) {
      Scenario scenario = ScenarioOf(GetParam().body);
      scenario.world = WorldWithAWorker();
      ExploreOptions options = OptionsOf(bounds);
      options.merge_states = merge;
      options.max_runs = 1'500;
      std::vector<std::string> plans;
      scenario.checkers = {MakeChecker("plans", [&plans](const Execution& run) {
        plans.push_back(FaultPlanToString(run.deviations()));
        return std::string();
      })};
      const ExploreResult from_the_beginning = Explore(scenario, options);
      const std::vector<std::string> all_plans = std::exchange(plans, {});
      options.checkpoints = true;
      const ExploreResult result = Explore(scenario, options);
      EXPECT_EQ(Totals(result), Totals(from_the_beginning)) << bounds.name << ", " << merge;
      EXPECT_EQ(plans, all_plans);
      EXPECT_EQ(result.verdict, from_the_beginning.verdict);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, Checkpoints,
    ::testing::Values(Small{"Deep", &DeepBody}, Small{"Heap", &HeapBody},
                      Small{"Aligned", &AlignedBody}, Small{"Throwing", &ThrowingBody},
                      Small{"Handler", &HandlerBody}, Small{"LateHandler", &LateHandlerBody},
                      Small{"Vfork", &VforkBody}, Small{"Environment", &EnvironmentBody},
                      Small{"Local", &LocalBody}, Small{"Noting", &NotingBody},
                      Small{"Pipe", &PipeBody}, Small{"File", &WriteToOneFile},
                      Small{"Family", &FamilyBody}),
    [](const ::testing::TestParamInfo<Small>& info) { return info.param.name; });

// The signal is one deviation, and what goes otherwise after a checkpoint in its handler another.
TEST(Checkpoint, HandlersOfProcessesThatHaveReturnedKeepTheirMemory) {
  const SimHeap heap;
  const Scenario scenario = ScenarioOf(&LateHandlerBody);
  ExploreOptions options = OptionsOf({"a fault, a signal", 1, 1, 0});
  options.sticky_faults = false;
  const ExploreResult all = Explore(scenario, options);
  options.checkpoints = true;
  EXPECT_EQ(Totals(Explore(scenario, options)), Totals(all));
  EXPECT_EQ(all.verdict, ExploreResult::Verdict::kExhausted);
}

// A run that is begun where another one was does not begin its body again. (Another process does:
// it is made by running the body.)
TEST(Checkpoint, RunsBeginWhereTheyDiffer) {
  if (!TakesCheckpoints()) GTEST_SKIP() << "this build, or valgrind, does without";
  const SimHeap heap;
  int64_t begun = 0;
  const Scenario scenario = ScenarioOf([&begun](Os& os) {
    ++begun;
    for (int i = 0; i < 100; ++i) os.ChDir("/").IgnoreError();
    return 0;
  });
  ExploreOptions options = OptionsOf({"a fault", 1, 0, 0});
  options.sticky_faults = false;
  const ExploreResult all = Explore(scenario, options);
  EXPECT_EQ(all.runs, 201);  // each of the calls may fail in two ways
  EXPECT_GE(begun, all.runs);
  begun = 0;
  options.checkpoints = true;
  EXPECT_EQ(Explore(scenario, options).runs, all.runs);
  EXPECT_LT(begun, all.runs / 10);
}

// What a run that breaks a rule prints is what it printed.
TEST(Checkpoint, AFailureIsTheSame) {
  const SimHeap heap;
  Scenario scenario = ScenarioOf(&NotingBody);
  scenario.checkers = {MakeChecker("two calls in a row do not fail", [](const Execution& run) {
    int64_t failed = 0;
    for (const ExecutedNote& note : run.notes()) failed += note.process == 1 && note.value % 2 == 0;
    return failed == 2 ? std::string("two have failed") : std::string();
  })};
  ExploreOptions options = OptionsOf({"two faults", 2, 0, 0});
  const ExploreResult all = Explore(scenario, options);
  options.checkpoints = true;
  const ExploreResult result = Explore(scenario, options);
  ASSERT_EQ(all.failures.size(), 1);
  ASSERT_EQ(result.failures.size(), 1);
  EXPECT_EQ(result.failures[0].plan, all.failures[0].plan);
  EXPECT_EQ(result.failures[0].picture, all.failures[0].picture);
  EXPECT_EQ(result.runs, all.runs);
}

// A rule that holds of runs that are made again: what the first run of a body leaves for good.
TEST(Checkpoint, WhatIsMadeOnceIsNoLeak) {
  const SimHeap heap;
  Scenario scenario = ScenarioOf([](Os& os) {
    static std::string* kept = nullptr;
    const pid_t child = os.Fork().value_or(-1);
    const bool ok = os.ChDir("/tmp").ok();
    if (child == 0) os.Exit(ok ? 0 : 1);
    EndChildren(os);
    if (!ok && kept == nullptr)
      kept = new std::string("made where a call fails for the first time");
    return kept != nullptr ? static_cast<int>(kept->size() % 2) : 0;
  });
  scenario.checkers = {HeapAsBefore()};
  ExploreOptions options = OptionsOf({"two faults", 2, 0, 0});
  options.checkpoints = true;
  const ExploreResult result = Explore(scenario, options);
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted) << result;
}

// Heaps are given back: a thousand runs, each with a process that leaves all that it has.
TEST(Checkpoint, MemoryOfProcessesIsUsedAgain) {
  const SimHeap heap;
  const Scenario scenario = ScenarioOf([](Os& os) {
    for (int i = 0; i < 4; ++i) {
      if (os.Fork().value_or(-1) == 0) {
        auto* const text = new std::string(100'000, 'x');
        os.Exit(os.ChDir("/tmp").ok() ? 0 : static_cast<int>(text->size() % 100));
      }
    }
    EndChildren(os);
    return 0;
  });
  ExploreOptions options = OptionsOf({"a fault", 1, 0, 0});
  options.merge_states = options.checkpoints = true;
  const ExploreResult result = Explore(scenario, options);
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted);
  EXPECT_GT(result.runs + result.pruned, 1000);
}

// What a child's body has left on the heap when it returned may be anybody's: its arena stays.
TEST(Checkpoint, AnyNumberOfProcessesMayLeaveSomething) {
  if (!TakesCheckpoints()) GTEST_SKIP() << "this build, or valgrind, does without";
  const SimHeap heap;
  Scenario scenario = ScenarioOf([](Os& os) {
    if (os.Fork().value_or(-1) == 0) {
      new std::string("a child that returns leaves this behind");
      return os.ChDir("/tmp").ok() ? 0 : 1;
    }
    EndChildren(os);
    return 0;
  });
  ExploreOptions options = OptionsOf({"two faults", 2, 0, 0});
  options.checkpoints = true;
  int64_t runs = 0;
  for (int i = 0; i < 200; ++i) runs += Explore(scenario, options).runs;
  EXPECT_GT(runs, 2 * 1024);  // more than there may be in use at once
}

// One after the other, while the checkpoints at which they lived are held.
TEST(Checkpoint, AnyNumberOfProcessesMayEnd) {
  const SimHeap heap;
  const Scenario scenario = ScenarioOf([](Os& os) {
    for (int i = 0; i < 1100; ++i) {
      if (os.Fork().value_or(-1) == 0) {
        for (int j = 0; j < 8; ++j) os.ChDir("/tmp").IgnoreError();
        os.Exit(0);
      }
      EndChildren(os);
    }
    return 0;
  });
  ExploreOptions options = OptionsOf({"nothing", 0, 0, 0});
  options.checkpoints = true;
  options.max_calls = 1'000'000;
  EXPECT_EQ(Explore(scenario, options).verdict, ExploreResult::Verdict::kExhausted);
}

// A table that a function makes when it is first come to: after a checkpoint at which there are two
// ways to go on.
TEST(Checkpoint, StaticsOfABodyAreNobodys) {
  const SimHeap heap;
  const Scenario scenario = ScenarioOf([](Os& os) {
    const pid_t child = os.Fork().value_or(-1);
    for (int i = 0; i < 10; ++i) os.ChDir("/tmp").IgnoreError();
    const bool is_first = os.Open("/tmp/first", O_WRONLY | O_CREAT | O_EXCL, 0600).ok();
    static const std::vector<std::string> table(3, std::string(100, 't'));
    const std::vector<std::string> own(3, std::string(100, is_first ? 'o' : 'p'));
    for (int i = 0; i < 10; ++i) os.ChDir("/tmp").IgnoreError();
    int sum = own[2][50];
    for (const std::string& text : table) sum += static_cast<int>(text.size()) + text[50];
    if (child == 0) os.Exit(sum % 251);
    EndChildren(os);
    return sum % 251;
  });
  ExploreOptions options = OptionsOf({"nothing", 0, 0, 0});
  options.checkpoints = true;
  const ExploreResult result = Explore(scenario, options);
  EXPECT_GT(result.runs, 1);
  options.checkpoints = false;
  EXPECT_EQ(Totals(result), Totals(Explore(scenario, options)));
}

// An exploration within another, which goes on after it as before.
TEST(Checkpoint, ACheckerMayExplore) {
  const SimHeap heap;
  ExploreOptions options = OptionsOf({"a fault", 1, 0, 0});
  options.checkpoints = true;
  Scenario scenario = ScenarioOf(&HeapBody);
  const ExploreResult alone = Explore(scenario, options);
  int inner = 0;
  scenario.checkers = {MakeChecker("explores", [&](const Execution&) {
    ExploreOptions within = options;
    within.checkpoints = ++inner % 3 != 0;
    if (inner < 10) Explore(ScenarioOf(&PipeBody), within);
    return std::string();
  })};
  EXPECT_EQ(Totals(Explore(scenario, options)), Totals(alone));
}

TEST(CheckpointDeathTest, ALargeHeapIsRefused) {
  if (!TakesCheckpoints()) GTEST_SKIP() << "this build, or valgrind, does without";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const SimHeap heap;
  ExploreOptions options;
  options.checkpoints = true;
  const Scenario scenario = ScenarioOf([](Os&) {
    const std::vector<char> large(size_t{200} << 20);
    return static_cast<int>(large.size() % 7);
  });
  EXPECT_DEATH(Explore(scenario, options), "more on its heap than there is room for");
}

TEST(CheckpointDeathTest, TakesASimHeap) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ExploreOptions options;
  options.checkpoints = true;
  EXPECT_DEATH(Explore(ScenarioOf([](Os&) { return 0; }), options),
               "checkpoints needs a SimHeap: make one");
}

}  // namespace
}  // namespace cleanfork
