#include "cleanfork/step.h"

namespace cleanfork {

const char* StepName(Step step) {
  switch (step) {
    case Step::kValidate: return "validate";
    case Step::kResolveUser: return "resolve-user";
    case Step::kOpenStream: return "open-stream";
    case Step::kPipe: return "pipe";
    case Step::kBlockSignals: return "block-signals";
    case Step::kFork: return "fork";
    case Step::kResetSignals: return "reset-signals";
    case Step::kSetSid: return "setsid";
    case Step::kSecondFork: return "second-fork";
    case Step::kLimits: return "limits";
    case Step::kNice: return "nice";
    case Step::kOomScore: return "oom-score";
    case Step::kChRoot: return "chroot";
    case Step::kUmask: return "umask";
    case Step::kStdin: return "stdin";
    case Step::kStdout: return "stdout";
    case Step::kStderr: return "stderr";
    case Step::kMoveDescriptor: return "move-descriptor";
    case Step::kKeepDescriptor: return "keep-descriptor";
    case Step::kWritePidFile: return "pidfile";
    case Step::kCloseDescriptors: return "close-descriptors";
    case Step::kSetGroups: return "setgroups";
    case Step::kSetGid: return "setgid";
    case Step::kSetUid: return "setuid";
    case Step::kVerifyIdentity: return "verify-identity";
    case Step::kRegain: return "regain";
    case Step::kNoNewPrivs: return "no-new-privs";
    case Step::kParentDeathSignal: return "parent-death-signal";
    case Step::kChDir: return "chdir";
    case Step::kSignalHandlers: return "signal-handlers";
    case Step::kSignalMask: return "signal-mask";
    case Step::kReseed: return "reseed";
    case Step::kExec: return "exec";
    case Step::kReport: return "report";
    case Step::kStart: return "start";
    case Step::kReady: return "ready";
  }
  return "unknown";
}

}  // namespace cleanfork
