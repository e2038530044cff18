// PidFile: a file that names the process of a service, and a lock that keeps it single.
//
//   absl::Status StartWorker() {
//     absl::StatusOr<cleanfork::PidFile> file = cleanfork::PidFile::Claim("/run/worker.pid");
//     if (!file.ok()) return file.status();        // AlreadyExists: another instance runs
//     cleanfork::ForkOptions options;
//     options.session = cleanfork::Session::kDaemon;
//     options.pid_file_descriptor = file->descriptor();
//     absl::StatusOr<cleanfork::Child> daemon = cleanfork::Spawn({"/usr/bin/worker"}, options);
//     if (!daemon.ok()) return daemon.status();    // and the file is gone again
//     file->Commit();                              // the daemon has it now: it stays
//     return absl::OkStatus();
//   }
//
// The daemon itself writes its pid, before it drops its privileges, and keeps the descriptor. What
// makes it single is not the number but a write lock on the file (F_OFD_SETLK), which belongs to
// the open file: it lasts as long as the daemon has the descriptor, needs no clean-up, and is right
// across PID namespaces, where the number is not.
//
// Only a file that nobody else can have tampered with is believed: a regular file with one name,
// no symbolic link, of root or of the effective user, writable by its owner alone. The directory
// has to be as safe: /run, not /tmp.
//
// Thread-compatible; not signal-safe. Os must outlive it.
#ifndef CLEANFORK_PID_FILE_H_
#define CLEANFORK_PID_FILE_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/os.h"
#include "cleanfork/process_handle.h"
#include "cleanfork/unique_fd.h"

namespace cleanfork {

class PidFile {
 public:
  // Opens or creates (mode 0644) the file, locks it and empties it. What a dead instance left is
  // taken over. Errors carry a ChildError of step kWritePidFile and the errno:
  //   AlreadyExists (EEXIST)   another instance runs; the text has its pid, if it can be told
  //   Unavailable (EAGAIN)     no instance holds it, but a process that only reads it has locked it
  //   PermissionDenied (EPERM) the file is not to be trusted; the text says why
  //   else                     the code of the errno of open(2), fcntl(2), ...
  // After an error nothing is left that was not there before, but for an empty file where it could
  // not be locked (ENOLCK) or looked at before that (fstat(2)): by then it may be another
  // instance's, and the next one takes it over.
  static absl::StatusOr<PidFile> Claim(const std::string& path, Os& os = RealOs());

  PidFile(PidFile&& other) noexcept;
  PidFile& operator=(PidFile&& other) noexcept;

  // Without Commit(): removes the file, if it is still the one that was claimed, and unlocks it. A
  // copy of the object in a process that was forked since does so only if the file names that
  // process: in the service itself, and not in what the service has forked.
  ~PidFile();

  // For ForkOptions::pid_file_descriptor. Close-on-exec.
  int descriptor() const { return fd_.get(); }
  const std::string& path() const { return path_; }

  // Leaves the file to the process that was given the descriptor.
  void Commit() { committed_ = true; }

 private:
  PidFile(Os& os, std::string path, UniqueFd fd)
      : os_(&os), claimer_(os.GetPid()), path_(std::move(path)), fd_(std::move(fd)) {}

  bool IsOurs() const;
  void Remove();

  Os* os_;
  pid_t claimer_;
  std::string path_;
  UniqueFd fd_;
  bool committed_ = false;
};

// What a pid file says, and what of it holds.
struct PidFileState {
  pid_t pid = 0;        // as written; 0: nothing yet, as while its daemon is being started
  bool locked = false;  // some process holds the lock

  // The process that wrote the file, if it is there and no other: it has the locked file open; or,
  // where that cannot be seen or no lock is held (a daemon that closes all its descriptors drops
  // it), it started before the file was last written, within 50 ms, and at most a minute before.
  // So a pid that has come to mean another process since is not in here: without a lock only as far
  // as the system's clock was not set in between, no process got the same pid within those 50 ms,
  // and, where PID namespaces share the file, none had it in ours that started within that minute.
  // Nullopt with `locked`: the daemon runs in another PID namespace or is hidden from us, or it is
  // dead and a child of it has the lock.
  std::optional<ProcessHandle> process;

  bool running() const { return locked || process.has_value(); }
};

// Reads the file at `path`. NotFound when there is none; PermissionDenied when it is not to be
// trusted; InvalidArgument when its content is not a pid and a newline; FailedPrecondition when it
// cannot be told whose process it names (/proc hides it, or the file is dated in the future and
// nobody has locked it); else the code of the errno.
absl::StatusOr<PidFileState> ReadPidFile(const std::string& path, Os& os = RealOs());

enum class PidFileRemoval {
  kRemoved,
  kNothingThere,  // no file, or it is another instance's by now
  kKeptLocked,    // some process holds a lock on it: a child of the service, or a reader
};

// Removes the file that the ended process `pid` left: only while it still says `pid` and nobody
// holds a lock on it. Errors are those of ReadPidFile(), but for a file that is not there or that
// says something else.
absl::StatusOr<PidFileRemoval> RemovePidFile(const std::string& path, pid_t pid, Os& os = RealOs());

}  // namespace cleanfork

#endif  // CLEANFORK_PID_FILE_H_
