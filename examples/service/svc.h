// A small service. It runs a helper program and reads what that prints; a worker in the background
// then stores it. Both are started by cleanfork, so that whatever goes wrong on the way comes back
// as a Status that names the step and the errno, and nothing is left behind.
//
//   cleanfork::Os& os = cleanfork::RealOs();
//   absl::StatusOr<std::string> list = service::OutputOf({"ls", "/"}, os);
//   if (!list.ok()) return list.status();
//   absl::StatusOr<cleanfork::Child> worker = service::StartWorker(*list, "/tmp/list", os);
//   if (!worker.ok()) return worker.status();
//   ...                                    // the service goes on
//   absl::StatusOr<cleanfork::ExitStatus> ended = worker->Wait();
//
// Every function takes an Os, so that svc_test.cc can make every call fail.
#ifndef SERVICE_SVC_H_
#define SERVICE_SVC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/os.h"
#include "cleanfork/spawn.h"

namespace service {

// Runs the program and returns what it wrote to its standard output. An error if it cannot be
// started, or does not exit with 0.
absl::StatusOr<std::string> OutputOf(const cleanfork::Command& helper, cleanfork::Os& os);

// Starts a worker that appends `text` to the file, and returns at once. The worker exits with 0
// once it has written all of it.
absl::StatusOr<cleanfork::Child> StartWorker(const std::string& text, const std::string& file,
                                             cleanfork::Os& os);

// What a program that met this failure exits with: a shell's codes for a helper that cannot be run,
// EX_TEMPFAIL where trying again later may help, EX_OSERR for what else fails in a child's start.
int ExitCodeOf(const absl::Status& status);

}  // namespace service

#endif  // SERVICE_SVC_H_
