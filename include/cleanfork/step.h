// Step: the named parts of starting a child, in the order in which they happen. Errors, traces,
// `cleanfork explain` and docs/ all use these names.
//
//   absl::StatusOr<cleanfork::Child> child = cleanfork::Spawn({"worker"}, options);
//   std::optional<cleanfork::ChildError> error = cleanfork::GetChildError(child.status());
//   if (error && error->step == cleanfork::Step::kSetUid) std::puts("this takes root");
//   if (error) std::puts(cleanfork::StepName(error->step));  // "setuid"
//
// Thread-safe, signal-safe.
#ifndef CLEANFORK_STEP_H_
#define CLEANFORK_STEP_H_

namespace cleanfork {

// The numbers are on the wire between child and parent of one program, nowhere else: they may
// change from release to release.
enum class Step : int {
  // In the parent, before the fork.
  kValidate,     // the options contradict each other
  kResolveUser,  // the user or the group is unknown
  kOpenStream,   // a file for a standard stream, or /dev/null, cannot be opened
  kPipe,         // the pipes to the child
  kBlockSignals,
  kFork,
  // In the child.
  kResetSignals,
  kSetSid,
  kSecondFork,
  kLimits,    // a resource limit
  kNice,      // the priority
  kOomScore,  // how likely the kernel is to kill it when memory is short
  kChRoot,    // the new root, or the step into it
  kUmask,
  kStdin,
  kStdout,
  kStderr,
  kMoveDescriptor,  // a descriptor that the child is to have under another number
  kKeepDescriptor,  // a descriptor that the child is to have cannot be handed on
  kWritePidFile,
  kCloseDescriptors,
  kSetGroups,
  kSetGid,
  kSetUid,
  kVerifyIdentity,  // what the kernel says of ids and groups is not what was asked for
  kRegain,          // the old identity could be taken back
  kNoNewPrivs,
  kParentDeathSignal,  // it cannot be set, or the parent has ended already
  kChDir,
  kSignalHandlers,
  kSignalMask,
  kReseed,  // no random bytes for the application's hook
  kExec,
  // In the parent, after the fork.
  kReport,  // the child's report could not be read
  kStart,   // the child ended before it had exec'd or reported
  kReady,   // the daemon was set up, but never said that it is ready
};

constexpr int kStepCount = static_cast<int>(Step::kReady) + 1;

// "setuid" for kSetUid: lower case, words joined by '-'. "unknown" for a number that is no step.
const char* StepName(Step step);

}  // namespace cleanfork

#endif  // CLEANFORK_STEP_H_
