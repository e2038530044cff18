// service FILE PROGRAM [ARGUMENT...]: stores what the program prints in the file.
//
//   bazel run //:service -- /tmp/list ls /
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/os.h"
#include "svc.h"

namespace {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "service: %s\n", std::string(status.message()).c_str());
  return service::ExitCodeOf(status);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: service FILE PROGRAM [ARGUMENT...]\n");
    return 64;  // EX_USAGE
  }
  cleanfork::Os& os = cleanfork::RealOs();
  const absl::StatusOr<std::string> text = service::OutputOf({argv + 2, argv + argc}, os);
  if (!text.ok()) return Fail(text.status());
  absl::StatusOr<cleanfork::Child> worker = service::StartWorker(*text, argv[1], os);
  if (!worker.ok()) return Fail(worker.status());
  // This is where a service would go on with its work.
  const absl::StatusOr<cleanfork::ExitStatus> ended = worker->Wait();
  if (!ended.ok()) return Fail(ended.status());
  std::fprintf(stderr, "service: worker %d: %s\n", worker->pid(), ended->ToString().c_str());
  return ended->success() ? 0 : 1;
}
