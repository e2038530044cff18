// What a process of a program is after an exec on the real kernel.
#include <cstdlib>

#include "cleanfork/os.h"
#include "tests/conformance/programs/program_process.h"

int main(int argc, char** argv) {
  if (argc != 3) return EXIT_FAILURE;
  cleanfork::programs::SetHandlerOs(&cleanfork::RealOs());
  cleanfork::programs::RunProcess(cleanfork::RealOs(), std::atoi(argv[1]), argv[2], argv[0], true);
}
