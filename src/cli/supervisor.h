// Supervisor: starts a program, and starts it again as --respawn says.
#ifndef CLEANFORK_SRC_CLI_SUPERVISOR_H_
#define CLEANFORK_SRC_CLI_SUPERVISOR_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "src/cli/launch.h"
#include "src/cli/log_writer.h"
#include "src/cli/report.h"
#include "src/cli/respawn.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

class Supervisor {
 public:
  // The signals that it takes, as any `run` does; they have to be blocked as long as it lives. HUP,
  // USR1 and USR2 it hands on; TERM, INT and QUIT too, and then it ends with the program.
  static SignalSet Signals();

  // `launch` is of a child in the caller's session, and without a pid file. All but it must outlive
  // the supervisor.
  Supervisor(Launch launch, const Settings& settings, std::string subcommand, Context& context)
      : launch_(std::move(launch)),
        settings_(settings),
        subcommand_(std::move(subcommand)),
        context_(context),
        os_(context.os),
        schedule_(settings.respawn),
        logs_(context.os) {}

  // Before the first start: the log writers, where there are to be any.
  absl::Status StartLogs() { return logs_.Start(settings_, &launch_); }

  // The pipe to the log writer of errors; -1: there is none.
  int error_log() const { return logs_.error_log(); }

  // After Run(), or a start that has failed: waits for the log writers.
  void FinishLogs() { logs_.Finish(); }

  // Starts it for the first time, and waits until it is ready, if that is asked for. After an error
  // nothing runs.
  absl::Status Start();

  // Of the program: the one that runs, or ran last.
  pid_t pid() const { return pid_; }

  // Returns when the program has ended for good; how. An error of code Aborted: it has ended too
  // often.
  absl::StatusOr<ExitStatus> Run();

 private:
  absl::StatusOr<std::optional<ExitStatus>> RunOnce();
  absl::Status TakeSignal(int64_t nanoseconds);
  absl::StatusOr<bool> Pause(const std::string& why);
  void Say(const std::string& what);

  Launch launch_;
  const Settings& settings_;
  const std::string subcommand_;
  Context& context_;
  Os& os_;
  RespawnSchedule schedule_;
  LogWriters logs_;
  std::optional<Child> child_;
  pid_t pid_ = 0;
  bool is_ending_ = false;  // it has been told to end
};

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_SUPERVISOR_H_
