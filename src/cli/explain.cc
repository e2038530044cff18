// cleanfork explain: what start would do, beside what daemon(7) asks for.
#include "cleanfork/explain.h"

#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cleanfork/child_error.h"
#include "cleanfork/unique_fd.h"
#include "src/cli/background.h"
#include "src/cli/exit_code.h"
#include "src/cli/launch.h"
#include "src/cli/log_writer.h"
#include "src/cli/readiness.h"
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

// A plan, with what stands in it for what start would open, and what start does beside it.
struct Explanation {
  Launch launch;
  std::vector<UniqueFd> stand_ins;
  std::unique_ptr<Readiness> readiness;
  std::vector<std::string> beside;
};

// A descriptor that is open, as the plan asks, and that nobody reads or writes.
absl::StatusOr<int> StandIn(Explanation* explanation, Os& os) {
  const SysResult<int> opened = os.Open("/dev/null", O_RDWR | O_CLOEXEC, 0);
  if (!opened.ok()) return StatusFromErrno(opened.error(), "open(\"/dev/null\")");
  explanation->stand_ins.emplace_back(os, opened.value());
  UniqueFd copy;
  const absl::StatusOr<int> beside =
      DescriptorBeside(explanation->launch.options, opened.value(), &copy, os);
  explanation->stand_ins.push_back(std::move(copy));
  return beside;
}

absl::Status AddPidFile(Explanation* explanation, Os& os) {
  if (explanation->launch.pid_file.empty()) return absl::OkStatus();
  const absl::StatusOr<int> fd = StandIn(explanation, os);
  if (fd.ok()) explanation->launch.options.pid_file_descriptor = *fd;
  return fd.status();
}

// The streams that the program has through a log writer, of which it sees a pipe.
absl::Status AddLogWriters(const Settings& settings, Explanation* explanation, Os& os) {
  ForkOptions& options = explanation->launch.options;
  for (const bool is_err : {false, true}) {
    Stream& stream = is_err ? options.err : options.out;
    const bool is_syslog = IsSyslog(is_err ? settings.err : settings.out);
    if (!is_syslog && !(settings.reopen_logs && stream.kind() == Stream::Kind::kFile)) continue;
    explanation->beside.push_back(absl::StrCat("Standard ", is_err ? "error" : "output",
                                               " is a pipe to a log writer, to ",
                                               is_syslog ? "syslog" : stream.path()));
    const absl::StatusOr<int> fd = StandIn(explanation, os);
    if (!fd.ok()) return fd.status();
    stream = Stream::Descriptor(*fd);
  }
  return absl::OkStatus();
}

absl::Status AddReadiness(const Settings& settings, Explanation* explanation, Os& os) {
  const WaitFor& wait_for = settings.wait_for;
  std::string what = absl::StrCat("a listener on ", wait_for.host, ":", wait_for.port);
  // The port is not looked at: of a service that runs, the words can be explained too.
  if (wait_for.kind != WaitFor::Kind::kPort) {
    absl::StatusOr<std::unique_ptr<Readiness>> made =
        MakeReadiness(wait_for, &explanation->launch, os);
    if (!made.ok()) return made.status();
    explanation->readiness = *std::move(made);
    if (explanation->readiness == nullptr) return absl::OkStatus();
    what = explanation->readiness->What();
  }
  explanation->beside.push_back(absl::StrCat("Success is reported once there is ", what));
  return absl::OkStatus();
}

absl::StatusOr<Explanation> Prepare(const Settings& settings, Os& os) {
  absl::StatusOr<Launch> launch = PrepareBackground(settings, os);
  if (!launch.ok()) return launch.status();
  Explanation explanation;
  explanation.launch = *std::move(launch);
  if (IsSupervised(settings)) {
    explanation.beside.push_back(
        "A supervisor stays, of the caller's user: fork, setsid, second-fork and pidfile are its, "
        "and the program is its child");
  }
  absl::Status added = AddReadiness(settings, &explanation, os);
  if (added.ok()) added = AddPidFile(&explanation, os);
  if (added.ok()) added = AddLogWriters(settings, &explanation, os);
  if (!added.ok()) return added;
  return explanation;
}

void PrintText(const std::vector<PlannedAction>& plan, const std::vector<std::string>& beside,
               std::ostream& out) {
  out << "What start would do, in this order; the numbers are those of daemon(7):\n\n";
  for (const PlannedAction& action : plan) {
    std::string left = absl::StrCat("  ", NumbersOf(action.step));
    left.resize(std::max<size_t>(left.size(), 9), ' ');
    absl::StrAppend(&left, action.in_child ? "child   " : "parent  ", StepName(action.step));
    PrintRow(left, OneLine(action.text), 36, out);
  }
  if (!beside.empty()) out << "\nBeside that:\n\n";
  for (const std::string& text : beside) PrintRow("", OneLine(text), 2, out);
  out << "\ndaemon(7) asks for:\n\n";
  int number = 0;
  for (const DaemonStep& step : DaemonSteps()) {
    ++number;
    const std::string left = absl::StrCat(number < 10 ? "   " : "  ", number, "  ", step.asks);
    const std::vector<std::string> names = MeetingNames(step, plan);
    PrintRow(left, names.empty() ? step.otherwise : absl::StrJoin(names, ", "), 43, out);
  }
}

std::string PlanAsJson(const std::vector<PlannedAction>& plan,
                       const std::vector<std::string>& beside) {
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
    const std::vector<std::string> names = MeetingNames(step, plan);
    object.Add("met_by", names);
    if (names.empty()) object.Add("otherwise", step.otherwise);
    asked.push_back(object);
  }
  JsonObject object = JsonOutcome("explain", kExitOk);
  object.Add("plan", actions).Add("beside", beside).Add("daemon7", asked);
  return object.ToString();
}

int Explain(const Settings& settings, Context& context) {
  const auto fail = [&](const absl::Status& status) {
    return ReportFailure(context, "explain", status, settings.json);
  };
  const absl::StatusOr<Explanation> explanation = Prepare(settings, context.os);
  if (!explanation.ok()) return fail(explanation.status());
  const Launch& launch = explanation->launch;
  const absl::StatusOr<std::vector<PlannedAction>> plan =
      cleanfork::Explain(launch.command, launch.options, context.os);
  if (!plan.ok()) return fail(plan.status());
  if (settings.json) {
    const std::string line = PlanAsJson(*plan, explanation->beside);
    return ReportOutcome(context, "explain", line, kExitOk);
  }
  PrintText(*plan, explanation->beside, context.out);
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
      "for. Users and groups are looked up; no file is opened, made or locked, and nothing is "
      "started.",
      kPathNote,
  };
  explain.exit_codes = {
      {"0", "the plan has been printed"},
      {"64", "wrong usage, or a plan that contradicts itself"},
      {"67", "no such user or group"},
      {"71", "the system failed us"},
      {"76", "what --wait needs cannot be had"},
      {"202", "a descriptor to be handed on is not open"},
  };
  explain.runs_program = true;
  explain.run = Explain;
  return explain;
}

}  // namespace cleanfork::cli
