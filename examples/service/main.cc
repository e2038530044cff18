// service PROGRAM [ARGUMENT...]: runs the helper, says how it ended, exits 0 if it ended well.
//
//   bazel run //:service -- /bin/true
#include <cstdio>

#include "cleanfork/os.h"
#include "svc.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: service PROGRAM [ARGUMENT...]\n");
    return 64;  // EX_USAGE
  }
  const service::HelperResult result = service::RunHelper(argv[1], argv + 1, cleanfork::RealOs());
  std::fprintf(stderr, "%s\n", service::Describe(result).c_str());
  return result.ok() ? 0 : 1;
}
