// Fork code with a mistake, for explore_test.cc to find: it tells at once that a helper could not
// be executed, and forgets something over it.
#ifndef SERVICE_HASTY_FORK_H_
#define SERVICE_HASTY_FORK_H_

#include "cleanfork/os.h"

namespace service {

// Runs the program at `path` as `argv` (its last element null) and an empty environment. Returns
// its exit status; or -1 if it could not be run.
int RunHelperHastily(const char* path, char* const* argv, cleanfork::Os& os);

}  // namespace service

#endif  // SERVICE_HASTY_FORK_H_
