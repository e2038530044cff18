// The subcommands, and the way from a command line to one of them.
#ifndef CLEANFORK_SRC_CLI_SUBCOMMAND_H_
#define CLEANFORK_SRC_CLI_SUBCOMMAND_H_

#include <ostream>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "src/cli/option.h"
#include "src/cli/report.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

// The version in MODULE.bazel; a test compares the two.
constexpr const char* kVersion = "0.1.0";

struct ExitLine {
  std::string code;  // "64", "128+N"
  std::string meaning;
};

struct Subcommand {
  const char* name;
  const char* arguments;  // as in "cleanfork start <arguments>"
  const char* summary;    // a line that ends without a full stop
  std::vector<Option> options;
  std::vector<std::string> notes;  // paragraphs after the options
  std::vector<ExitLine> exit_codes;
  bool runs_program;  // whether words may follow the options

  // Does it, and returns the exit code.
  int (*run)(const Settings& settings, Context& context);
};

Subcommand StartSubcommand();    // start.cc
Subcommand RunSubcommand();      // run.cc
Subcommand StopSubcommand();     // stop.cc
Subcommand RestartSubcommand();  // restart.cc
Subcommand ReloadSubcommand();   // reload.cc
Subcommand StatusSubcommand();   // status.cc
Subcommand ListSubcommand();     // list.cc
Subcommand ExplainSubcommand();  // explain.cc
Subcommand CheckSubcommand();    // check.cc

std::vector<Subcommand> Subcommands();

// The exit code of what only prints: unlike a start, it has done nothing if nobody can read it.
int Printed(Context& context);

void PrintHelp(const Subcommand& subcommand, std::ostream& out);
void PrintOverview(std::ostream& out);

// The whole command. arguments[0] is the name of the program; returns the exit code.
int RunCommandLine(const std::vector<std::string>& arguments, Context& context);

// Makes the process fit to be a starter, whatever it was started from: descriptors 0 to 2 open,
// SIGCHLD not ignored (or the kernel would swallow how a child ended) and SIGPIPE ignored (a reader
// that went away must not kill us half way). Returns kExitOk, or what to exit with, having said
// why.
int PrepareProcess(Context& context);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_SUBCOMMAND_H_
