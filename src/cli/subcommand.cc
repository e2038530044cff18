#include "src/cli/subcommand.h"

#include <fcntl.h>

#include <cerrno>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "src/cli/exit_code.h"
#include "src/cli/suggestion.h"

namespace cleanfork::cli {
namespace {

int Usage(Context& context, const std::string& subcommand, const std::string& what,
          const std::string& help, bool json) {
  return ReportFailure(context, subcommand,
                       absl::InvalidArgumentError(absl::StrCat(what, "; see ", help)), json);
}

int NoSuchSubcommand(Context& context, const std::string& subcommand, const std::string& word) {
  std::vector<std::string> names = {"help"};
  for (const Subcommand& known : Subcommands()) names.push_back(known.name);
  return Usage(context, subcommand,
               absl::StrCat("there is no subcommand \"", word, "\"", Suggestion(word, names, "")),
               "cleanfork --help", false);
}

int RunSubcommandLine(const Subcommand& subcommand, const std::vector<std::string>& arguments,
                      Context& context) {
  const std::string help = absl::StrCat("cleanfork ", subcommand.name, " --help");
  Settings settings;
  const absl::Status parsed = ParseOptions(arguments, subcommand.options, &settings);
  if (settings.help) {
    PrintHelp(subcommand, context.out);
    return Printed(context);
  }
  if (!parsed.ok()) {
    return Usage(context, subcommand.name, std::string(parsed.message()), help, settings.json);
  }
  if (!subcommand.runs_program && !settings.command.empty()) {
    return Usage(context, subcommand.name, absl::StrCat("unexpected \"", settings.command[0], "\""),
                 help, settings.json);
  }
  return subcommand.run(settings, context);
}

// `cleanfork help [SUBCOMMAND]`
int Help(const std::vector<std::string>& arguments, Context& context) {
  if (arguments.size() < 2) {
    PrintOverview(context.out);
    return Printed(context);
  }
  for (const Subcommand& subcommand : Subcommands()) {
    if (arguments[1] == subcommand.name) {
      PrintHelp(subcommand, context.out);
      return Printed(context);
    }
  }
  return NoSuchSubcommand(context, "help", arguments[1]);
}

}  // namespace

int Printed(Context& context) {
  context.out.flush();
  if (context.out.good()) return kExitOk;
  context.err << "cleanfork: standard output cannot be written to" << std::endl;
  return kExitSystem;
}

std::vector<Subcommand> Subcommands() {
  return {StartSubcommand(),   RunSubcommand(),     StopSubcommand(),
          RestartSubcommand(), ReloadSubcommand(),  StatusSubcommand(),
          ListSubcommand(),    ExplainSubcommand(), CheckSubcommand()};
}

void PrintHelp(const Subcommand& subcommand, std::ostream& out) {
  out << "Usage: cleanfork " << subcommand.name << " " << subcommand.arguments << "\n";
  PrintRow("", absl::StrCat(subcommand.summary, "."), 0, out);
  out << "\nOptions:\n";
  PrintOptions(subcommand.options, out);
  for (const std::string& note : subcommand.notes) {
    out << "\n";
    PrintRow("", note, 0, out);
  }
  out << "\nExit status:\n";
  for (const ExitLine& line : subcommand.exit_codes) {
    PrintRow(absl::StrCat("  ", line.code), line.meaning, 9, out);
  }
}

void PrintOverview(std::ostream& out) {
  out << "Usage: cleanfork SUBCOMMAND [OPTION]... [-- PROGRAM [ARGUMENT]...]\n"
         "Starts background processes cleanly, and says what went wrong if it cannot.\n\n";
  for (const Subcommand& subcommand : Subcommands()) {
    PrintRow(absl::StrCat("  ", subcommand.name), subcommand.summary, 12, out);
  }
  PrintRow("  help", "Explain a subcommand: cleanfork help start", 12, out);
  out << "\n"
         "  --help      Print this text and exit.\n"
         "  --version   Print the version and exit.\n";
}

int RunCommandLine(const std::vector<std::string>& arguments, Context& context) {
  const std::string first = arguments.size() > 1 ? arguments[1] : "";
  const std::vector<std::string> rest(arguments.begin() + (arguments.size() > 1 ? 1 : 0),
                                      arguments.end());
  if (first.empty()) return Usage(context, "", "no subcommand", "cleanfork --help", false);
  if (first == "help" || first == "--help" || first == "-h") return Help(rest, context);
  if (first == "--version") {
    context.out << "cleanfork " << kVersion << std::endl;
    return Printed(context);
  }
  for (const Subcommand& subcommand : Subcommands()) {
    if (first == subcommand.name) return RunSubcommandLine(subcommand, rest, context);
  }
  return NoSuchSubcommand(context, "", first);
}

int PrepareProcess(Context& context) {
  Os& os = context.os;
  const auto fail = [&](const std::string& what, Step step, int errno_value) {
    ChildError error;
    error.step = step;
    error.error = errno_value;
    return ReportFailure(context, "", ChildErrorStatus(what, error), kExitSystem, false);
  };
  for (int fd = 0; fd <= 2; ++fd) {
    if (os.FcntlGetFd(fd).ok()) continue;
    // The lowest free number, which is `fd`. Not close-on-exec: it stands for an inherited stream.
    const SysResult<int> opened = os.Open("/dev/null", O_RDWR, 0);
    if (!opened.ok()) {
      const Step step = fd == 0 ? Step::kStdin : fd == 1 ? Step::kStdout : Step::kStderr;
      return fail("open(\"/dev/null\") for a standard stream that is closed", step, opened.error());
    }
  }
  SignalAction action;
  const SysResult<SignalAction> child = os.SigAction(SIGCHLD, &action);
  if (!child.ok()) return fail("sigaction(SIGCHLD)", Step::kSignalHandlers, child.error());
  action.handler = SIG_IGN;
  const SysResult<SignalAction> pipe = os.SigAction(SIGPIPE, &action);
  if (!pipe.ok()) return fail("sigaction(SIGPIPE)", Step::kSignalHandlers, pipe.error());
  return kExitOk;
}

}  // namespace cleanfork::cli
