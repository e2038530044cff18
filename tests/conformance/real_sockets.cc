#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tests/conformance/socket_world.h"

namespace cleanfork {
namespace {

class RealSocket {
 public:
  explicit RealSocket(const BoundSocket& bound)
      : address_(bound.address), fd_(socket(AF_UNIX, bound.type | SOCK_CLOEXEC, 0)) {
    const UnixAddress address = AddressOf(address_);
    sockaddr_un to = {};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address.bytes, address.size);
    const size_t terminator = address_[0] == '@' ? 0 : 1;
    const size_t length = offsetof(sockaddr_un, sun_path) + address.size + terminator;
    const int on = 1;
    bound_ = bind(fd_, reinterpret_cast<sockaddr*>(&to), static_cast<socklen_t>(length)) == 0 &&
             setsockopt(fd_, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 &&
             (bound.type != SOCK_STREAM || listen(fd_, 1) == 0);
    if (bound.gone) Close();
  }
  ~RealSocket() {
    Close();
    if (address_[0] != '@') unlink(address_.c_str());
  }

  bool bound() const { return bound_; }

  // The next that has arrived; false if there is none.
  bool Receive(Arrived* arrived) const {
    char bytes[4096];
    char control[CMSG_SPACE(sizeof(ucred))];
    iovec part = {bytes, sizeof(bytes)};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t size = recvmsg(fd_, &message, MSG_DONTWAIT);
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (size < 0 || header == nullptr || header->cmsg_type != SCM_CREDENTIALS) return false;
    ucred sender;
    std::memcpy(&sender, CMSG_DATA(header), sizeof(sender));
    *arrived = {std::string(bytes, static_cast<size_t>(size)), sender.pid, sender.uid};
    return true;
  }

 private:
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  const std::string address_;
  int fd_;
  bool bound_ = false;
};

}  // namespace

std::string ObserveSocketsOnRealKernel(const ObservedBody& body) {
  std::vector<std::unique_ptr<RealSocket>> sockets;
  for (const BoundSocket& bound : BoundSockets()) {
    sockets.push_back(std::make_unique<RealSocket>(bound));
    if (!sockets.back()->bound()) return "cannot bind " + bound.address;
  }
  const std::string notes = ObserveOnRealKernel(body);
  ArrivedText text;
  for (const auto& socket : sockets) {
    for (Arrived arrived; socket->Receive(&arrived);) text.Add(arrived, getuid());
  }
  return notes + text.text();
}

}  // namespace cleanfork
