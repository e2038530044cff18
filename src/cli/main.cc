// The command `cleanfork`.
#include <iostream>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "src/cli/exit_code.h"
#include "src/cli/subcommand.h"

int main(int argc, char** argv) {
  cleanfork::Os& os = cleanfork::RealOs();
  cleanfork::cli::Context context = {os, std::cout, std::cerr};
  // First of all: a file that got number 2 would have our errors written into it.
  const int prepared = cleanfork::cli::PrepareProcess(context);
  if (prepared != cleanfork::cli::kExitOk) return prepared;
  return cleanfork::cli::RunCommandLine(std::vector<std::string>(argv, argv + argc), context);
}
