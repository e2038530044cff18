#include "cleanfork/explain.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cleanfork/names.h"
#include "src/child_plan.h"

namespace cleanfork {
namespace {

// One that is opened in the parent is not opened: it would be made.
Stream WithoutFile(const Stream& stream) {
  return stream.kind() == Stream::Kind::kFile ? Stream::Null() : stream;
}

std::string StreamText(int number, const ForkOptions& options) {
  constexpr const char* kNames[] = {"standard input", "standard output", "standard error"};
  const std::string name = kNames[number];
  for (const DescriptorMove& move : options.descriptors) {
    if (move.to == number) return absl::StrCat(name, " is the caller's descriptor ", move.from);
  }
  const Stream* const streams[] = {&options.in, &options.out, &options.err};
  const Stream& stream = *streams[number];
  switch (stream.kind()) {
    case Stream::Kind::kNull: return name + " is /dev/null";
    case Stream::Kind::kInherit: return name + " is the caller's";
    case Stream::Kind::kKeepIfRegularFile:
      return name + " is the caller's if that is a regular file, else /dev/null";
    case Stream::Kind::kKeepUnlessTerminal:
      return name + " is the caller's unless that is a terminal, else /dev/null";
    case Stream::Kind::kFile:
      return absl::StrCat(name, number == 0 ? " is " : " is appended to ", stream.path());
    case Stream::Kind::kPipe: return name + " is a pipe to the caller";
    case Stream::Kind::kDescriptor:
      return absl::StrCat(name, " is the caller's descriptor ", stream.fd());
  }
  return name;
}

std::string CloseText(const PlannedStep& step, int report) {
  std::vector<int> kept;
  for (size_t i = 0; i < step.kept_count; ++i) {
    if (step.kept[i] != report) kept.push_back(step.kept[i]);
  }
  return absl::StrCat("close_range(3, ...)",
                      kept.empty() ? "" : absl::StrCat(" but for ", absl::StrJoin(kept, ", ")));
}

std::string MaskText(SignalSet mask) {
  std::vector<std::string> names;
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    if (!mask.Contains(signal)) continue;
    const char* name = SignalName(signal);
    names.push_back(name != nullptr ? name : absl::StrCat(signal));
  }
  return absl::StrCat("sigprocmask: ", names.empty() ? "none" : absl::StrJoin(names, ", "),
                      " blocked");
}

std::string ChildText(const PlannedStep& step, const ChildPlan& plan, const ForkOptions& options) {
  switch (step.step) {
    case Step::kResetSignals: return "sigaction: the default action for every signal";
    case Step::kSetSid: return "setsid()";
    case Step::kSecondFork: return "fork(); the first child exits";
    case Step::kStdin: return StreamText(0, options);
    case Step::kStdout: return StreamText(1, options);
    case Step::kStderr: return StreamText(2, options);
    case Step::kMoveDescriptor: return absl::StrCat("dup2(..., ", step.target, ")");
    case Step::kKeepDescriptor: return absl::StrCat("descriptor ", step.fd, " outlives the exec");
    case Step::kWritePidFile: return "write of the pid; the lock stays";
    case Step::kCloseDescriptors: return CloseText(step, plan.frozen().report_write);
    case Step::kVerifyIdentity: return "ids, groups and capabilities are what was asked for";
    case Step::kRegain: return "the old identity cannot be taken back";
    case Step::kSignalHandlers: return "sigaction: the handlers that were asked for";
    case Step::kSignalMask: return MaskText(step.mask);
    default: return plan.Describe(step.step);
  }
}

std::string ExecText(const FrozenPlan& plan) {
  std::vector<std::string> paths(plan.exec_paths, plan.exec_paths + plan.exec_path_count);
  return absl::StrCat("execve(\"", paths[0], "\")",
                      paths.size() > 1 ? absl::StrCat(", or the first that is there of ",
                                                      paths.size() - 1, " more along PATH")
                                       : "");
}

}  // namespace

absl::StatusOr<std::vector<PlannedAction>> Explain(const Command& command,
                                                   const ForkOptions& options, Os& os) {
  ForkOptions harmless = options;
  harmless.in = WithoutFile(options.in);
  harmless.out = WithoutFile(options.out);
  harmless.err = WithoutFile(options.err);
  const absl::StatusOr<std::unique_ptr<ChildPlan>> plan = ChildPlan::Build(harmless, &command, os);
  if (!plan.ok()) return plan.status();
  const FrozenPlan& frozen = (*plan)->frozen();

  std::vector<PlannedAction> actions;
  const auto in_parent = [&actions](Step step, std::string text) {
    actions.push_back({step, false, std::move(text)});
  };
  in_parent(Step::kValidate, "the options are held against each other");
  if (options.identity.has_value()) {
    in_parent(Step::kResolveUser, "user and groups are looked up");
  }
  in_parent(Step::kOpenStream, "/dev/null and the streams' files are opened");
  in_parent(Step::kPipe, "pipe, on which the child reports");
  in_parent(Step::kBlockSignals, "sigprocmask: all blocked until after the fork");
  in_parent(Step::kFork, absl::StrCat("fork, ", options.retry.attempts, " attempts at most"));
  for (size_t i = 0; i < frozen.step_count; ++i) {
    actions.push_back({frozen.steps[i].step, true, ChildText(frozen.steps[i], **plan, options)});
  }
  actions.push_back({Step::kExec, true, ExecText(frozen)});
  in_parent(Step::kReport, "the child's report, or the end of the pipe, is read");
  in_parent(Step::kStart, "that it has exec'd, and not died, is seen");
  return actions;
}

}  // namespace cleanfork
