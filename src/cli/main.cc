// The command `cleanfork`.
#include <iostream>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "src/cli/exit_code.h"
#include "src/cli/subcommand.h"

int main(int argc, char** argv) {
  cleanfork::Os& os = cleanfork::RealOs();
  // First of all: a file that got number 2 would have our errors written into it.
  if (cleanfork::cli::PrepareProcess(os) != 0) return cleanfork::cli::kExitSystem;
  cleanfork::cli::Context context = {os, std::cout, std::cerr};
  return cleanfork::cli::RunCommandLine(std::vector<std::string>(argv, argv + argc), context);
}
