// Every branch of src/ that puts something right again is come to by an exploration of the
// library, or is one of those that are listed here with what they would take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cleanfork/explore.h"
#include "tests/explore/probes/probes_of_src.h"
#include "tests/explore/scenarios.h"

namespace cleanfork::explore {
namespace {

// What a probe takes that no scenario has.
enum class Takes {
  kOtherKernel,  // what SimOs does not model, or a state of it that a world cannot have
  kImpossible,   // an error that docs/faults.md says no kernel returns: defence in depth
  kNoScenario,   // nothing but a scenario that is still to be written, or wider bounds
};

struct Rare {
  const char* probe;
  Takes takes;
  const char* why;
};

const Rare kRare[] = {
    {"how a daemon has ended is not known", Takes::kNoScenario,
     "a first child that is killed between its daemon's end and its word"},
    {"the wait for the rest of a word is interrupted", Takes::kNoScenario,
     "a daemon that writes half a word: daemonize_hostile_test"},
    {"the rest of a word does not come", Takes::kNoScenario,
     "a daemon that writes half a word: daemonize_hostile_test"},
    {"what a daemon has written is no word", Takes::kNoScenario,
     "a daemon that writes something else: daemonize_hostile_test"},
    {"the pipe ends before a daemon is ready", Takes::kNoScenario,
     "a daemon that closes what it does not know"},
    {"a child that is to be signalled has been reaped by somebody else", Takes::kNoScenario,
     "no pidfd, and a thief that comes between a look and a signal"},
    {"a write takes a part", Takes::kNoScenario, "a write of more than PIPE_BUF bytes"},
    {"the PID namespace for children has had no process", Takes::kOtherKernel, "PID namespaces"},
    {"the PID namespace for children is dead", Takes::kOtherKernel, "PID namespaces"},
    {"whether the PID namespace for children is dead cannot be told", Takes::kOtherKernel,
     "PID namespaces"},
    {"the scheduling policy forbids to fork", Takes::kOtherKernel, "SCHED_DEADLINE"},
    {"a user has more groups than there was room for", Takes::kNoScenario, "a user of more groups"},
    {"a child is killed since the mask cannot be restored", Takes::kImpossible,
     "sigprocmask(2) that fails"},
    {"there is no sleeping between two forks", Takes::kImpossible, "clock_gettime(2) that fails"},
    {"there are no children without a termination signal", Takes::kOtherKernel,
     "clone(2) that is refused"},
    {"the mask is restored once more", Takes::kImpossible, "sigprocmask(2) that fails"},
    {"a killed child does not end in time", Takes::kOtherKernel,
     "a process that sleeps in the kernel"},
    {"a child whose pipe cannot be read is killed", Takes::kImpossible,
     "an error of read(2) of a pipe"},
    {"the pipe of a daemon cannot be read", Takes::kImpossible, "an error of read(2) of a pipe"},
    {"a descriptor is closed while locks are looked for", Takes::kNoScenario,
     "status of a service that closes files"},
    {"the locks of a descriptor cannot be read", Takes::kNoScenario,
     "status of a service, with a fault in /proc"},
    {"the writer of a pid file is known by the times alone", Takes::kNoScenario,
     "a stale file that names one who runs"},
    {"a pid file is of the future", Takes::kNoScenario, "a clock that was set back"},
    {"a pid file is being replaced again and again", Takes::kNoScenario,
     "as many other starters as attempts"},
    {"the open of a file of /proc is made again", Takes::kImpossible, "EINTR of open(2) in /proc"},
    {"the read of a file of /proc is made again", Takes::kImpossible, "EINTR of read(2) in /proc"},
    {"the read of a directory of /proc is made again", Takes::kImpossible,
     "an error of getdents(2)"},
    {"a log writer has ended and is replaced", Takes::kNoScenario,
     "a scenario of --reopen-logs: command_log_test"},
    {"a log writer does not finish in time", Takes::kNoScenario,
     "a scenario of --reopen-logs: command_log_test"},
    {"a supervisor could not start its program", Takes::kNoScenario,
     "a scenario of --respawn: command_respawn_test"},
    {"a supervisor finds nobody to tell that it is ready", Takes::kNoScenario,
     "a scenario of --respawn: command_respawn_test"},
    {"the wait of a supervisor is interrupted", Takes::kNoScenario,
     "a scenario of --respawn: command_respawn_test"},
    {"a program has ended too often", Takes::kNoScenario,
     "a scenario of --respawn: command_respawn_test"},
    {"a program is to be started again", Takes::kNoScenario,
     "a scenario of --respawn: command_respawn_test"},
    {"/proc is of another PID namespace, or is not there", Takes::kOtherKernel, "no /proc"},
    {"what is called /dev/null is something else", Takes::kOtherKernel, "another /dev/null"},
    {"a process ends before it is signalled", Takes::kNoScenario,
     "Stop() of a daemon that ends by itself"},
    {"whether a child has exec'd is asked of /proc, not of waitid", Takes::kOtherKernel,
     "waitid(2) without __WCLONE"},
    {"a hidden child is gone", Takes::kNoScenario,
     "a thief that waits for all children, with __WALL"},
    {"without /proc a child is judged by what it has reached", Takes::kOtherKernel, "no /proc"},
    {"a report breaks off", Takes::kImpossible, "a part of a write(2) of less than PIPE_BUF bytes"},
    {"a child has closed its pipe and is looked at again", Takes::kNoScenario,
     "a child whose hook closes the pipe"},
    {"the wait for a report fails and its pipe has to do", Takes::kImpossible,
     "ENOMEM of poll(2) of two descriptors"},
    {"a descriptor is busy and is installed again", Takes::kImpossible,
     "EBUSY of dup2(2) without threads"},
    {"the first child cannot read of the second and kills it", Takes::kImpossible,
     "an error of read(2) of a pipe"},
    {"a child cannot say that it is set up", Takes::kNoScenario,
     "a caller that is killed meanwhile, in more orders"},
    {"PWD does not say where we are", Takes::kNoScenario, "a relative path and another PWD"},
    {"the wait for a signal to hand on is interrupted", Takes::kNoScenario, "cleanfork run"},
};

// Daemons have three processes, and many orders: those of the first will do.
int PreemptionsFor(const Scenario& scenario) {
  if (scenario.name == "PidFile removed") return 3;
  const bool is_like_another = scenario.name.rfind("Daemonize ", 0) == 0;
  return is_like_another ? 0 : 1;
}

// Few orders, since any run that comes to a probe will do.
std::set<std::string> Hit() {
  std::set<std::string> hit;
  for (const Scenario& scenario : Scenarios()) {
    for (int kills = 0; kills <= 1; ++kills) {
      Slice slice;
      slice.name = kills == 0 ? "for probes" : "for probes, with a kill";
      slice.options.max_faults = kills == 0 ? 1 : 0;
      slice.options.max_kills = kills;
      slice.options.max_preemptions = PreemptionsFor(scenario);
      slice.options.reports = false;
      for (const auto& [probe, runs] : ExploreSlice(scenario, slice).probes) hit.insert(probe);
    }
  }
  return hit;
}

TEST(ProbesOfSrc, AreEachHitOrRare) {
  std::map<std::string, Rare> rare;
  for (const Rare& each : kRare) rare[each.probe] = each;
  const std::set<std::string> hit = Hit();
  for (const SourceProbe& probe : ProbesOfSrc()) {
    const bool is_rare = rare.count(probe.text) > 0;
    const bool is_hit = hit.count(probe.text) > 0;
    EXPECT_TRUE(is_hit || is_rare)
        << probe.file << ":" << probe.line << ": no exploration comes to \"" << probe.text << "\"";
    EXPECT_FALSE(is_hit && is_rare)
        << "\"" << probe.text << "\" is hit and need not be in the list any more";
    rare.erase(probe.text);
  }
  for (const auto& [text, each] : rare) ADD_FAILURE() << "there is no probe \"" << text << "\"";
}

}  // namespace
}  // namespace cleanfork::explore
