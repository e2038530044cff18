#include "src/cli/duration.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cleanfork::cli {

std::optional<absl::Duration> ParseDuration(const std::string& text) {
  constexpr int64_t kYear = int64_t{366} * 24 * 60 * 60 * 1000;  // in milliseconds
  const size_t digits = text.find_first_not_of("0123456789");
  const std::string unit = digits == std::string::npos ? "s" : text.substr(digits);
  int64_t number = 0;
  if (digits == 0 || !absl::SimpleAtoi(text.substr(0, digits), &number)) return std::nullopt;
  const int64_t milliseconds = unit == "ms"    ? 1
                               : unit == "s"   ? 1000
                               : unit == "min" ? 60 * 1000
                                               : 0;
  if (milliseconds == 0 || number > kYear / milliseconds) return std::nullopt;
  return absl::Milliseconds(number * milliseconds);
}

std::string PrintDuration(absl::Duration duration) {
  const int64_t milliseconds = absl::ToInt64Milliseconds(duration);
  return milliseconds % 1000 == 0 ? absl::StrCat(milliseconds / 1000, "s")
                                  : absl::StrCat(milliseconds, "ms");
}

}  // namespace cleanfork::cli
