// The values that cross the seam between code and kernel (cleanfork/os.h): plain structs,
// trivially copyable, without pointers into anybody's heap.
//
//   cleanfork::SignalSet all = cleanfork::SignalSet::Full();
//   cleanfork::SysResult<cleanfork::SignalSet> before = os.SigProcMask(SIG_SETMASK, &all);
//   if (before.ok() && before.value().Contains(SIGTERM)) std::puts("SIGTERM was blocked already");
#ifndef CLEANFORK_OS_TYPES_H_
#define CLEANFORK_OS_TYPES_H_

#include <signal.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace cleanfork {

// A set of signals; signal n is bit n-1, n from 1 to 64. Unlike a sigset_t it can be compared,
// printed and hashed. Signals outside 1 to 64 are never members.
class SignalSet {
 public:
  static constexpr int kMaxSignal = 64;

  constexpr SignalSet() = default;

  static constexpr SignalSet Empty() { return SignalSet(); }
  static constexpr SignalSet Full() { return FromBits(~uint64_t{0}); }
  static constexpr SignalSet FromBits(uint64_t bits) {
    SignalSet set;
    set.bits_ = bits;
    return set;
  }
  template <typename... Signals>
  static constexpr SignalSet Of(Signals... signals) {
    return FromBits((uint64_t{0} | ... | Bit(signals)));
  }

  constexpr bool Contains(int signal) const { return (bits_ & Bit(signal)) != 0; }
  constexpr void Add(int signal) { bits_ |= Bit(signal); }
  constexpr void Remove(int signal) { bits_ &= ~Bit(signal); }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr uint64_t bits() const { return bits_; }

  friend constexpr bool operator==(SignalSet a, SignalSet b) { return a.bits_ == b.bits_; }
  friend constexpr bool operator!=(SignalSet a, SignalSet b) { return a.bits_ != b.bits_; }

 private:
  static constexpr uint64_t Bit(int signal) {
    return signal >= 1 && signal <= kMaxSignal ? uint64_t{1} << (signal - 1) : 0;
  }
  uint64_t bits_ = 0;
};

// What a process does on a signal: sigaction(2). Reading one and installing it again loses
// nothing; a handler that wants a siginfo_t stands in info_handler, and handler is then unused.
struct SignalAction {
  void (*handler)(int) = SIG_DFL;  // SIG_DFL, SIG_IGN or a function
  void (*info_handler)(int, siginfo_t*, void*) = nullptr;
  SignalSet mask;  // blocked, besides the signal itself, while the handler runs
  int flags = 0;   // SA_RESTART and its like; SA_SIGINFO follows from info_handler
};

constexpr bool operator==(const SignalAction& a, const SignalAction& b) {
  return a.handler == b.handler && a.info_handler == b.info_handler && a.mask == b.mask &&
         a.flags == b.flags;
}
constexpr bool operator!=(const SignalAction& a, const SignalAction& b) { return !(a == b); }

// A signal taken by SigTimedWait: the si_* fields that sigtimedwait(2) always sets.
struct SignalInfo {
  int signal = 0;
  int code = 0;
  pid_t pid = 0;
};

// waitpid(2). pid is 0 when WNOHANG found no child that changed; status is for WIFEXITED & co.
struct WaitResult {
  pid_t pid = 0;
  int status = 0;
};

// waitid(2). pid is 0 when WNOHANG found no child that changed; code is a CLD_* constant and
// status an exit status or a signal, according to it.
struct WaitIdResult {
  pid_t pid = 0;
  int code = 0;
  int status = 0;
};

// pipe(2).
struct PipeEnds {
  int read_end = -1;
  int write_end = -1;
};

// Real, effective and saved id: getresuid(2).
struct ResUid {
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
};
struct ResGid {
  gid_t real = 0;
  gid_t effective = 0;
  gid_t saved = 0;
};

// The sets of capget(2) as bits: 1 << CAP_SETUID and so on, capabilities(7).
struct CapabilitySets {
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
};

// getrlimit(2); RLIM_INFINITY is the largest value.
struct ResourceLimit {
  uint64_t soft = 0;
  uint64_t hard = 0;
};

// The part of stat(2) that fork code looks at.
struct FileStatus {
  dev_t device = 0;
  ino_t inode = 0;
  mode_t mode = 0;
  nlink_t links = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t special_device = 0;  // st_rdev: which device a device node stands for
  int64_t size = 0;          // bytes
  int64_t modified = 0;      // nanoseconds since the epoch
};

// An address of unix(7). A path stands here without a NUL; an abstract name begins with one, and
// those in it have no meaning.
struct UnixAddress {
  static constexpr size_t kMaxSize = 108;  // of sun_path: a path may have one byte less, for a NUL
  char bytes[kMaxSize] = {};
  size_t size = 0;
};

constexpr bool operator==(const UnixAddress& a, const UnixAddress& b) {
  if (a.size != b.size || a.size > UnixAddress::kMaxSize) return false;
  for (size_t i = 0; i < a.size; ++i) {
    if (a.bytes[i] != b.bytes[i]) return false;
  }
  return true;
}
constexpr bool operator!=(const UnixAddress& a, const UnixAddress& b) { return !(a == b); }

// A datagram as recvmsg(2) has it, with who sent it: SCM_CREDENTIALS of unix(7).
struct ReceivedMessage {
  size_t size = 0;   // of what is in the buffer
  bool cut = false;  // it was longer: MSG_TRUNC
  pid_t pid = 0;     // 0: not told, as without SetPassCred()
  uid_t uid = 0;
  gid_t gid = 0;
};

// A line of passwd(5), of fixed size so that it needs no heap. Every text is NUL-terminated.
struct UserRecord {
  static constexpr size_t kNameSize = 256;
  static constexpr size_t kPathSize = 1024;
  char name[kNameSize] = {};
  uid_t uid = 0;
  gid_t gid = 0;
  char home[kPathSize] = {};
  char shell[kPathSize] = {};
};

// A line of group(5), without its members.
struct GroupRecord {
  char name[UserRecord::kNameSize] = {};
  gid_t gid = 0;
};

}  // namespace cleanfork

#endif  // CLEANFORK_OS_TYPES_H_
