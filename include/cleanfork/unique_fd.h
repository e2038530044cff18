// UniqueFd: a descriptor that is closed with its owner, through the Os that it came from.
//
//   cleanfork::UniqueFd log(os, os.Open("/var/log/x", O_WRONLY | O_CLOEXEC, 0).value_or(-1));
//   if (log.valid()) os.Write(log.get(), "x\n", 2).IgnoreError();
//
// Thread-compatible; signal-safe; moves, does not copy. Os must outlive it.
#ifndef CLEANFORK_UNIQUE_FD_H_
#define CLEANFORK_UNIQUE_FD_H_

#include "cleanfork/os.h"

namespace cleanfork {

class UniqueFd {
 public:
  UniqueFd() = default;

  // Owns `fd`; a negative one is none.
  UniqueFd(Os& os, int fd) : os_(&os), fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : os_(other.os_), fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      os_ = other.os_;
      fd_ = other.Release();
    }
    return *this;
  }

  ~UniqueFd() { Reset(); }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

  // Gives the descriptor away: from now on somebody else closes it.
  int Release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }

  // Closes it now. Whether close(2) failed is not told: the descriptor is gone either way. Who
  // wrote a file and must know whether it was stored calls Os::Close(Release()).
  void Reset() {
    int fd = Release();
    if (fd >= 0) os_->Close(fd).IgnoreError();
  }

 private:
  Os* os_ = nullptr;
  int fd_ = -1;
};

}  // namespace cleanfork

#endif  // CLEANFORK_UNIQUE_FD_H_
