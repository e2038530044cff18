// Sockets of unix(7) that somebody else has bound, on both kernels.
#ifndef CLEANFORK_TESTS_CONFORMANCE_SOCKET_WORLD_H_
#define CLEANFORK_TESTS_CONFORMANCE_SOCKET_WORLD_H_

#include <sys/socket.h>

#include <cstring>
#include <string>
#include <vector>

#include "cleanfork/os_types.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {

struct BoundSocket {
  std::string address;  // a path, or '@' and an abstract name
  int type;
  bool gone;  // whoever bound it has ended
};

inline const BoundSocket kReceiver = {kTestFile + "-receiver", SOCK_DGRAM, false};
inline const BoundSocket kAbstract = {"@" + kTestFile, SOCK_DGRAM, false};
inline const BoundSocket kListener = {kTestFile + "-listener", SOCK_STREAM, false};
inline const BoundSocket kAbstractListener = {"@" + kTestFile + "-listener", SOCK_STREAM, false};
inline const BoundSocket kLeftOver = {kTestFile + "-left-over", SOCK_DGRAM, true};

inline std::vector<BoundSocket> BoundSockets() {
  return {kReceiver, kAbstract, kListener, kAbstractListener, kLeftOver};
}

inline UnixAddress AddressOf(const std::string& text) {
  UnixAddress address;
  address.size = text.copy(address.bytes, sizeof(address.bytes));
  if (address.bytes[0] == '@') address.bytes[0] = '\0';
  return address;
}

// A datagram that has arrived, and from which process and user.
struct Arrived {
  std::string bytes;
  pid_t pid;
  uid_t uid;
};

// What arrived at one socket after the other, a letter for each process: "a \"READY=1\" b \"\"".
class ArrivedText {
 public:
  void Add(const Arrived& arrived, uid_t own_uid) {
    size_t process = 0;
    while (process < pids_.size() && pids_[process] != arrived.pid) ++process;
    if (process == pids_.size()) pids_.push_back(arrived.pid);
    text_ += std::string(" ") + static_cast<char>('a' + process) + " \"" + arrived.bytes + "\"";
    if (arrived.uid != own_uid) text_ += " of another user";
  }
  const std::string& text() const { return text_; }

 private:
  std::vector<pid_t> pids_;
  std::string text_;
};

// As Observe(), with these sockets bound; nobody reads from them before `body` is over. What has
// arrived stands behind the notes.
std::string ObserveSocketsOnRealKernel(const ObservedBody& body);
std::string ObserveSocketsOnSimulatedKernel(const ObservedBody& body);

inline std::string ObserveWithSockets(const ObservedBody& body) {
#ifdef CLEANFORK_CONFORMANCE_OF_SIM_OS
  return ObserveSocketsOnSimulatedKernel(body);
#else
  return ObserveSocketsOnRealKernel(body);
#endif
}

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_CONFORMANCE_SOCKET_WORLD_H_
