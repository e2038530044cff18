// What a child is given besides its identity, read back from /proc.
#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os_wrapper.h"
#include "tests/real/entry_points.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

class ChildSettings : public EveryEntryPoint {
 protected:
  // Starts a child with `options` in a process of its own; what `wrong_with` finds in the child.
  template <typename Function>
  std::string StartAndLook(const ForkOptions& options, Function wrong_with) {
    const EntryPoint entry = GetParam();
    return InOwnProcess([&, entry] {
      const CallerState before = ReadCallerState();
      absl::StatusOr<Child> child = StartPausing(entry, options, RealOs());
      if (!child.ok()) return std::string(child.status().message());
      const std::optional<ProcessState> state = ReadProcessState(child->pid());
      if (!state.has_value()) return std::string("no such process");
      return wrong_with(*state) + Difference(before, ReadCallerState());
    });
  }
};

TEST_P(ChildSettings, NewPrivilegesAreRuledOutOnlyWhereThatIsAskedFor) {
  for (bool wanted : {false, true}) {
    ForkOptions options;
    options.no_new_privs = wanted;
    EXPECT_EQ(StartAndLook(options,
                           [wanted](const ProcessState& state) -> std::string {
                             return state.no_new_privs == wanted ? "" : "no_new_privs is wrong; ";
                           }),
              "")
        << wanted;
  }
}

// What a child of a starter that has ended ends with. The starter is a process between this one,
// which is the subreaper, and the child.
std::string EndOfAnOrphan(EntryPoint entry, const ForkOptions& options, int signal) {
  const pid_t starter = fork();
  if (starter == 0) {
    absl::StatusOr<Child> child = StartPausing(entry, options, RealOs());
    _exit(child.ok() ? 0 : 1);
  }
  int status = 0;
  if (waitpid(starter, &status, 0) != starter || status != 0) return "nothing was started";
  if (waitpid(-1, &status, 0) < 0) return "there is no orphan";
  return WIFSIGNALED(status) && WTERMSIG(status) == signal
             ? ""
             : "the orphan ended with status " + std::to_string(status);
}

TEST_P(ChildSettings, TheDeathOfTheParentReachesTheChild) {
  ForkOptions options;
  options.parent_death_signal = SIGKILL;
  EXPECT_EQ(InOwnProcess([&] { return EndOfAnOrphan(GetParam(), options, SIGKILL); }), "");
}

TEST_P(ChildSettings, TheDeathOfTheParentReachesAChildOfAnotherUser) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  ForkOptions options;
  options.parent_death_signal = SIGKILL;
  options.identity = Identity::User("nobody");
  EXPECT_EQ(InOwnProcess([&] { return EndOfAnOrphan(GetParam(), options, SIGKILL); }), "");
}

// A kernel in which the parent has ended while the child was set up.
class OrphaningOs : public OsWrapper {
 public:
  OrphaningOs() : OsWrapper(RealOs()) {}
  pid_t GetPpid() override { return 1; }
};

TEST_P(ChildSettings, AChildWhoseParentHasEndedMeanwhileIsNotStarted) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              ForkOptions options;
              options.parent_death_signal = SIGTERM;
              OrphaningOs os;
              absl::StatusOr<Child> child = StartPausing(entry, options, os);
              if (child.ok()) return std::string("it is started");
              const std::optional<ChildError> error = GetChildError(child.status());
              const bool right = error.has_value() && error->step == Step::kParentDeathSignal &&
                                 error->error == ESRCH;
              return (right ? "" : std::string(child.status().message())) + DescribeChildren();
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Real, ChildSettings, EntryPoints(), EntryPointTestName);

}  // namespace
}  // namespace cleanfork
