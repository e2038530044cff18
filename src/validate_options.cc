#include "src/validate_options.h"

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cleanfork/child_error.h"
#include "src/invalid_options.h"

namespace cleanfork {
namespace {

absl::Status ValidateRetry(const RetryPolicy& retry) {
  if (retry.attempts < 1 || retry.attempts > RetryPolicy::kMaxAttempts) {
    return InvalidOptions(
        absl::StrCat("retry: attempts is not from 1 to ", RetryPolicy::kMaxAttempts));
  }
  if (!(retry.jitter >= 0 && retry.jitter <= 1)) {
    return InvalidOptions("retry: jitter is not from 0 to 1");
  }
  const absl::Duration zero = absl::ZeroDuration();
  if (retry.initial < zero || retry.cap < zero || retry.budget < zero) {
    return InvalidOptions("retry: a duration is negative");
  }
  return absl::OkStatus();
}

absl::Status ValidateSignals(const ForkOptions& options, bool execs) {
  for (const SignalHandler& handler : options.signal_handlers) {
    if (handler.signal < 1 || handler.signal > SignalSet::kMaxSignal || handler.signal == SIGKILL ||
        handler.signal == SIGSTOP) {
      return InvalidOptions(
          absl::StrCat("signal_handlers: signal ", handler.signal, " cannot have one"));
    }
    const bool is_function =
        handler.action.info_handler != nullptr ||
        (handler.action.handler != SIG_DFL && handler.action.handler != SIG_IGN);
    if (execs && is_function) {
      return InvalidOptions(absl::StrCat("signal_handlers: the handler of signal ", handler.signal,
                                         " does not survive an exec; only SIG_IGN does"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateDescriptors(const ForkOptions& options) {
  for (int fd : options.keep_descriptors) {
    if (fd < 3) {
      return InvalidOptions(absl::StrCat("keep_descriptors: ", fd,
                                         " is not 3 or more; 0 to 2 are set by in, out and err"));
    }
  }
  if (options.pid_file_descriptor != -1 && options.pid_file_descriptor < 3) {
    return InvalidOptions("pid_file_descriptor is not 3 or more");
  }
  for (const Stream* stream : {&options.in, &options.out, &options.err}) {
    if (stream->path().find('\0') != std::string::npos) {
      return InvalidOptions("a stream's path holds a NUL byte");
    }
    if (stream->kind() == Stream::Kind::kPipe && options.session == Session::kDaemon) {
      return InvalidOptions("a daemon's stream cannot be a pipe to the program that starts it");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateCommand(const ForkOptions& options, const Command& command) {
  if (command.empty() || command[0].empty()) return InvalidOptions("command: no program is named");
  for (const std::string& word : command) {
    if (word.find('\0') != std::string::npos) {
      return InvalidOptions("command: an argument holds a NUL byte");
    }
  }
  if (options.in_child || options.reseed) {
    return InvalidOptions("in_child and reseed run in the child's own code: not before an exec");
  }
  return absl::OkStatus();
}

// After unshare(2) with CLONE_NEWPID a child's own idea of a pid is not this process's, so that a
// second child's pid would name a stranger here.
absl::Status ValidatePidNamespace(Os& os) {
  SysResult<FileStatus> own = os.Stat("/proc/self/ns/pid");
  if (!own.ok()) return absl::OkStatus();  // no /proc, nothing to be learnt
  SysResult<FileStatus> of_children = os.Stat("/proc/self/ns/pid_for_children");
  if (of_children.ok() && of_children.value().inode == own.value().inode) return absl::OkStatus();
  // ENOENT: a namespace that has no process yet.
  if (!of_children.ok() && of_children.error() != ENOENT) {
    ChildError error;
    error.step = Step::kValidate;
    error.error = of_children.error();
    return ChildErrorStatus("stat(\"/proc/self/ns/pid_for_children\")", error);
  }
  return InvalidOptions(
      "a daemon or a pid file needs pids that are ours, and this process's children are in another "
      "PID namespace");
}

}  // namespace

absl::Status ValidateOptions(const ForkOptions& options, const Command* command, Os& os) {
  absl::Status status = ValidateRetry(options.retry);
  if (status.ok()) status = ValidateSignals(options, command != nullptr);
  if (status.ok()) status = ValidateDescriptors(options);
  if (status.ok() && command != nullptr) status = ValidateCommand(options, *command);
  const bool needs_pid = options.session == Session::kDaemon || options.pid_file_descriptor != -1;
  if (status.ok() && needs_pid) status = ValidatePidNamespace(os);
  if (!status.ok()) return status;
  if (options.umask.has_value() && (*options.umask & ~mode_t{0777}) != 0) {
    return InvalidOptions("umask is not from 0 to 0777");
  }
  if (!options.directory.empty() &&
      (options.directory[0] != '/' || options.directory.find('\0') != std::string::npos)) {
    return InvalidOptions("directory is not an absolute path");
  }
  return absl::OkStatus();
}

}  // namespace cleanfork
