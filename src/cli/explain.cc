// cleanfork explain: what start would do, beside what daemon(7) asks for.
#include "cleanfork/explain.h"

#include <fcntl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cleanfork/child_error.h"
#include "cleanfork/unique_fd.h"
#include "src/cli/background.h"
#include "src/cli/exit_code.h"
#include "src/cli/launch.h"
#include "src/cli/service.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

// A step of daemon(7), "SysV Daemons", and the steps of ours that meet it.
struct DaemonStep {
  const char* asks;
  std::vector<Step> met_by;
  const char* otherwise;  // what meets it, or why nothing does, if none of those is in the plan
};

// In the order, and so by the numbers, of the manual page.
const std::vector<DaemonStep>& DaemonSteps() {
  static const auto* const steps = new std::vector<DaemonStep>{
      {"close all descriptors from 3 up", {Step::kCloseDescriptors}, ""},
      {"reset all signal handlers", {Step::kResetSignals}, ""},
      {"reset the signal mask", {Step::kSignalMask}, ""},
      {"sanitize the environment",
       {},
       "exec: without LISTEN_*, and as --env, --keep-env and --clear-env say"},
      {"fork", {Step::kFork}, ""},
      {"setsid", {Step::kSetSid}, ""},
      {"fork again", {Step::kSecondFork}, ""},
      {"exit in the first child", {Step::kSecondFork}, ""},
      {"/dev/null as the three streams", {Step::kStdin, Step::kStdout, Step::kStderr}, ""},
      {"reset the umask", {Step::kUmask}, ""},
      {"change to the root directory", {Step::kChDir, Step::kChRoot}, ""},
      {"write the pid file, race-free",
       {Step::kWritePidFile},
       "not asked for: --name or --pidfile"},
      {"drop privileges",
       {Step::kSetGroups, Step::kSetGid, Step::kSetUid, Step::kVerifyIdentity, Step::kRegain},
       "not asked for: --user"},
      {"tell the starter it is complete", {Step::kReport, Step::kStart}, ""},
      {"exit in the starter", {}, "once all of that is done"},
  };
  return *steps;
}

// The numbers in daemon(7) of what a step of ours meets: "7, 8"; empty if of none.
std::string NumbersOf(Step step) {
  std::vector<size_t> numbers;
  for (size_t i = 0; i < DaemonSteps().size(); ++i) {
    const std::vector<Step>& met_by = DaemonSteps()[i].met_by;
    if (std::find(met_by.begin(), met_by.end(), step) != met_by.end()) numbers.push_back(i + 1);
  }
  return absl::StrJoin(numbers, ", ");
}

// The names of what meets it in this plan, each once.
std::vector<std::string> MeetingNames(const DaemonStep& step,
                                      const std::vector<PlannedAction>& plan) {
  std::vector<std::string> names;
  for (const PlannedAction& action : plan) {
    const bool meets =
        std::find(step.met_by.begin(), step.met_by.end(), action.step) != step.met_by.end();
    if (meets && (names.empty() || names.back() != StepName(action.step))) {
      names.push_back(StepName(action.step));
    }
  }
  return names;
}

void PrintText(const std::vector<PlannedAction>& plan, std::ostream& out) {
  out << "What start would do, in this order; the numbers are those of daemon(7):\n\n";
  for (const PlannedAction& action : plan) {
    std::string left = absl::StrCat("  ", NumbersOf(action.step));
    left.resize(std::max<size_t>(left.size(), 9), ' ');
    absl::StrAppend(&left, action.in_child ? "child   " : "parent  ", StepName(action.step));
    PrintRow(left, OneLine(action.text), 36, out);
  }
  out << "\ndaemon(7) asks for:\n\n";
  int number = 0;
  for (const DaemonStep& step : DaemonSteps()) {
    ++number;
    const std::string left = absl::StrCat(number < 10 ? "   " : "  ", number, "  ", step.asks);
    const std::vector<std::string> names = MeetingNames(step, plan);
    PrintRow(left, names.empty() ? step.otherwise : absl::StrJoin(names, ", "), 43, out);
  }
}

std::string PlanAsJson(const std::vector<PlannedAction>& plan) {
  std::vector<JsonObject> actions, asked;
  for (const PlannedAction& action : plan) {
    JsonObject object;
    object.Add("step", StepName(action.step)).Add("where", action.in_child ? "child" : "parent");
    object.Add("text", action.text);
    actions.push_back(object);
  }
  int64_t number = 0;
  for (const DaemonStep& step : DaemonSteps()) {
    JsonObject object;
    object.Add("number", ++number).Add("asks", step.asks);
    object.Add("met_by", MeetingNames(step, plan));
    asked.push_back(object);
  }
  JsonObject object = JsonOutcome("explain", kExitOk);
  object.Add("plan", actions).Add("daemon7", asked);
  return object.ToString();
}

int Explain(const Settings& settings, Context& context) {
  const auto fail = [&](const absl::Status& status) {
    return ReportFailure(context, "explain", status, settings.json);
  };
  absl::StatusOr<Launch> launch = PrepareBackground(settings, context.os);
  if (!launch.ok()) return fail(launch.status());
  // The pid file is not claimed: a descriptor that is not its own stands for it in the plan.
  UniqueFd stand_in;
  if (!launch->pid_file.empty()) {
    const SysResult<int> opened = context.os.Open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (!opened.ok()) return fail(StatusFromErrno(opened.error(), "open(\"/dev/null\")"));
    stand_in = UniqueFd(context.os, opened.value());
    launch->options.pid_file_descriptor = stand_in.get();
  }
  const absl::StatusOr<std::vector<PlannedAction>> plan =
      cleanfork::Explain(launch->command, launch->options, context.os);
  if (!plan.ok()) return fail(plan.status());
  if (settings.json) return ReportOutcome(context, "explain", PlanAsJson(*plan), kExitOk);
  PrintText(*plan, context.out);
  return Printed(context);
}

}  // namespace

Subcommand ExplainSubcommand() {
  Subcommand explain;
  explain.name = "explain";
  explain.arguments = "[OPTION]... [--] PROGRAM [ARGUMENT]...";
  explain.summary = "Print what start would do with these words, and do nothing";
  explain.options = BackgroundOptions();
  for (const Option& option : GeneralOptions()) explain.options.push_back(option);
  explain.notes = {
      "The plan is the one that start would carry out, beside the 15 steps that daemon(7) asks "
      "for. Users and groups are looked up; nothing is opened, made, locked or started.",
      kPathNote,
  };
  explain.exit_codes = {
      {"0", "the plan has been printed"},
      {"64", "wrong usage, or a plan that contradicts itself"},
      {"67", "no such user or group"},
      {"71", "the system failed us"},
      {"202", "a descriptor to be handed on is not open"},
  };
  explain.runs_program = true;
  explain.run = Explain;
  return explain;
}

}  // namespace cleanfork::cli
