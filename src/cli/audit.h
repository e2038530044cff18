// What /proc shows of a running process, held against how start leaves a program at its exec.
#ifndef CLEANFORK_SRC_CLI_AUDIT_H_
#define CLEANFORK_SRC_CLI_AUDIT_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/os.h"

namespace cleanfork::cli {

struct Finding {
  const char* about;  // "umask"
  bool is_off;
  std::string text;
};

// A finding at least for each thing that is looked at. NotFound (ENOENT, ESRCH) if there is no such
// process; PermissionDenied if we may not look at all of it; else the code of the errno. The
// process may be another at the end of it: hold it by a ProcessHandle.
absl::StatusOr<std::vector<Finding>> AuditProcess(pid_t pid, Os& os);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_AUDIT_H_
