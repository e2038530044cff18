// Durations on a command line: "5", "5s", "500ms", "2min".
#ifndef CLEANFORK_SRC_CLI_DURATION_H_
#define CLEANFORK_SRC_CLI_DURATION_H_

#include <optional>
#include <string>

#include "absl/time/time.h"

namespace cleanfork::cli {

// Nullopt for anything else, and for more than a year.
std::optional<absl::Duration> ParseDuration(const std::string& text);

// "2s", "500ms", as ParseDuration() reads it; parts of a millisecond are cut off.
std::string PrintDuration(absl::Duration duration);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_DURATION_H_
