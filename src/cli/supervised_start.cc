#include "src/cli/supervised_start.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/pid_file.h"
#include "cleanfork/probe.h"
#include "cleanfork/unique_fd.h"
#include "src/cli/exit_code.h"
#include "src/cli/supervisor.h"

namespace cleanfork::cli {
namespace {

// What the supervisor tells the starter, on a pipe of the two. Daemonize() brings a failure's text,
// but not the step that it is of, by which the exit status is told.
struct FirstWord {
  pid_t program = 0;
  int code = 0;  // of an absl::Status
  bool has_error = false;
  ChildError error;
};
static_assert(sizeof(FirstWord) < 512, "less than PIPE_BUF: written whole or not at all");

// For a child that stands in another directory than the caller.
absl::StatusOr<Stream> WithAbsolutePath(const Stream& stream, Os& os) {
  if (stream.kind() != Stream::Kind::kFile) return stream;
  const absl::StatusOr<std::string> path = AbsolutePath(stream.path(), os);
  if (!path.ok()) return path.status();
  return Stream::File(*path, stream.mode());
}

absl::Status MakePathsAbsolute(Launch* launch, Os& os) {
  for (Stream* stream : {&launch->options.in, &launch->options.out, &launch->options.err}) {
    absl::StatusOr<Stream> absolute = WithAbsolutePath(*stream, os);
    if (!absolute.ok()) return absolute.status();
    *stream = *std::move(absolute);
  }
  if (launch->pid_file.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> path = AbsolutePath(launch->pid_file, os);
  if (path.ok()) launch->pid_file = *path;
  return path.status();
}

// What the supervisor has of the streams: what the program inherits, and the place for its errors.
DaemonizeOptions OptionsOfSupervisor(const Launch& launch, bool has_log_writer, int word) {
  DaemonizeOptions options;
  const auto if_inherited = [](const Stream& stream) {
    return stream.kind() == Stream::Kind::kInherit ? stream : Stream::Null();
  };
  options.fork.in = if_inherited(launch.options.in);
  options.fork.out = if_inherited(launch.options.out);
  options.fork.err = has_log_writer ? Stream::Null() : launch.options.err;
  options.fork.retry = launch.options.retry;
  options.fork.keep_descriptors = launch.options.keep_descriptors;
  options.fork.keep_descriptors.push_back(word);
  options.fork.signal_mask = Supervisor::Signals();
  // A reader of its errors that has gone is not to end it.
  if (launch.options.err.kind() == Stream::Kind::kInherit) {
    options.fork.signal_mask.Add(SIGPIPE);
  }
  options.ready_timeout = absl::InfiniteDuration();  // the supervisor's own --timeout is the one
  options.keep_parent = true;
  return options;
}

// In the supervisor: to its end, whose exit status it returns.
int Supervise(Launch launch, const Settings& settings, const std::string& subcommand,
              Daemon& daemon, int word, Context& context) {
  Supervisor supervisor(std::move(launch), settings, subcommand, context);
  FirstWord first;
  absl::Status started = supervisor.StartLogs();
  if (started.ok()) started = supervisor.Start();
  // What it has to say itself stands where the program's errors do.
  if (started.ok() && supervisor.error_log() >= 0) {
    context.os.Dup2(supervisor.error_log(), 2).IgnoreError();
  }
  first.code = static_cast<int>(started.code());
  if (started.ok()) first.program = supervisor.pid();
  if (const std::optional<ChildError> error = GetChildError(started)) {
    first.has_error = true;
    first.error = *error;
  }
  WriteFully(context.os, word, &first, sizeof(first)).IgnoreError();
  context.os.Close(word).IgnoreError();
  if (!started.ok()) {
    CLEANFORK_PROBE("a supervisor could not start its program");
    supervisor.FinishLogs();
    daemon.Fail(started).IgnoreError();
    return ExitCodeOf(started);
  }
  // Nobody has been told that it is ready: it is not to stay, and its child goes with it.
  if (!daemon.Ready().ok()) {
    CLEANFORK_PROBE("a supervisor finds nobody to tell that it is ready");
    return kExitSystem;
  }
  const absl::StatusOr<ExitStatus> ended = supervisor.Run();
  int code = absl::IsAborted(ended.status()) ? int{kExitCrashLoop} : int{kExitSystem};
  if (ended.ok()) {
    code = ExitCodeOf(*ended);
  } else {
    ReportFailure(context, subcommand, ended.status(), code, false);
  }
  // Standard input is /dev/null, or what else does not keep a log writer waiting for its end.
  if (supervisor.error_log() >= 0) context.os.Dup2(0, 2).IgnoreError();
  supervisor.FinishLogs();
  return code;
}

// The supervisor's own error, from what Daemonize() and the supervisor say of it.
absl::Status FailureOf(const absl::Status& status, int word, Os& os) {
  FirstWord first;
  const SysResult<size_t> got = ReadFully(os, word, &first, sizeof(first));
  if (got.value_or(0) != sizeof(first) || first.code == 0 || !first.has_error) return status;
  // " [step exec, child 4711]: ... [step ready, ...]" is cut behind the supervisor's own words.
  std::string text(status.message());
  const size_t begin = text.find(" [step ");
  const size_t end = begin == std::string::npos ? begin : text.find(']', begin);
  if (end != std::string::npos) text.resize(end + 1);
  absl::Status own(static_cast<absl::StatusCode>(first.code), text);
  ChildErrorStatus("", first.error).ForEachPayload([&own](auto url, const auto& payload) {
    own.SetPayload(url, payload);
  });
  return own;
}

}  // namespace

absl::StatusOr<SupervisedService> StartSupervised(Launch launch, const Settings& settings,
                                                  const std::string& subcommand, Context& context) {
  Os& os = context.os;
  const absl::Status absolute = MakePathsAbsolute(&launch, os);
  if (!absolute.ok()) return absolute;
  std::optional<PidFile> pid_file;
  if (!launch.pid_file.empty()) {
    absl::StatusOr<PidFile> claimed = PidFile::Claim(launch.pid_file, os);
    if (!claimed.ok()) return claimed.status();
    pid_file = *std::move(claimed);
    launch.pid_file.clear();  // the supervisor's
  }
  LogFiles logs(os);
  if (!settings.reopen_logs) logs.Make(launch.options.err);
  const SysResult<PipeEnds> ends = os.Pipe2(O_CLOEXEC);
  if (!ends.ok()) {
    ChildError error;
    error.step = Step::kPipe;
    error.error = ends.error();
    return ChildErrorStatus("pipe", error);
  }
  const UniqueFd read(os, ends.value().read_end);
  UniqueFd write(os, ends.value().write_end);
  DaemonizeOptions options = OptionsOfSupervisor(launch, NeedsLogWriter(settings), write.get());
  if (pid_file.has_value()) options.fork.pid_file_descriptor = pid_file->descriptor();
  // One that the supervisor leaves behind, killed, would not be single any more.
  launch.options.session = Session::kKeep;
  launch.options.parent_death_signal = SIGKILL;
  context.out.flush();
  context.err.flush();
  absl::StatusOr<Daemon> daemon = Daemonize(options, os);
  if (daemon.ok() && daemon->in_daemon()) {
    const int code =
        Supervise(std::move(launch), settings, subcommand, *daemon, write.Release(), context);
    pid_file.reset();
    logs.Keep();
    os.Exit(code);
  }
  write.Reset();
  if (!daemon.ok()) return FailureOf(daemon.status(), read.get(), os);
  FirstWord first;
  ReadFully(os, read.get(), &first, sizeof(first)).IgnoreError();
  if (pid_file.has_value()) pid_file->Commit();
  logs.Keep();
  return SupervisedService{daemon->pid(), first.program};
}

}  // namespace cleanfork::cli
