#ifndef CLEANFORK_SRC_VALIDATE_OPTIONS_H_
#define CLEANFORK_SRC_VALIDATE_OPTIONS_H_

#include "absl/status/status.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/spawn.h"

namespace cleanfork {

// Whether the options make sense by themselves and for `command` (null: no program), before
// anything is looked up or opened. InvalidArgument at step kValidate, naming the option.
absl::Status ValidateOptions(const ForkOptions& options, const Command* command, Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_VALIDATE_OPTIONS_H_
