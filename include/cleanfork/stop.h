// StopProcess: ends a process, politely first.
//
//   absl::Status Stop(pid_t pid) {
//     absl::StatusOr<cleanfork::ProcessHandle> process = cleanfork::ProcessHandle::Open(pid);
//     if (!process.ok()) return process.status();
//     return cleanfork::StopProcess(*process);   // TERM/5s/KILL/5s
//   }
//
//   absl::StatusOr<cleanfork::StopSchedule> patient =
//       cleanfork::StopSchedule::Parse("INT/500ms/TERM/30s/KILL/5s");
//
// For any process, not only for children. Thread-compatible; not signal-safe.
#ifndef CLEANFORK_STOP_H_
#define CLEANFORK_STOP_H_

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/os.h"
#include "cleanfork/process_handle.h"

namespace cleanfork {

// What is sent when: the schedule of start-stop-daemon(8), written the same way.
struct StopSchedule {
  // Sends the signal, if it is not 0, and waits that long at the most for the end.
  struct Action {
    int signal = 0;
    absl::Duration wait;
  };

  // Range: at least one.
  std::vector<Action> actions = {{SIGTERM, absl::Seconds(5)}, {SIGKILL, absl::Seconds(5)}};

  // From this action on everything is repeated until the process has ended. Some action from it on
  // has to wait. Range: an index of `actions`.
  std::optional<size_t> repeat_from;

  // Reads items separated by slashes, each of them
  //   TERM, SIGTERM, -TERM, -15   a signal to send: by name or, after a '-', by number
  //   5, 5s, 500ms                how long to wait
  //   forever                     what follows is repeated until the process has ended
  // Two waits in a row add up. A duration alone, "10", means TERM/10s/KILL/10s, and 0 alone
  // nothing. After a signal at the end the wait is 5 s: a verdict passed at once would be a guess.
  // InvalidArgument, with the column, for anything else.
  static absl::StatusOr<StopSchedule> Parse(const std::string& text);

  // "TERM/5s/KILL/5s", which Parse() reads as the same schedule again.
  std::string ToString() const;
};

// Goes through the schedule until the process has ended. DeadlineExceeded if it still runs at the
// end of it; PermissionDenied if it may not be signalled; else the code of the errno. A zombie of
// somebody else's has ended. The waits are measured on CLOCK_MONOTONIC.
absl::Status StopProcess(ProcessHandle& process, const StopSchedule& schedule = StopSchedule(),
                         Os& os = RealOs());

}  // namespace cleanfork

#endif  // CLEANFORK_STOP_H_
