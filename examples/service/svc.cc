#include "svc.h"

#include <cerrno>
#include <optional>

#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/fork_options.h"

namespace service {
namespace {

constexpr int kStandardOutput = 1;

absl::StatusOr<std::string> ReadToEnd(int fd, cleanfork::Os& os) {
  std::string text;
  char part[4096];
  for (;;) {
    const cleanfork::SysResult<size_t> got = cleanfork::ReadFully(os, fd, part, sizeof(part));
    if (!got.ok()) return cleanfork::StatusFromErrno(got.error(), "read from the helper");
    text.append(part, got.value());
    if (got.value() < sizeof(part)) return text;
  }
}

}  // namespace

absl::StatusOr<std::string> OutputOf(const cleanfork::Command& helper, cleanfork::Os& os) {
  cleanfork::ForkOptions options;
  options.out = cleanfork::Stream::Pipe();
  options.err = cleanfork::Stream::Inherit();
  absl::StatusOr<cleanfork::Child> child = cleanfork::Spawn(helper, options, os);
  if (!child.ok()) return child.status();
  // First read, then wait: a helper that has filled the pipe does not end before it is emptied.
  absl::StatusOr<std::string> text = ReadToEnd(child->pipes().out.get(), os);
  if (!text.ok()) return text;  // ~Child kills and reaps the helper
  const absl::StatusOr<cleanfork::ExitStatus> ended = child->Wait();
  if (!ended.ok()) return ended.status();
  if (!ended->success()) return absl::AbortedError("the helper ended: " + ended->ToString());
  return text;
}

absl::StatusOr<cleanfork::Child> StartWorker(const std::string& text, const std::string& file,
                                             cleanfork::Os& os) {
  cleanfork::ForkOptions options;
  // Opened before the fork: a file that cannot be is an error here, not in the worker.
  options.out = cleanfork::Stream::File(file);
  const auto work = [&text, &os] {
    return cleanfork::WriteFully(os, kStandardOutput, text.data(), text.size()).ok() ? 0 : 1;
  };
  return cleanfork::RunInChild(work, options, os);
}

int ExitCodeOf(const absl::Status& status) {
  const std::optional<cleanfork::ChildError> error = cleanfork::GetChildError(status);
  if (!error.has_value()) return 1;
  const bool for_the_moment = error->error == EAGAIN || error->error == ENOMEM;
  switch (error->step) {
    case cleanfork::Step::kFork: return for_the_moment ? 75 : 71;  // EX_TEMPFAIL
    case cleanfork::Step::kExec: return error->error == ENOENT ? 127 : 126;
    default: return 71;  // EX_OSERR
  }
}

}  // namespace service
