#include "src/child_plan.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "cleanfork/child_error.h"
#include "cleanfork/names.h"
#include "cleanfork/retry_policy.h"
#include "src/listen_variables.h"
#include "src/retry_schedule.h"
#include "src/validate_options.h"

namespace cleanfork {
namespace {

constexpr size_t kReseedBytes = 32;
// How long at the most a child waits for a program that is open for writing: its caller waits with
// it, all signals blocked.
constexpr absl::Duration kBusyCap = absl::Milliseconds(100);
constexpr absl::Duration kBusyBudget = absl::Milliseconds(250);

constexpr const char* kDefaultPath = "/bin:/usr/bin";  // what execvp(3) falls back to

absl::Status StepStatus(const std::string& what, Step step, int error) {
  ChildError child_error;
  child_error.step = step;
  child_error.error = error;
  return ChildErrorStatus(what, child_error);
}

absl::Status MoveFailed(int from, int error) {
  return StepStatus(absl::StrCat("descriptor ", from), Step::kMoveDescriptor, error);
}

// Before anything is opened that could take the number of a source that is not open.
absl::Status CheckMoves(const ForkOptions& options, Os& os) {
  for (const DescriptorMove& move : AllMoves(options)) {
    SysResult<int> flags = os.FcntlGetFd(move.from);
    if (!flags.ok()) return MoveFailed(move.from, flags.error());
  }
  return absl::OkStatus();
}

std::string LimitNumber(uint64_t number) {
  return number == static_cast<uint64_t>(RLIM_INFINITY) ? "infinity" : absl::StrCat(number);
}

// "RLIMIT_NOFILE 64:infinity"
std::string LimitText(const PlannedLimit& limit) {
  return absl::StrCat(ResourceName(limit.resource), " ", LimitNumber(limit.limit.soft), ":",
                      LimitNumber(limit.limit.hard));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildPlan>> ChildPlan::Build(const ForkOptions& options,
                                                            const Command* command, Os& os) {
  std::unique_ptr<ChildPlan> plan(new ChildPlan);
  absl::Status status = plan->Prepare(options, command, os);
  if (!status.ok()) return status;
  return plan;
}

absl::Status ChildPlan::Prepare(const ForkOptions& options, const Command* command, Os& os) {
  absl::Status status = ValidateOptions(options, command, os);
  if (!status.ok()) return status;
  const UserRecord* record = nullptr;
  if (options.identity.has_value()) {
    absl::StatusOr<ResolvedIdentity> identity = ResolveIdentity(*options.identity, os);
    if (!identity.ok()) return identity.status();
    identity_ = *std::move(identity);
    const bool sets_environment =
        options.identity->set_environment && identity_->record.has_value();
    if (sets_environment) record = &*identity_->record;
  }
  absl::StatusOr<EnvironmentBlock> environment = BuildEnvironment(options, record, os);
  if (!environment.ok()) return environment.status();
  environment_ = *std::move(environment);
  if (command != nullptr) {
    status = PrepareProgram(*command);
    if (!status.ok()) return status;
  }
  // Before anything is opened that could take the number of a descriptor that is not open.
  status = PrepareKeptDescriptors(options, os);
  if (status.ok()) status = CheckMoves(options, os);
  if (status.ok()) status = PrepareStreams(options, os);
  if (status.ok()) status = PrepareMoves(options, os);
  if (status.ok()) status = OpenReportPipe(os);
  if (!status.ok()) return status;
  AddSteps(options, os);
  Freeze(options, os);
  return absl::OkStatus();
}

absl::Status ChildPlan::PrepareProgram(const Command& command) {
  command_ = command;
  for (std::string& word : command_) argv_.push_back(word.data());
  argv_.push_back(nullptr);
  const std::string& program = command_[0];
  if (program.find('/') != std::string::npos) {
    exec_paths_.push_back(program);
  } else {
    const char* path = environment_->Get("PATH");
    for (const std::string& directory :
         std::vector<std::string>(absl::StrSplit(path != nullptr ? path : kDefaultPath, ':'))) {
      // An empty directory is the current one: environ(7).
      exec_paths_.push_back(directory.empty() ? absl::StrCat("./", program)
                                              : absl::StrCat(directory, "/", program));
    }
  }
  for (const std::string& path : exec_paths_) exec_path_pointers_.push_back(path.c_str());
  return absl::OkStatus();
}

absl::Status ChildPlan::PrepareStreams(const ForkOptions& options, Os& os) {
  std::array<Stream, 3> streams = {options.in, options.out, options.err};
  for (const DescriptorMove& move : AllMoves(options)) {
    frozen_.first_free = std::max(frozen_.first_free, move.to + 1);
    if (move.to < 3) streams[static_cast<size_t>(move.to)] = Stream::Descriptor(move.from);
  }
  absl::StatusOr<OpenedStreams> opened = OpenStreams(streams, frozen_.first_free, os);
  if (!opened.ok()) return opened.status();
  streams_ = *std::move(opened);
  return absl::OkStatus();
}

// The first of two passes: a copy of every source, above every target. In the second, which is the
// child's, no order can overwrite a source that is still needed.
absl::Status ChildPlan::PrepareMoves(const ForkOptions& options, Os& os) {
  for (const DescriptorMove& move : AllMoves(options)) {
    if (move.to < 3) continue;  // a stream
    SysResult<int> copy = os.FcntlDupFd(move.from, frozen_.first_free);
    if (!copy.ok()) return MoveFailed(move.from, copy.error());
    streams_.owned.emplace_back(os, copy.value());
    moves_.push_back({copy.value(), move.to});
  }
  return absl::OkStatus();
}

absl::Status ChildPlan::PrepareKeptDescriptors(const ForkOptions& options, Os& os) {
  kept_ = options.keep_descriptors;
  if (options.pid_file_descriptor != -1) kept_.push_back(options.pid_file_descriptor);
  std::sort(kept_.begin(), kept_.end());
  kept_.erase(std::unique(kept_.begin(), kept_.end()), kept_.end());
  for (int fd : kept_) {
    SysResult<int> flags = os.FcntlGetFd(fd);
    if (!flags.ok()) {
      return StepStatus(absl::StrCat("descriptor ", fd), Step::kKeepDescriptor, flags.error());
    }
  }
  return absl::OkStatus();
}

absl::Status ChildPlan::OpenReportPipe(Os& os) {
  SysResult<PipeEnds> report = OpenPipe(os, frozen_.first_free, &report_);
  if (!report.ok()) return StepStatus("pipe", Step::kPipe, report.error());
  frozen_.report_read = report.value().read_end;
  frozen_.report_write = report.value().write_end;
  return absl::OkStatus();
}

PlannedStep& ChildPlan::Add(Step step) {
  steps_.emplace_back();
  steps_.back().step = step;
  return steps_.back();
}

// The order is the library's, and its reasons are in docs/steps.md.
void ChildPlan::AddSteps(const ForkOptions& options, Os& os) {
  Add(Step::kResetSignals);
  if (options.session != Session::kKeep) Add(Step::kSetSid);
  if (options.session == Session::kDaemon) Add(Step::kSecondFork);
  AddResourceSteps(options);
  if (!options.chroot.empty()) {
    root_ = options.chroot;
    root_itself_ = absl::StrCat(root_, "/.");  // and not a place where it would be mounted
    PlannedStep& step = Add(Step::kChRoot);
    step.path = root_.c_str();
    step.text = root_itself_.c_str();
  }
  if (options.umask.has_value()) Add(Step::kUmask).mode = *options.umask;
  AddDescriptorSteps(options);
  if (identity_.has_value()) AddIdentitySteps(os);
  AddLastSteps(options, os);
}

// While the child may still do what the caller may: before its identity changes.
void ChildPlan::AddResourceSteps(const ForkOptions& options) {
  for (const ChildLimit& limit : options.limits) limits_.push_back({limit.resource, limit.limit});
  if (!limits_.empty()) {
    PlannedStep& step = Add(Step::kLimits);
    step.limits = limits_.data();
    step.limit_count = limits_.size();
  }
  if (options.nice.has_value()) Add(Step::kNice).nice = *options.nice;
  if (options.oom_score_adjust.has_value()) {
    oom_score_ = absl::StrCat(*options.oom_score_adjust);
    PlannedStep& step = Add(Step::kOomScore);
    step.text = oom_score_.data();
    step.text_size = oom_score_.size();
  }
}

void ChildPlan::AddDescriptorSteps(const ForkOptions& options) {
  constexpr Step kStreamSteps[] = {Step::kStdin, Step::kStdout, Step::kStderr};
  for (int target = 0; target < 3; ++target) {
    Add(kStreamSteps[target]).fd = streams_.sources[target];
  }
  for (const DescriptorMove& move : moves_) {
    PlannedStep& step = Add(Step::kMoveDescriptor);
    step.fd = move.from;
    step.target = move.to;
  }
  if (!exec_paths_.empty()) {
    for (int fd : kept_) Add(Step::kKeepDescriptor).fd = fd;
  }
  // Before the uid changes, since the file is root's.
  if (options.pid_file_descriptor != -1) {
    Add(Step::kWritePidFile).fd = options.pid_file_descriptor;
  }
  if (options.close_other_descriptors) {
    for (const DescriptorMove& move : moves_) kept_.push_back(move.to);
    kept_.push_back(frozen_.report_write);
    PlannedStep& step = Add(Step::kCloseDescriptors);
    step.kept = kept_.data();
    step.kept_count = kept_.size();
  }
}

void ChildPlan::AddIdentitySteps(Os& os) {
  PlannedStep verify;
  verify.step = Step::kVerifyIdentity;
  if (identity_->groups.has_value()) {
    PlannedStep& step = Add(Step::kSetGroups);
    step.groups = verify.groups = identity_->groups->data();
    step.group_count = verify.group_count = identity_->groups->size();
    group_scratch_.resize(identity_->groups->size() + 1);
    verify.scratch = group_scratch_.data();
    verify.check_groups = true;
  }
  if (identity_->gid.has_value()) {
    Add(Step::kSetGid).gid = verify.gid = *identity_->gid;
    verify.check_gid = true;
  }
  if (identity_->uid.has_value()) {
    Add(Step::kSetUid).uid = verify.uid = *identity_->uid;
    verify.check_uid = true;
    // capabilities(7): a change of all uids from 0 to others clears both sets.
    verify.check_capabilities = os.GetEuid() == 0 && *identity_->uid != 0;
  }
  steps_.push_back(verify);
  // Root may take any identity, so there is nothing to be tried against it.
  if (identity_->uid.value_or(0) == 0) return;
  PlannedStep regain;
  regain.step = Step::kRegain;
  regain.old_uid = os.GetEuid();
  regain.old_gid = os.GetEgid();
  regain.check_uid = regain.old_uid != *identity_->uid;
  regain.check_gid = identity_->gid.has_value() && regain.old_gid != *identity_->gid;
  if (regain.check_uid || regain.check_gid) steps_.push_back(regain);
}

void ChildPlan::AddLastSteps(const ForkOptions& options, Os& os) {
  if (options.no_new_privs) Add(Step::kNoNewPrivs);
  if (options.parent_death_signal.has_value()) {
    PlannedStep& step = Add(Step::kParentDeathSignal);
    step.signal = *options.parent_death_signal;
    step.parent = os.GetPid();
  }
  if (!options.directory.empty()) {
    directory_ = options.directory;
    Add(Step::kChDir).path = directory_.c_str();
  }
  for (const SignalHandler& handler : options.signal_handlers) {
    handlers_.push_back({handler.signal, handler.action});
  }
  if (!handlers_.empty()) {
    PlannedStep& step = Add(Step::kSignalHandlers);
    step.handlers = handlers_.data();
    step.handler_count = handlers_.size();
  }
  Add(Step::kSignalMask).mask = options.signal_mask;
  if (options.reseed) {
    random_.resize(kReseedBytes);
    PlannedStep& step = Add(Step::kReseed);
    step.random = random_.data();
    step.random_size = random_.size();
  }
}

void ChildPlan::Freeze(const ForkOptions& options, Os& os) {
  if (options.session == Session::kDaemon) {
    RetrySchedule retry(options.retry);
    for (int64_t delay = 0; retry.Next(os, &delay);) second_fork_delays_.push_back(delay);
  }
  if (!exec_paths_.empty()) {
    RetryPolicy policy = options.retry;
    policy.cap = std::min(policy.cap, kBusyCap);
    policy.budget = std::min(policy.budget, kBusyBudget);
    policy.jitter = 0;  // nothing to be spread: there is no crowd that waits for the same file
    RetrySchedule retry(policy);
    for (int64_t delay = 0; retry.Next(os, &delay);) busy_delays_.push_back(delay);
  }
  if (!options.close_other_descriptors) {
    for (const UniqueFd& fd : streams_.owned) scratch_fds_.push_back(fd.get());
    for (const UniqueFd* fd : {&streams_.pipes.in, &streams_.pipes.out, &streams_.pipes.err}) {
      if (fd->valid()) scratch_fds_.push_back(fd->get());
    }
  }
  frozen_.steps = steps_.data();
  frozen_.step_count = steps_.size();
  frozen_.second_fork_delays = second_fork_delays_.data();
  frozen_.second_fork_delay_count = second_fork_delays_.size();
  frozen_.busy_delays = busy_delays_.data();
  frozen_.busy_delay_count = busy_delays_.size();
  frozen_.scratch_fds = scratch_fds_.data();
  frozen_.scratch_fd_count = scratch_fds_.size();
  frozen_.exec_paths = exec_path_pointers_.data();
  frozen_.exec_path_count = exec_path_pointers_.size();
  frozen_.argv = argv_.data();
  frozen_.envp = environment_->block();
  if (!options.listen_fds.empty()) frozen_.listen_pid = environment_->Get(kListenPid);
  frozen_.exec_reached = &exec_reached_;
}

void ChildPlan::CloseChildEnds() {
  report_.write_end.Reset();
  streams_.owned.clear();
}

std::string ChildPlan::Describe(Step step) const {
  auto found = std::find_if(steps_.begin(), steps_.end(),
                            [step](const PlannedStep& planned) { return planned.step == step; });
  if (step == Step::kExec) return absl::StrCat("exec(\"", command_[0], "\")");
  if (step == Step::kStart) return "the child ended before it was set up";
  if (step == Step::kReport) return "read of the child's report";
  if (found == steps_.end()) return StepName(step);
  switch (step) {
    case Step::kLimits: {
      std::vector<std::string> limits;
      for (const PlannedLimit& limit : limits_) limits.push_back(LimitText(limit));
      return absl::StrCat("setrlimit(", absl::StrJoin(limits, ", "), ")");
    }
    case Step::kNice: return absl::StrCat("nice value ", found->nice);
    case Step::kOomScore:
      return absl::StrCat("write of ", oom_score_, " to /proc/self/oom_score_adj");
    case Step::kChRoot: return absl::StrCat("chroot(\"", root_, "\")");
    case Step::kUmask: return absl::StrFormat("umask(%#o)", found->mode);
    case Step::kSetGroups:
      return absl::StrCat("setgroups([", absl::StrJoin(*identity_->groups, ", "), "])");
    case Step::kSetGid: return absl::StrCat("setgid(", found->gid, ")");
    case Step::kSetUid: return absl::StrCat("setuid(", found->uid, ")");
    case Step::kVerifyIdentity:
      return "the kernel reports another identity, or more power, than was asked for";
    case Step::kRegain: return "the old identity could be taken back";
    case Step::kChDir: return absl::StrCat("chdir(\"", directory_, "\")");
    case Step::kMoveDescriptor: {
      std::vector<int> targets;
      for (const DescriptorMove& move : moves_) targets.push_back(move.to);
      return absl::StrCat("dup2 to descriptor ", absl::StrJoin(targets, " or "));
    }
    case Step::kNoNewPrivs: return "prctl(PR_SET_NO_NEW_PRIVS)";
    case Step::kParentDeathSignal:
      return absl::StrCat("prctl(PR_SET_PDEATHSIG, ", found->signal, ")");
    case Step::kWritePidFile: return "write of the pid file";
    default: return StepName(step);
  }
}

std::string ChildPlan::DescribeMissingProgram(Os& os) const {
  for (const std::string& path : exec_paths_) {
    // As the child has seen it, but for links within its root that lead out of it from here.
    const bool relative = path[0] != '/' && !(root_.empty() && directory_.empty());
    const std::string seen =
        absl::StrCat(root_, relative ? directory_ : "", relative ? "/" : "", path);
    if (os.Stat(seen.c_str()).ok()) {
      return absl::StrCat("exec(\"", path,
                          "\"), which is there: what is missing may be the "
                          "interpreter that it names");
    }
  }
  return Describe(Step::kExec);
}

void ChildPlan::ForgetDescriptors() {
  for (UniqueFd& fd : streams_.owned) fd.Release();
  for (UniqueFd* fd : {&streams_.pipes.in, &streams_.pipes.out, &streams_.pipes.err,
                       &report_.read_end, &report_.write_end}) {
    fd->Release();
  }
}

}  // namespace cleanfork
