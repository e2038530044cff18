#include "src/validate_options.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cleanfork/child_error.h"
#include "cleanfork/names.h"
#include "cleanfork/probe.h"
#include "src/invalid_options.h"
#include "src/listen_variables.h"

namespace cleanfork {
namespace {

bool IsAbsolute(const std::string& path) {
  return path[0] == '/' && path.find('\0') == std::string::npos;
}

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

absl::Status ValidateTarget(const ForkOptions& options, int to) {
  const auto& kept = options.keep_descriptors;
  const char* why = nullptr;
  if (to == 0 && options.in.kind() != Stream::Kind::kNull) why = "in";
  if (to == 1 && options.out.kind() != Stream::Kind::kNull) why = "out";
  if (to == 2 && options.err.kind() != Stream::Kind::kKeepIfRegularFile) why = "err";
  if (std::find(kept.begin(), kept.end(), to) != kept.end()) why = "keep_descriptors";
  if (to == options.pid_file_descriptor) why = "pid_file_descriptor";
  if (why == nullptr) return absl::OkStatus();
  return InvalidOptions(absl::StrCat("descriptors: ", to, " is set by ", why, " already"));
}

absl::Status ValidateMoves(const ForkOptions& options) {
  for (size_t i = 0; i < options.descriptors.size(); ++i) {
    const DescriptorMove& move = options.descriptors[i];
    if (move.from < 0 || move.to < 0) return InvalidOptions("descriptors: a number is negative");
    absl::Status status = ValidateTarget(options, move.to);
    if (!status.ok()) return status;
    for (size_t j = 0; j < i; ++j) {
      if (options.descriptors[j].to == move.to) {
        return InvalidOptions(absl::StrCat("descriptors: two are to become ", move.to));
      }
    }
    for (const ChildLimit& limit : options.limits) {
      if (limit.resource == RLIMIT_NOFILE && limit.limit.soft <= static_cast<uint64_t>(move.to)) {
        return InvalidOptions(
            absl::StrCat("descriptors: ", move.to, " is not below the RLIMIT_NOFILE of limits"));
      }
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
// second child's pid would name a stranger here, and its getppid(2) is 0. The namespace for
// children is the calling thread's own: pid_namespaces(7).
absl::Status ValidatePidNamespace(const char* what, Os& os) {
  SysResult<FileStatus> own = os.Stat("/proc/thread-self/ns/pid");
  if (!own.ok()) {
    CLEANFORK_PROBE("there is no /proc to tell the PID namespace");
    return absl::OkStatus();
  }
  SysResult<FileStatus> of_children = os.Stat("/proc/thread-self/ns/pid_for_children");
  if (of_children.ok() && of_children.value().inode == own.value().inode) return absl::OkStatus();
  // ENOENT: a namespace that has no process yet.
  if (!of_children.ok() && of_children.error() != ENOENT) {
    ChildError error;
    error.step = Step::kValidate;
    error.error = of_children.error();
    return ChildErrorStatus("stat(\"/proc/thread-self/ns/pid_for_children\")", error);
  }
  return InvalidOptions(
      absl::StrCat(what, " from a process whose children are in another PID namespace"));
}

absl::Status ValidateLimits(const std::vector<ChildLimit>& limits) {
  for (size_t i = 0; i < limits.size(); ++i) {
    const ChildLimit& limit = limits[i];
    const char* name = ResourceName(limit.resource);
    if (name == nullptr) {
      return InvalidOptions(absl::StrCat("limits: ", limit.resource, " is no resource"));
    }
    if (limit.limit.soft > limit.limit.hard) {
      return InvalidOptions(absl::StrCat("limits: ", name, " has a soft limit above the hard one"));
    }
    for (size_t j = 0; j < i; ++j) {
      if (limits[j].resource == limit.resource) {
        return InvalidOptions(absl::StrCat("limits: ", name, " is given twice"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status ValidatePriorities(const ForkOptions& options) {
  if (options.nice.has_value() && (*options.nice < -20 || *options.nice > 19)) {
    return InvalidOptions(absl::StrCat("nice: ", *options.nice, " is not from -20 to 19"));
  }
  const std::optional<int> score = options.oom_score_adjust;
  if (score.has_value() && (*score < -1000 || *score > 1000)) {
    return InvalidOptions(absl::StrCat("oom_score_adjust: ", *score, " is not from -1000 to 1000"));
  }
  return absl::OkStatus();
}

absl::Status ValidateParentDeathSignal(const ForkOptions& options, Os& os) {
  const int signal = *options.parent_death_signal;
  if (signal < 1 || signal > SignalSet::kMaxSignal) {
    return InvalidOptions(
        absl::StrCat("parent_death_signal: ", signal, " is not from 1 to ", SignalSet::kMaxSignal));
  }
  if (options.session == Session::kDaemon) {
    return InvalidOptions("parent_death_signal: a daemon's parent, the first child, ends at once");
  }
  return ValidatePidNamespace("parent_death_signal", os);
}

}  // namespace

absl::Status ValidateOptions(const ForkOptions& options, const Command* command, Os& os) {
  absl::Status status = ValidateRetry(options.retry);
  if (status.ok()) status = ValidateSignals(options, command != nullptr);
  if (status.ok()) status = ValidateDescriptors(options);
  if (status.ok()) status = ValidateMoves(options);
  if (status.ok()) status = ValidateListenFds(options);
  if (status.ok()) status = ValidateLimits(options.limits);
  if (status.ok()) status = ValidatePriorities(options);
  if (status.ok() && command != nullptr) status = ValidateCommand(options, *command);
  const bool needs_pid = options.session == Session::kDaemon || options.pid_file_descriptor != -1;
  if (status.ok() && needs_pid) status = ValidatePidNamespace("a daemon or a pid file", os);
  if (status.ok() && options.parent_death_signal.has_value()) {
    status = ValidateParentDeathSignal(options, os);
  }
  if (!status.ok()) return status;
  if (options.umask.has_value() && (*options.umask & ~mode_t{0777}) != 0) {
    return InvalidOptions("umask is not from 0 to 0777");
  }
  if (!options.chroot.empty() && !IsAbsolute(options.chroot)) {
    return InvalidOptions("chroot is not an absolute path");
  }
  if (!options.directory.empty() && !IsAbsolute(options.directory)) {
    return InvalidOptions("directory is not an absolute path");
  }
  return absl::OkStatus();
}

}  // namespace cleanfork
