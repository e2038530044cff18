// The inside of a log writer.
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>

#include "absl/strings/str_cat.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/process_local.h"
#include "src/cli/log_writer.h"

namespace cleanfork::cli {
namespace {

// A line that is longer is written in parts: nobody's memory is without end.
constexpr size_t kLongestLine = 256 * 1024;

// What is sent to syslog of one line: what its daemons are sure to take (RFC 5424, section 6.1).
constexpr size_t kLongestMessage = 2048;

// What the handler needs: one to a process, which this is the only purpose of.
struct Reopening {
  Os* os = nullptr;
  int file = -1;
  const char* path = nullptr;
  mode_t mode = 0;
  sig_atomic_t is_new = 0;  // the file, since the last line; read while SIGHUP is blocked
};
ProcessLocal<Reopening> reopening;

// Async-signal-safe. If it cannot be opened, the old file stays: the lines have to go somewhere.
void Reopen(int) {
  const int saved = errno;
  const SysResult<int> opened = OpenLog(*reopening->os, reopening->path, reopening->mode);
  if (opened.ok()) {
    reopening->os->Dup2(opened.value(), reopening->file).IgnoreError();
    reopening->os->Close(opened.value()).IgnoreError();
    reopening->is_new = 1;
  }
  errno = saved;
}

class Lines {
 public:
  Lines(Os& os, int file, const LogTarget& target) : os_(os), file_(file), target_(target) {
    // An abstract name begins with a NUL, a path does not: unix(7).
    constexpr char kSyslog[] = "/dev/log";
    address_.size = sizeof(kSyslog) - 1;
    std::copy(kSyslog, kSyslog + address_.size, address_.bytes);
    if (file < 0) socket_ = os.Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0).value_or(-1);
  }

  void Take(const char* bytes, size_t size) {
    text_.append(bytes, size);
    const size_t end = text_.rfind('\n');
    if (end != std::string::npos) {
      Write(end + 1);
    } else if (text_.size() >= kLongestLine) {
      Write(text_.size());
    }
  }
  void End() { Write(text_.size()); }

 private:
  void Write(size_t size) {
    if (size == 0) return;
    if (file_ >= 0) {
      WriteToFile(size);
    } else {
      WriteToSyslog(size);
    }
    text_.erase(0, size);
  }

  void WriteToFile(size_t size) {
    // A line does not go half to one file and half to the next.
    const SignalSet hang_up = SignalSet::Of(SIGHUP);
    os_.SigProcMask(SIG_BLOCK, &hang_up).IgnoreError();
    if (reopening->is_new != 0) is_torn_ = false;
    reopening->is_new = 0;
    if (lost_ > 0) {
      // Not at the end of a line of which the rest is lost.
      const std::string note =
          absl::StrCat(is_torn_ ? "\n" : "", "cleanfork: ", lost_, " bytes of this log are lost\n");
      if (WriteWhatFits(note.data(), note.size()) == note.size()) lost_ = 0;
    }
    // What comes after a loss does not stand before the note of it.
    lost_ += lost_ > 0 ? size : size - WriteWhatFits(text_.data(), size);
    os_.SigProcMask(SIG_UNBLOCK, &hang_up).IgnoreError();
  }

  // Returns how much that is. A disk that is full takes the beginning: write(2).
  size_t WriteWhatFits(const char* bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
      const SysResult<size_t> put =
          RetryOnEintr([&] { return os_.Write(file_, bytes + done, size - done); });
      if (put.value_or(0) == 0) break;
      done += put.value();
    }
    if (done > 0) is_torn_ = bytes[done - 1] != '\n';
    return done;
  }

  void WriteToSyslog(size_t size) {
    for (size_t at = 0; at < size;) {
      const size_t end = std::min(text_.find('\n', at), size);
      const std::string line = absl::StrCat("<", target_.priority, ">", target_.tag, ": ",
                                            text_.substr(at, std::min(end - at, kLongestMessage)));
      // What nobody receives is lost: there is no other place to say so.
      RetryOnEintr([&] {
        return os_.SendTo(socket_, line.data(), line.size(), MSG_NOSIGNAL, &address_);
      }).IgnoreError();
      at = end + 1;
    }
  }

  Os& os_;
  const int file_;
  const LogTarget& target_;
  UnixAddress address_;
  int socket_ = -1;
  std::string text_;
  size_t lost_ = 0;       // bytes; of a file
  bool is_torn_ = false;  // the last byte of the file that is ours is within a line
};

}  // namespace

SysResult<int> OpenLog(Os& os, const char* path, mode_t mode) {
  return RetryOnEintr(
      [&] { return os.Open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, mode); });
}

int WriteLog(Os& os, int from, int file, const LogTarget& target) {
  Lines lines(os, file, target);
  SignalAction action;
  action.flags = SA_RESTART;
  action.handler = SIG_IGN;
  if (file >= 0) {
    *reopening = {&os, file, target.path.c_str(), target.mode};
    action.handler = Reopen;
  }
  os.SigAction(SIGHUP, &action).IgnoreError();
  // From here on a hang-up that came before is taken.
  const SignalSet none;
  os.SigProcMask(SIG_SETMASK, &none).IgnoreError();
  static char bytes[64 * 1024];
  for (;;) {
    const SysResult<size_t> got = RetryOnEintr([&] { return os.Read(from, bytes, sizeof(bytes)); });
    if (got.value_or(0) == 0) {
      lines.End();
      return got.ok() ? 0 : 1;
    }
    lines.Take(bytes, got.value());
  }
}

}  // namespace cleanfork::cli
