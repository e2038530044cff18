#include "src/cli/exit_code.h"

#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cleanfork/child_error.h"

namespace cleanfork::cli {
namespace {

struct StepRow {
  Step step;
  ExitCode code;
};

// Every step, in the order of the enum: exit_code_test holds this to it.
constexpr StepRow kSteps[] = {
    {Step::kValidate, kExitUsage},
    {Step::kResolveUser, kExitNoUser},
    {Step::kOpenStream, kExitStdin},  // of that stream; the next two of theirs
    {Step::kOpenStream, kExitStdout},
    {Step::kOpenStream, kExitStderr},
    {Step::kPipe, kExitSystem},
    {Step::kBlockSignals, kExitSystem},
    {Step::kFork, kExitTryAgain},
    {Step::kResetSignals, kExitSignals},
    {Step::kSetSid, kExitSetSid},
    {Step::kSecondFork, kExitTryAgain},
    {Step::kLimits, kExitLimits},
    {Step::kNice, kExitNice},
    {Step::kOomScore, kExitOomScore},
    {Step::kChRoot, kExitChRoot},
    {Step::kUmask, kExitSystem},
    {Step::kStdin, kExitStdin},
    {Step::kStdout, kExitStdout},
    {Step::kStderr, kExitStderr},
    {Step::kCloseDescriptors, kExitDescriptors},
    {Step::kMoveDescriptor, kExitDescriptors},
    {Step::kKeepDescriptor, kExitDescriptors},
    {Step::kWritePidFile, kExitPidFile},
    {Step::kSetGroups, kExitGroup},
    {Step::kSetGid, kExitGroup},
    {Step::kSetUid, kExitUser},
    {Step::kVerifyIdentity, kExitVerify},
    {Step::kRegain, kExitVerify},
    {Step::kNoNewPrivs, kExitNoNewPrivileges},
    {Step::kParentDeathSignal, kExitSystem},
    {Step::kChDir, kExitChDir},
    {Step::kSignalHandlers, kExitSignals},
    {Step::kSignalMask, kExitSignals},
    {Step::kReseed, kExitInternal},
    {Step::kExec, kExitExec},
    {Step::kReport, kExitSystem},
    {Step::kStart, kExitSystem},
    {Step::kReady, kExitNotReady},
};

struct Meaning {
  ExitCode code;
  const char* text;
};

constexpr Meaning kMeanings[] = {
    {kExitOk, "the program runs"},
    {kExitUsage, "wrong usage"},
    {kExitNoUser, "no such user or group"},
    {kExitAlreadyRunning, "another instance runs: it holds the pid file"},
    {kExitInternal, "an error in cleanfork itself"},
    {kExitSystem, "the system failed us"},
    {kExitPidFile, "the pid file cannot be made, written or trusted"},
    {kExitTryAgain, "no process to be had now; later there may be"},
    {kExitNotReady, "it ended or gave up before it was ready"},
    {kExitTimeout, "it was not ready in time"},
    {kExitChDir, "the directory cannot be entered"},
    {kExitNice, "the priority cannot be changed"},
    {kExitDescriptors, "descriptors cannot be closed or handed on"},
    {kExitExec, "the program cannot be executed"},
    {kExitLimits, "a resource limit cannot be set"},
    {kExitOomScore, "the score for a want of memory cannot be set"},
    {kExitSignals, "signals cannot be reset"},
    {kExitStdin, "standard input"},
    {kExitStdout, "standard output"},
    {kExitChRoot, "the root directory cannot be changed"},
    {kExitGroup, "the group or the groups cannot be changed"},
    {kExitUser, "the user cannot be changed"},
    {kExitVerify, "the identity is not, or not for good, what was asked"},
    {kExitSetSid, "no new session"},
    {kExitStderr, "standard error"},
    {kExitNoNewPrivileges, "new privileges cannot be ruled out"},
};

}  // namespace

int ExitCodeOf(const ExitStatus& ended) {
  constexpr int kSignalled = 128;
  return ended.signalled() ? kSignalled + ended.term_signal() : ended.exit_status();
}

ExitCode ExitCodeOf(Step step) {
  for (const StepRow& row : kSteps) {
    if (row.step == step) return row.code;
  }
  return kExitInternal;
}

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  if (const std::optional<ChildError> error = GetChildError(status)) {
    if (error->step == Step::kWritePidFile && error->error == EEXIST) return kExitAlreadyRunning;
    if (error->step == Step::kOpenStream && error->stream == 1) return kExitStdout;
    if (error->step == Step::kOpenStream && error->stream == 2) return kExitStderr;
    if (error->step == Step::kReady && error->error == ETIME) return kExitTimeout;
    return ExitCodeOf(error->step);
  }
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument: return kExitUsage;
    case absl::StatusCode::kPermissionDenied: return kExitNotPermitted;
    case absl::StatusCode::kDeadlineExceeded: return kExitStillRunning;
    case absl::StatusCode::kUnavailable: return kExitTryAgain;
    case absl::StatusCode::kInternal: return kExitInternal;
    default: return kExitSystem;
  }
}

std::vector<ExitCodeRow> ExitCodes() {
  std::vector<ExitCodeRow> rows;
  for (const Meaning& meaning : kMeanings) {
    std::vector<std::string> steps;
    for (const StepRow& row : kSteps) {
      if (row.code == meaning.code) steps.push_back(StepName(row.step));
    }
    rows.push_back({meaning.code, meaning.text});
    if (!steps.empty())
      absl::StrAppend(&rows.back().meaning, " (", absl::StrJoin(steps, ", "), ")");
  }
  return rows;
}

}  // namespace cleanfork::cli
