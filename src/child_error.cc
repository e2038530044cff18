#include "cleanfork/child_error.h"

#include <cstddef>
#include <cstdio>
#include <cstring>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "cleanfork/names.h"

namespace cleanfork {
namespace {

constexpr char kPayloadUrl[] = "cleanfork/child_error";

// strerror_r(3) has two signatures; each of these takes the result of one.
[[maybe_unused]] const char* ErrorText(int result, const char* buffer) {
  return result == 0 ? buffer : "unknown error";
}
[[maybe_unused]] const char* ErrorText(const char* result, const char*) { return result; }

// "Operation not permitted (EPERM)".
std::string DescribeErrno(int error) {
  char buffer[128];
  std::string text = ErrorText(strerror_r(error, buffer, sizeof(buffer)), buffer);
  const char* name = ErrnoName(error);
  return absl::StrCat(text, " (", name != nullptr ? name : "?", ")");
}

std::string DescribeSignal(int signal) {
  const char* name = SignalName(signal);
  return absl::StrCat("killed by signal ", signal, name != nullptr ? " (" : "",
                      name != nullptr ? name : "", name != nullptr ? ")" : "");
}

// A path, a name or the text of a daemon that may be another user by now must not be able to look
// like a message of its own, or to steer the terminal that it is shown on. U+0080 to U+009F are
// control characters too, U+009B begins a sequence as ESC [ does: as UTF-8, or as a byte by itself
// for a terminal that is set to Latin-1.
std::string WithoutControls(const std::string& text) {
  const auto byte_at = [&text](size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto is_high_control = [](unsigned byte) { return byte >= 0x80 && byte < 0xa0; };
  std::string shown;
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned byte = byte_at(i);
    const unsigned before = i > 0 ? byte_at(i - 1) : 0;
    const bool begins_one = byte == 0xc2 && is_high_control(byte_at(i + 1));
    const bool is_one = is_high_control(byte) && (before < 0x80 || before == 0xc2);
    if (byte < 0x20 || byte == 0x7f || begins_one || is_one) {
      absl::StrAppend(&shown, "\\x", absl::Hex(byte, absl::kZeroPad2));
    } else {
      shown.push_back(text[i]);
    }
  }
  return shown;
}

absl::StatusCode CodeFor(const ChildError& error) {
  if (error.error != 0) return absl::ErrnoToStatusCode(error.error);
  return error.signal != 0 ? absl::StatusCode::kAborted : absl::StatusCode::kFailedPrecondition;
}

}  // namespace

absl::Status ChildErrorStatus(const std::string& what, const ChildError& error) {
  std::string text = WithoutControls(what);
  if (error.error != 0) absl::StrAppend(&text, ": ", DescribeErrno(error.error));
  if (error.signal != 0) absl::StrAppend(&text, ": ", DescribeSignal(error.signal));
  absl::StrAppend(&text, " [step ", StepName(error.step));
  if (error.pid != 0) absl::StrAppend(&text, ", child ", error.pid);
  absl::StrAppend(&text, "]");
  absl::Status status(CodeFor(error), text);
  char payload[96];
  std::snprintf(payload, sizeof(payload), "%d %d %d %d %d %d", static_cast<int>(error.step),
                error.error, error.signal, static_cast<int>(error.pid), error.attempt,
                error.stream);
  status.SetPayload(kPayloadUrl, absl::Cord(payload));
  return status;
}

std::optional<ChildError> GetChildError(const absl::Status& status) {
  auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return std::nullopt;
  int step = 0;
  int pid = 0;
  ChildError error;
  const std::string text(*payload);
  if (std::sscanf(text.c_str(), "%d %d %d %d %d %d", &step, &error.error, &error.signal, &pid,
                  &error.attempt, &error.stream) != 6) {
    return std::nullopt;
  }
  error.step = static_cast<Step>(step);
  error.pid = pid;
  return error;
}

absl::Status StatusFromErrno(int error, const std::string& what) {
  return absl::Status(absl::ErrnoToStatusCode(error),
                      absl::StrCat(WithoutControls(what), ": ", DescribeErrno(error)));
}

}  // namespace cleanfork
