#include "src/streams.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "src/child/move_up.h"

namespace cleanfork {
namespace {

constexpr const char* kNames[] = {"standard input", "standard output", "standard error"};

absl::Status OpenFailed(int target, const std::string& what, int error) {
  ChildError child_error;
  child_error.step = Step::kOpenStream;
  child_error.error = error;
  child_error.stream = target;
  return ChildErrorStatus(what, child_error);
}

// Takes `fd` over, at first_free or more.
SysResult<int> Own(Os& os, int fd, int first_free, UniqueFd* owned) {
  SysResult<int> moved = MoveUp(os, fd, first_free);
  if (moved.ok()) *owned = UniqueFd(os, moved.value());
  return moved;
}

class StreamOpener {
 public:
  StreamOpener(Os& os, int first_free, OpenedStreams* streams)
      : os_(os), first_free_(first_free), streams_(*streams) {}

  absl::Status Open(const Stream& stream, int target) {
    switch (stream.kind()) {
      case Stream::Kind::kNull: return Null(target);
      case Stream::Kind::kInherit: return Keep(target, true);
      case Stream::Kind::kKeepIfRegularFile: return KeepIfRegularFile(target);
      case Stream::Kind::kKeepUnlessTerminal: return Keep(target, !os_.IsATty(target).ok());
      case Stream::Kind::kFile: return File(stream, target);
      case Stream::Kind::kPipe: return Pipe(target);
      case Stream::Kind::kDescriptor: return Descriptor(stream.fd(), target);
    }
    return OpenFailed(target, kNames[target], EINVAL);
  }

 private:
  void Use(int target, UniqueFd owned) {
    streams_.sources[target] = owned.get();
    streams_.owned.push_back(std::move(owned));
  }

  absl::Status Null(int target) {
    if (null_ < 0) {
      UniqueFd owned;
      SysResult<int> fd = OpenUp("/dev/null", O_RDWR, 0, &owned);
      if (!fd.ok()) return OpenFailed(target, "open(\"/dev/null\")", fd.error());
      // A file of that name in a chroot would fill the disk and hand one child's output to the
      // next one's input: daemon(3).
      SysResult<FileStatus> status = os_.FStat(fd.value());
      if (!status.ok()) return OpenFailed(target, "fstat(\"/dev/null\")", status.error());
      if (!S_ISCHR(status.value().mode) || status.value().special_device != makedev(1, 3)) {
        CLEANFORK_PROBE("what is called /dev/null is something else");
        return OpenFailed(target, "\"/dev/null\" is not the null device", ENODEV);
      }
      null_ = fd.value();
      streams_.owned.push_back(std::move(owned));
    }
    streams_.sources[target] = null_;
    return absl::OkStatus();
  }

  // What cannot be looked at is not for that something else: taken for it, a log would go to
  // /dev/null without a word. EBADF alone says that there is none.
  absl::Status KeepIfRegularFile(int target) {
    SysResult<FileStatus> status = os_.FStat(target);
    if (!status.ok() && status.error() != EBADF) {
      return OpenFailed(target, absl::StrCat(kNames[target], ": fstat"), status.error());
    }
    return Keep(target, status.ok() && S_ISREG(status.value().mode));
  }

  // The caller's own if it is open and `keep`, else /dev/null.
  absl::Status Keep(int target, bool keep) {
    if (!keep) return Null(target);
    SysResult<int> copy = os_.FcntlDupFd(target, first_free_);
    if (copy.ok()) {
      Use(target, UniqueFd(os_, copy.value()));
      return absl::OkStatus();
    }
    if (copy.error() == EBADF) {
      CLEANFORK_PROBE("a stream that is closed becomes the null device");
      return Null(target);
    }
    return OpenFailed(target, absl::StrCat("dup of ", kNames[target]), copy.error());
  }

  absl::Status File(const Stream& stream, int target) {
    const int flags = target == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND;
    UniqueFd owned;
    SysResult<int> fd = OpenUp(stream.path().c_str(), flags, stream.mode(), &owned);
    if (!fd.ok()) {
      return OpenFailed(target, absl::StrCat(kNames[target], ": open(\"", stream.path(), "\")"),
                        fd.error());
    }
    Use(target, std::move(owned));
    return absl::OkStatus();
  }

  absl::Status Pipe(int target) {
    OwnedPipe pipe;
    SysResult<PipeEnds> ends = OpenPipe(os_, first_free_, &pipe);
    if (!ends.ok()) return OpenFailed(target, absl::StrCat(kNames[target], ": pipe"), ends.error());
    if (target == 0) {
      Use(target, std::move(pipe.read_end));
      streams_.pipes.in = std::move(pipe.write_end);
    } else {
      Use(target, std::move(pipe.write_end));
      (target == 1 ? streams_.pipes.out : streams_.pipes.err) = std::move(pipe.read_end);
    }
    return absl::OkStatus();
  }

  absl::Status Descriptor(int fd, int target) {
    SysResult<int> copy = os_.FcntlDupFd(fd, first_free_);
    if (!copy.ok()) {
      return OpenFailed(target, absl::StrCat(kNames[target], ": descriptor ", fd), copy.error());
    }
    Use(target, UniqueFd(os_, copy.value()));
    return absl::OkStatus();
  }

  SysResult<int> OpenUp(const char* path, int flags, mode_t mode, UniqueFd* owned) {
    // O_NOCTTY: a daemon must not get a terminal by opening a file (daemon(7)).
    SysResult<int> fd =
        RetryOnEintr([&] { return os_.Open(path, flags | O_CLOEXEC | O_NOCTTY, mode); });
    if (!fd.ok()) return fd;
    return Own(os_, fd.value(), first_free_, owned);
  }

  Os& os_;
  const int first_free_;
  OpenedStreams& streams_;
  int null_ = -1;
};

// A descriptor that the caller names and has closed would otherwise be the number of one that is
// opened here.
absl::Status CheckDescriptors(const std::array<Stream, 3>& streams, Os& os) {
  for (int target = 0; target < 3; ++target) {
    const Stream& stream = streams[static_cast<size_t>(target)];
    if (stream.kind() != Stream::Kind::kDescriptor) continue;
    const int fd = stream.fd();
    SysResult<int> flags = os.FcntlGetFd(fd);
    if (!flags.ok()) {
      return OpenFailed(target, absl::StrCat(kNames[target], ": descriptor ", fd), flags.error());
    }
  }
  return absl::OkStatus();
}

}  // namespace

SysResult<PipeEnds> OpenPipe(Os& os, int first_free, OwnedPipe* pipe) {
  SysResult<PipeEnds> opened = os.Pipe2(O_CLOEXEC);
  if (!opened.ok()) return opened;
  UniqueFd write_end(os, opened.value().write_end);
  SysResult<int> read_fd = Own(os, opened.value().read_end, first_free, &pipe->read_end);
  if (!read_fd.ok()) return SysError(read_fd.error());
  SysResult<int> write_fd = Own(os, write_end.Release(), first_free, &pipe->write_end);
  if (!write_fd.ok()) return SysError(write_fd.error());
  return PipeEnds{read_fd.value(), write_fd.value()};
}

absl::StatusOr<OpenedStreams> OpenStreams(const std::array<Stream, 3>& streams, int first_free,
                                          Os& os) {
  absl::Status status = CheckDescriptors(streams, os);
  OpenedStreams opened;
  StreamOpener opener(os, first_free, &opened);
  for (int target = 0; target < 3 && status.ok(); ++target) {
    status = opener.Open(streams[static_cast<size_t>(target)], target);
  }
  if (!status.ok()) return status;
  return opened;
}

}  // namespace cleanfork
