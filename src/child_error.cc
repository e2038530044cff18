#include "cleanfork/child_error.h"

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

// A path or a name in a message must not be able to look like a message of its own.
std::string WithoutControls(const std::string& text) {
  std::string shown;
  for (const char c : text) {
    const unsigned byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&shown, "\\x", absl::Hex(byte, absl::kZeroPad2));
    } else {
      shown.push_back(c);
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
