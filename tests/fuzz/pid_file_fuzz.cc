// The content of pid files: a pid is read only from its digits and a newline, and only such a file,
// or an empty one, is ever overwritten.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>

#include "cleanfork/pid_file.h"
#include "tests/fuzz/property.h"

namespace cleanfork {
namespace {

using fuzz::Require;

// The one file there is, "/run/x.pid", whose process does not run.
class OneFileOs : public fuzz::NoCallsOs {
 public:
  explicit OneFileOs(std::string content) : content_(std::move(content)) {}

  int truncated() const { return truncated_; }
  int looked_for() const { return looked_for_; }

  SysResult<int> Open(const char*, int flags, mode_t) override {
    if ((flags & O_EXCL) != 0) return SysError(EEXIST);
    return 7;
  }
  SysResult<void> Close(int) override { return SysResult<void>(); }
  SysResult<FileStatus> FStat(int) override { return Status(); }
  SysResult<FileStatus> Stat(const char*) override { return Status(); }
  SysResult<void> FcntlSetLock(int, short) override { return SysResult<void>(); }
  SysResult<short> FcntlGetLock(int, short) override { return static_cast<short>(F_UNLCK); }
  SysResult<size_t> PRead(int, void* buffer, size_t size, int64_t offset) override {
    const size_t from = std::min(static_cast<size_t>(offset), content_.size());
    const size_t count = std::min(size, content_.size() - from);
    std::memcpy(buffer, content_.data() + from, count);
    return count;
  }
  SysResult<void> FTruncate(int, int64_t) override {
    ++truncated_;
    content_.clear();
    return SysResult<void>();
  }
  SysResult<void> Unlink(const char*) override { return SysResult<void>(); }
  SysResult<int> PidFdOpen(pid_t pid, unsigned) override {
    looked_for_ = pid;
    return SysError(ESRCH);
  }
  uid_t GetEuid() override { return 0; }
  pid_t GetPid() override { return 1; }

 private:
  FileStatus Status() const {
    FileStatus status;
    status.mode = S_IFREG | 0644;
    status.links = 1;
    status.inode = 1;
    status.size = static_cast<int64_t>(content_.size());
    return status;
  }

  std::string content_;
  int truncated_ = 0;
  pid_t looked_for_ = 0;
};

// What the content says by the rule: a pid, 0 for none yet, or nothing.
std::optional<pid_t> PidOf(const std::string& content) {
  if (content.empty()) return 0;
  if (content.size() < 2 || content.back() != '\n') return std::nullopt;
  constexpr int64_t kLargest = std::numeric_limits<pid_t>::max();
  int64_t pid = 0;
  for (size_t i = 0; i + 1 < content.size(); ++i) {
    if (content[i] < '0' || content[i] > '9') return std::nullopt;
    pid = std::min(pid * 10 + (content[i] - '0'), kLargest + 1);
  }
  if (pid == 0 || pid > kLargest) return std::nullopt;
  return static_cast<pid_t>(pid);
}

void CheckContent(const std::string& content) {
  const std::optional<pid_t> pid = PidOf(content);
  OneFileOs read(content);
  const absl::StatusOr<PidFileState> state = ReadPidFile("/run/x.pid", read);
  if (state.ok()) {
    Require(state->pid >= 0 && (state->pid != 0 || content.empty()), "a pid is above 0", content);
    Require(pid == state->pid, "a pid is digits and a newline", content);
    Require(read.looked_for() == state->pid, "the process of that pid is looked at", content);
    Require(!state->process.has_value() && !state->running(), "it does not run", content);
  } else {
    // More zeros than there is room for digits are refused as well.
    Require(!pid.has_value() || content[0] == '0', "a pid and a newline are read", content);
    Require(read.looked_for() == 0, "no other process is looked at", content);
  }

  OneFileOs claim(content);
  {
    const absl::StatusOr<PidFile> claimed = PidFile::Claim("/run/x.pid", claim);
    Require(claimed.ok() == state.ok(), "what can be read can be taken over", content);
    Require(claim.truncated() == (claimed.ok() && !content.empty() ? 1 : 0),
            "only a stale pid is overwritten", content);
  }

  OneFileOs remove(content);
  const absl::StatusOr<PidFileRemoval> removed = RemovePidFile("/run/x.pid", 4711, remove);
  Require(removed.ok() == state.ok(), "what can be read can be removed", content);
  Require(!removed.ok() || (*removed == PidFileRemoval::kRemoved) == (pid == 4711),
          "a file is removed only for its pid", content);
}

}  // namespace
}  // namespace cleanfork

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cleanfork::CheckContent(cleanfork::fuzz::ToText(data, size));
  return 0;
}
