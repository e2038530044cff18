#include "cleanfork/pid_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "src/lock_holder.h"

namespace cleanfork {
namespace {

// How often Claim() starts anew because the file was exchanged under its hands: each time some
// other instance got further, so this is never reached by instances that behave.
constexpr int kAttempts = 100;

// The start time of a process and the times of a file are each known to a tick of 10 ms; the rest
// is for being interrupted between looking at two clocks.
constexpr int64_t kTolerance = 50'000'000;

// How long at the most it takes a child from its fork to its pid file. A process that is older has
// the number by chance: it is that of another PID namespace.
constexpr int64_t kLongestStart = 60'000'000'000;

constexpr int kSafeFlags = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;

absl::Status Failure(const std::string& what, int error) {
  ChildError failure;
  failure.step = Step::kWritePidFile;
  failure.error = error;
  return ChildErrorStatus(what, failure);
}

std::string Called(const char* call, const std::string& path) {
  return absl::StrCat(call, "(\"", path, "\")");
}

absl::Status OpenFailure(const std::string& path, int error) {
  return Failure(absl::StrCat(Called("open", path),
                              error == ELOOP ? ": a pid file must not be a symbolic link" : ""),
                 error);
}

bool IsSameFile(const FileStatus& a, const FileStatus& b) {
  return a.device == b.device && a.inode == b.inode;
}

// Whether `path` still names the open file. No other process that keeps to the protocol removes or
// replaces it while we hold its lock.
SysResult<bool> StillNames(Os& os, const std::string& path, const FileStatus& file) {
  const SysResult<FileStatus> named = os.Stat(path.c_str());
  if (!named.ok() && named.error() != ENOENT) return SysError(named.error());
  return named.ok() && IsSameFile(named.value(), file);
}

// OK if nobody but root and we can have written the file.
absl::Status CheckTrust(Os& os, const std::string& path, const FileStatus& file) {
  const std::string what = Called("pidfile", path);
  if (!S_ISREG(file.mode)) {
    return Failure(absl::StrCat(what, ": is not a regular file"), EPERM);
  }
  if (file.uid != 0 && file.uid != os.GetEuid()) {
    return Failure(
        absl::StrFormat("%s: belongs to uid %d, neither to root nor to us", what, file.uid), EPERM);
  }
  if ((file.mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Failure(absl::StrFormat("%s: others may write to it (mode %04o, want 0644)", what,
                                   file.mode & 07777),
                   EPERM);
  }
  if (file.links > 1) {
    return Failure(absl::StrCat(what, ": has another name, a hard link"), EPERM);
  }
  return absl::OkStatus();
}

// What such a text says: a pid, 0 if it is empty, nothing if it is something else.
std::optional<pid_t> ParsePid(const std::string& content) {
  if (content.empty()) return 0;
  // Digits and one newline: no sign and no space, which SimpleAtoi() would let pass.
  const size_t digits = content.find_first_not_of("0123456789");
  pid_t pid = 0;
  if (digits + 1 != content.size() || content[digits] != '\n' ||
      !absl::SimpleAtoi(content.substr(0, digits), &pid) || pid <= 0) {
    return std::nullopt;
  }
  return pid;
}

// What the file says: a pid, or 0 if it is empty. By one pread(2), since two may see two writers.
// And no kernel promises that even one sees a single one: in the midst of a take-over it may return
// the old text with the new length. That is no pid and a newline, and is read again.
absl::StatusOr<pid_t> ReadPid(Os& os, const std::string& path, int fd) {
  constexpr int kReads = 5;
  for (int reads = 0; reads < kReads; ++reads) {
    char text[32];
    const SysResult<size_t> got = RetryOnEintr([&] { return os.PRead(fd, text, sizeof(text), 0); });
    if (!got.ok()) return Failure(Called("read", path), got.error());
    // A full buffer may be the beginning of more.
    const bool is_whole = got.value() < sizeof(text);
    const std::optional<pid_t> pid = ParsePid(std::string(text, got.value()));
    if (is_whole && pid.has_value()) return *pid;
    CLEANFORK_PROBE("a pid file holds no pid and is read again");
  }
  return Failure(
      absl::StrCat(Called("pidfile", path), ": holds something else than a pid and a newline"),
      EINVAL);
}

// The process `pid`, if it can be the one that wrote the file: see PidFileState::process.
absl::StatusOr<std::optional<ProcessHandle>> FindWriter(Os& os, pid_t pid, const FileStatus& file,
                                                        bool locked) {
  std::optional<ProcessHandle> none;
  absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(pid, os);
  if (absl::IsNotFound(process.status())) return none;
  if (!process.ok()) return process.status();
  // Where there is a lock, its holder is the writer, whatever the times say: the number may be
  // that of another PID namespace, and mean an old process in ours.
  const LockHolding holds = locked ? HoldsLock(os, pid, file) : LockHolding::kCannotLook;
  if (holds == LockHolding::kNo) return none;
  if (holds == LockHolding::kCannotLook) {
    CLEANFORK_PROBE("the writer of a pid file is known by the times alone");
    if (process->start_time() > file.modified + kTolerance) return none;
    const SysResult<int64_t> now = os.ClockGetTime(CLOCK_REALTIME);
    if (!now.ok()) return StatusFromErrno(now.error(), "clock_gettime(CLOCK_REALTIME)");
    if (file.modified > now.value() + kTolerance) {
      CLEANFORK_PROBE("a pid file is of the future");
      return absl::FailedPreconditionError(
          absl::StrCat("the file is of the future, as after the clock was set back: it cannot be "
                       "told whether process ",
                       pid, ", which it names, is older"));
    }
    if (process->start_time() < file.modified - kLongestStart) return none;
  }
  return std::optional<ProcessHandle>(*std::move(process));
}

absl::Status OtherInstance(const std::string& path, const std::string& who) {
  return Failure(absl::StrCat(Called("pidfile", path), ": another instance ", who), EEXIST);
}

// Why the file cannot be locked: whom it has to be said to belong to.
absl::Status HeldBy(Os& os, const std::string& path, int fd) {
  // A service has a write lock. A read lock is what anybody can have who may read the file.
  const SysResult<short> lock = os.FcntlGetLock(fd, F_WRLCK);
  if (lock.ok() && lock.value() == F_RDLCK) {
    CLEANFORK_PROBE("a pid file is locked by a reader");
    return Failure(absl::StrCat(Called("pidfile", path),
                                ": a process that only reads it has locked it: find it with "
                                "fuser(1)"),
                   EAGAIN);
  }
  const pid_t pid = ReadPid(os, path, fd).value_or(0);
  if (pid == 0) {
    CLEANFORK_PROBE("a pid file is locked by an instance that is starting");
    return OtherInstance(path, "is starting");
  }
  // After the content, or a pid written just now would look younger than the file.
  const SysResult<FileStatus> status = os.FStat(fd);
  if (!status.ok()) return Failure(Called("fstat", path), status.error());
  const absl::StatusOr<std::optional<ProcessHandle>> writer =
      FindWriter(os, pid, status.value(), true);
  if (writer.ok() && writer->has_value())
    return OtherInstance(path, absl::StrCat("runs, pid ", pid));
  return OtherInstance(path, absl::StrCat("runs: the file is locked, but process ", pid,
                                          ", which it names, cannot be taken for the holder"));
}

// Empties the locked file, unless it is not what a pid file looks like or its process still runs.
absl::Status TakeOver(Os& os, const std::string& path, int fd, const FileStatus& file) {
  const absl::StatusOr<pid_t> pid = ReadPid(os, path, fd);
  if (!pid.ok()) return pid.status();
  if (*pid == 0) return absl::OkStatus();
  absl::StatusOr<std::optional<ProcessHandle>> writer = FindWriter(os, *pid, file, false);
  if (!writer.ok()) {
    return Failure(absl::StrCat(Called("pidfile", path), ": ", writer.status().message()), EEXIST);
  }
  if (writer->has_value()) return OtherInstance(path, absl::StrCat("runs, pid ", *pid));
  CLEANFORK_PROBE("a stale pid file is taken over");
  const SysResult<void> emptied = RetryOnEintr([&] { return os.FTruncate(fd, 0); });
  if (!emptied.ok()) return Failure(Called("ftruncate", path), emptied.error());
  return absl::OkStatus();
}

// Opens the file, or makes it: `created` tells which. -1 with EAGAIN if it vanished in between.
SysResult<int> OpenOrCreate(Os& os, const char* path, bool* created) {
  // Two calls rather than O_CREAT alone, to know what to clean up; and because a sticky directory
  // refuses O_CREAT for an existing file of another's (proc(5), protected_regular).
  SysResult<int> fd =
      RetryOnEintr([&] { return os.Open(path, O_RDWR | O_CREAT | O_EXCL | kSafeFlags, 0644); });
  *created = fd.ok();
  if (fd.ok() || fd.error() != EEXIST) return fd;
  fd = RetryOnEintr([&] { return os.Open(path, O_RDWR | kSafeFlags, 0); });
  return !fd.ok() && fd.error() == ENOENT ? SysResult<int>(SysError(EAGAIN)) : fd;
}

}  // namespace

absl::StatusOr<PidFile> PidFile::Claim(const std::string& path, Os& os) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    bool created = false;
    const SysResult<int> opened = OpenOrCreate(os, path.c_str(), &created);
    if (!opened.ok() && opened.error() == EAGAIN) {
      CLEANFORK_PROBE("a pid file vanishes before it is opened");
      continue;
    }
    if (!opened.ok()) return OpenFailure(path, opened.error());
    PidFile file(os, path, UniqueFd(os, opened.value()));
    // Until it is locked the destructor leaves it: also what we made may be another's by then, who
    // opened it and was faster to lock it. Empty and not locked, it is in nobody's way.
    file.committed_ = true;

    const SysResult<FileStatus> status = os.FStat(file.descriptor());
    if (!status.ok()) return Failure(Called("fstat", path), status.error());
    if (!created) {
      absl::Status trusted = CheckTrust(os, path, status.value());
      if (!trusted.ok()) return trusted;
    }
    const SysResult<void> locked = os.FcntlSetLock(file.descriptor(), F_WRLCK);
    const bool held = !locked.ok() && (locked.error() == EAGAIN || locked.error() == EACCES);
    if (!locked.ok() && !held) return Failure(Called("lock", path), locked.error());
    // From here on what we made is removed; what we found stays until it is ours.
    file.committed_ = held || !created;
    const SysResult<bool> still_names = StillNames(os, path, status.value());
    if (!still_names.ok()) return Failure(Called("stat", path), still_names.error());
    if (!still_names.value()) {
      CLEANFORK_PROBE("a pid file is exchanged while it is claimed");
      file.committed_ = true;
      continue;
    }
    if (held) return HeldBy(os, path, file.descriptor());
    absl::Status taken = TakeOver(os, path, file.descriptor(), status.value());
    if (!taken.ok()) return taken;
    file.committed_ = false;
    return file;
  }
  CLEANFORK_PROBE("a pid file is being replaced again and again");
  return Failure(absl::StrCat(Called("pidfile", path), ": is being replaced again and again"),
                 EAGAIN);
}

PidFile::PidFile(PidFile&& other) noexcept
    : os_(other.os_),
      claimer_(other.claimer_),
      path_(std::move(other.path_)),
      fd_(std::move(other.fd_)),
      committed_(other.committed_) {}

PidFile& PidFile::operator=(PidFile&& other) noexcept {
  if (this != &other) {
    Remove();
    os_ = other.os_;
    claimer_ = other.claimer_;
    path_ = std::move(other.path_);
    fd_ = std::move(other.fd_);
    committed_ = other.committed_;
  }
  return *this;
}

PidFile::~PidFile() { Remove(); }

bool PidFile::IsOurs() const {
  const pid_t self = os_->GetPid();
  return self == claimer_ || ReadPid(*os_, path_, fd_.get()).value_or(0) == self;
}

void PidFile::Remove() {
  if (committed_ || !fd_.valid() || !IsOurs()) return;
  CLEANFORK_PROBE("a pid file that was not committed is removed");
  const SysResult<FileStatus> status = os_->FStat(fd_.get());
  // Before the lock goes, so that whoever takes it next finds the path changed. A file that cannot
  // be removed, or cannot be told from another's, is empty, or stale: the next start takes it over.
  if (status.ok() && StillNames(*os_, path_, status.value()).value_or(false)) {
    os_->Unlink(path_.c_str()).IgnoreError();
  }
  fd_.Reset();
}

absl::StatusOr<PidFileState> ReadPidFile(const std::string& path, Os& os) {
  const SysResult<int> opened =
      RetryOnEintr([&] { return os.Open(path.c_str(), O_RDONLY | kSafeFlags, 0); });
  if (!opened.ok()) return OpenFailure(path, opened.error());
  const UniqueFd fd(os, opened.value());
  SysResult<FileStatus> status = os.FStat(fd.get());
  if (!status.ok()) return Failure(Called("fstat", path), status.error());
  absl::Status trusted = CheckTrust(os, path, status.value());
  if (!trusted.ok()) return trusted;

  PidFileState state;
  // F_RDLCK: what stands in the way of a reader is a write lock, the only kind there is here.
  const SysResult<short> lock = os.FcntlGetLock(fd.get(), F_RDLCK);
  if (!lock.ok()) return Failure(Called("lock", path), lock.error());
  state.locked = lock.value() != F_UNLCK;
  const absl::StatusOr<pid_t> pid = ReadPid(os, path, fd.get());
  if (!pid.ok()) return pid.status();
  state.pid = *pid;
  if (state.pid == 0) return state;
  // After the content, or a pid written just now would look younger than the file.
  status = os.FStat(fd.get());
  if (!status.ok()) return Failure(Called("fstat", path), status.error());
  absl::StatusOr<std::optional<ProcessHandle>> writer =
      FindWriter(os, state.pid, status.value(), state.locked);
  // A process that /proc hides from us (proc(5), hidepid) is not to be signalled on a guess; but
  // the lock says that the service runs.
  if (!writer.ok() && !(state.locked && absl::IsFailedPrecondition(writer.status()))) {
    return writer.status();
  }
  if (writer.ok()) state.process = *std::move(writer);
  return state;
}

absl::StatusOr<PidFileRemoval> RemovePidFile(const std::string& path, pid_t pid, Os& os) {
  const SysResult<int> opened =
      RetryOnEintr([&] { return os.Open(path.c_str(), O_RDWR | kSafeFlags, 0); });
  if (!opened.ok() && opened.error() == ENOENT) return PidFileRemoval::kNothingThere;
  if (!opened.ok()) return OpenFailure(path, opened.error());
  const UniqueFd fd(os, opened.value());
  const SysResult<FileStatus> status = os.FStat(fd.get());
  if (!status.ok()) return Failure(Called("fstat", path), status.error());
  absl::Status trusted = CheckTrust(os, path, status.value());
  if (!trusted.ok()) return trusted;
  const SysResult<void> locked = os.FcntlSetLock(fd.get(), F_WRLCK);
  if (!locked.ok() && (locked.error() == EAGAIN || locked.error() == EACCES)) {
    CLEANFORK_PROBE("a pid file is not removed since somebody holds it");
    return PidFileRemoval::kKeptLocked;
  }
  if (!locked.ok()) return Failure(Called("lock", path), locked.error());
  const absl::StatusOr<pid_t> written = ReadPid(os, path, fd.get());
  if (!written.ok()) return written.status();
  const SysResult<bool> still_names = StillNames(os, path, status.value());
  if (!still_names.ok()) return Failure(Called("stat", path), still_names.error());
  if (*written != pid || !still_names.value()) {
    CLEANFORK_PROBE("a pid file to be removed is another one by now");
    return PidFileRemoval::kNothingThere;
  }
  const SysResult<void> removed = os.Unlink(path.c_str());
  if (!removed.ok() && removed.error() != ENOENT) {
    return Failure(Called("unlink", path), removed.error());
  }
  return PidFileRemoval::kRemoved;
}

}  // namespace cleanfork
