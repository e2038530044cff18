#include "mocks/sim/sockets.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "mocks/sim/calls.h"
#include "mocks/sim/descriptors.h"
#include "mocks/sim/files.h"
#include "mocks/sim/refuse.h"

namespace cleanfork::sim {
namespace {

constexpr int kFamilies = 46;  // AF_MAX of Linux 5.11; older ones have less, and no such number
constexpr int kTypes = 11;     // SOCK_MAX of Linux
constexpr int kTypeMask = 0xf;

// The send buffer of net.core.wmem_default, without what Linux keeps of it for itself: socket(7).
constexpr size_t kMostBytes = 212992 - 32;

// How many datagrams wait for a process: more than net.unix.max_dgram_qlen of Linux, which is 10.
constexpr int kMostQueued = 11;

int TakeSocket(Kernel* kernel, int type, const Credentials& credentials) {
  for (int index = 0; index < kMaxSockets; ++index) {
    if (kernel->sockets[index].used != 0) continue;
    Socket& socket = kernel->sockets.Use(index);
    socket.used = 1;
    socket.type = type;
    socket.uid = credentials.user.file_system;
    socket.gid = credentials.group.file_system;
    return index;
  }
  OutOfRoom("sockets", kMaxSockets);
}

// Whom an address means, by index. `error` is 0 or what sendto(2) fails with.
struct Found {
  int error = 0;
  int receiver = kNone;
};

Found FindByName(const Kernel& kernel, const UnixAddress& address, int type) {
  for (int index = 0; index < kernel.receivers.used; ++index) {
    const Receiver& receiver = kernel.receivers[index];
    if (receiver.used == 0 || receiver.name_size != address.size || receiver.name_size == 0) {
      continue;
    }
    // An abstract name of another type is another name.
    const bool same = std::memcmp(receiver.name, address.bytes, address.size) == 0;
    if (same && receiver.gone == 0 && receiver.type == type) return {0, index};
  }
  return {ECONNREFUSED};
}

Found FindByPath(const Kernel& kernel, const Process& process, const UnixAddress& address,
                 int type) {
  const std::string path(address.bytes, strnlen(address.bytes, address.size));
  const Resolved where = Resolve(kernel, process, path.c_str(), true);
  if (where.proc) Refuse("an address in /proc");
  if (where.error != 0) return {where.error};
  if (!MayAccess(kernel, process.credentials, where.inode, kWrite)) return {EACCES};
  for (int index = 0; index < kernel.receivers.used; ++index) {
    const Receiver& receiver = kernel.receivers[index];
    if (receiver.used == 0 || receiver.name_size != 0 || receiver.inode != where.inode) continue;
    if (receiver.gone != 0) return {ECONNREFUSED};
    if (receiver.type != type) return {EPROTOTYPE};
    return {0, index};
  }
  return {ECONNREFUSED};
}

bool IsAbstract(const UnixAddress& address) { return address.bytes[0] == '\0'; }

Found Find(const Kernel& kernel, const Process& process, const UnixAddress& address, int type) {
  return IsAbstract(address) ? FindByName(kernel, address, type)
                             : FindByPath(kernel, process, address, type);
}

bool IsFull(const Receiver& receiver) {
  return receiver.reads == 0 && receiver.queued >= receiver.room;
}

void Deliver(Kernel* kernel, const Process& process, Receiver* receiver, const void* bytes,
             size_t size) {
  const int index = kernel->datagrams.used;
  if (index == kMaxDatagrams) OutOfRoom("datagrams of a run", kMaxDatagrams);
  if (size > kMaxDatagramBytes - kernel->datagram_size) {
    OutOfRoom("bytes in the datagrams of a run", kMaxDatagramBytes);
  }
  Datagram& datagram = kernel->datagrams.Use(index);
  datagram.receiver = static_cast<int32_t>(receiver - kernel->receivers.rows);
  datagram.pid = process.pid;
  // Of SCM_CREDENTIALS, where the sender does not say anything else: unix(7).
  datagram.uid = process.credentials.user.real;
  datagram.gid = process.credentials.group.real;
  datagram.at = kernel->datagram_size;
  datagram.size = static_cast<uint32_t>(size);
  if (size > 0) std::memcpy(kernel->datagram_bytes + datagram.at, bytes, size);
  kernel->datagram_size += datagram.size;
  if (receiver->reads == 0) ++receiver->queued;
}

}  // namespace

Receiver& AddReceiver(Kernel* kernel) {
  const int index = kernel->receivers.used;
  if (index == kMaxReceivers) OutOfRoom("sockets that are bound", kMaxReceivers);
  Receiver& receiver = kernel->receivers.Use(index);
  receiver.used = 1;
  receiver.inode = kNone;
  return receiver;
}

int FindUnread(const Kernel& kernel, const Socket& socket) {
  if (socket.bound == 0) return -1;
  for (int i = kernel.receivers[socket.bound - 1].next; i < kernel.datagrams.used; ++i) {
    if (kernel.datagrams[i].receiver == socket.bound - 1) return i;
  }
  return -1;
}

void FreeSocket(Kernel* kernel, int socket) {
  const int bound = kernel->sockets[socket].bound;
  // An abstract name goes with its socket.
  if (bound != 0) kernel->receivers[bound - 1].gone = 1;
  kernel->sockets[socket] = Socket();
}

int EventsOfSocket(const Kernel& kernel, int index) {
  const Socket& socket = kernel.sockets[index];
  const int hung_up = socket.type == SOCK_DGRAM ? 0 : POLLHUP;  // it is not connected
  const int readable = FindUnread(kernel, socket) < 0 ? 0 : POLLIN | POLLRDNORM;
  return POLLOUT | POLLWRNORM | POLLWRBAND | hung_up | readable;
}

FileStatus StatusOfSocket(const Kernel& kernel, int index) {
  const Socket& socket = kernel.sockets[index];
  FileStatus status;
  status.device = 9;
  status.inode = static_cast<ino_t>(20'000 + index);
  status.mode = S_IFSOCK | 0777;
  status.links = 1;
  status.uid = socket.uid;
  status.gid = socket.gid;
  return status;
}

bool SendWaits(const Kernel& kernel, const Process& process, int fd, size_t size, int flags,
               const UnixAddress& address) {
  bool any_is_full = false;
  for (const Receiver& receiver : kernel.receivers) any_is_full |= IsFull(receiver);
  if (!any_is_full) return false;
  if (address.size == 0 || address.size > UnixAddress::kMaxSize || size > kMostBytes) return false;
  if (!IsAbstract(address) && address.size == UnixAddress::kMaxSize) return false;
  if ((flags & (MSG_DONTWAIT | MSG_OOB)) != 0) return false;
  const Description* description = FindDescription(kernel, process, fd);
  if (description == nullptr || description->kind != DescriptionKind::kSocket) return false;
  const int type = kernel.sockets[description->object].type;
  if (type != SOCK_DGRAM || (description->flags & O_NONBLOCK) != 0) return false;
  const Found found = Find(kernel, process, address, type);
  return found.error == 0 && IsFull(kernel.receivers[found.receiver]);
}

// The calls of Os ------------------------------------------------------------------------------

SysResult<int> Calls::Socket(int domain, int type, int protocol) {
  const int flags = type & ~kTypeMask;
  type &= kTypeMask;
  if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0) return SysError(EINVAL);
  if (domain < 0 || domain >= kFamilies) return SysError(EAFNOSUPPORT);
  if (type >= kTypes) return SysError(EINVAL);
  if (domain == AF_UNSPEC) return SysError(EAFNOSUPPORT);
  if (domain != AF_UNIX) Refuse("a socket of another family than AF_UNIX");
  if (protocol != 0 && protocol != PF_UNIX) return SysError(EPROTONOSUPPORT);
  if (type == SOCK_RAW) type = SOCK_DGRAM;
  if (type != SOCK_DGRAM && type != SOCK_STREAM && type != SOCK_SEQPACKET) {
    return SysError(ESOCKTNOSUPPORT);
  }
  const int fd = FindFreeDescriptor(self(), 0);
  if (fd < 0) return SysError(EMFILE);
  if (!HasRoomForFiles(kernel_, self(), 1)) return SysError(ENFILE);
  const int index = TakeSocket(&kernel_, type, self().credentials);
  const int status_flags = O_RDWR | ((flags & SOCK_NONBLOCK) != 0 ? O_NONBLOCK : 0);
  InstallDescription(&kernel_, &self(), fd,
                     MakeDescription(DescriptionKind::kSocket, index, status_flags),
                     (flags & SOCK_CLOEXEC) != 0);
  return fd;
}

SysResult<size_t> Calls::SendTo(int fd, const void* buffer, size_t size, int flags,
                                const UnixAddress* address) {
  const size_t most = IsAbstract(*address) ? UnixAddress::kMaxSize : UnixAddress::kMaxSize - 1;
  if (address->size == 0 || address->size > most) return SysError(EINVAL);
  const Description* description = Find(fd);
  if (description == nullptr) return SysError(EBADF);
  if (description->kind != DescriptionKind::kSocket) return SysError(ENOTSOCK);
  const int type = kernel_.sockets[description->object].type;
  if (type == SOCK_SEQPACKET) return SysError(ENOTCONN);
  if (type == SOCK_STREAM || (flags & MSG_OOB) != 0) return SysError(EOPNOTSUPP);
  if (size > kMostBytes) return SysError(EMSGSIZE);
  if (buffer == nullptr && size > 0) return SysError(EFAULT);
  const Found found = sim::Find(kernel_, self(), *address, type);
  if (found.error != 0) return SysError(found.error);
  Receiver& receiver = kernel_.receivers[found.receiver];
  if (IsFull(receiver)) {
    if ((flags & MSG_DONTWAIT) != 0 || (description->flags & O_NONBLOCK) != 0) {
      return SysError(EAGAIN);
    }
    Wait("the socket is full, and nobody reads from it", kForever,
         [&] { return receiver.gone != 0 || !IsFull(receiver); });
    return SysError(kRestartable);
  }
  Deliver(&kernel_, self(), &receiver, buffer, size);
  return size;
}

SysResult<void> Calls::Bind(int fd, const UnixAddress* address) {
  const bool abstract = address->bytes[0] == '\0';
  const size_t most = abstract ? UnixAddress::kMaxSize : UnixAddress::kMaxSize - 1;
  if (address->size == 0 || address->size > most) return SysError(EINVAL);
  const Description* description = Find(fd);
  if (description == nullptr) return SysError(EBADF);
  if (description->kind != DescriptionKind::kSocket) return SysError(ENOTSOCK);
  sim::Socket& socket = kernel_.sockets.Use(description->object);
  if (!abstract) Refuse("a socket that is bound to a path");
  if (socket.type != SOCK_DGRAM) Refuse("a socket that is bound and not of datagrams");
  if (socket.bound != 0) return SysError(EINVAL);
  if (FindByName(kernel_, *address, socket.type).error == 0) return SysError(EADDRINUSE);
  Receiver& receiver = AddReceiver(&kernel_);
  receiver.type = socket.type;
  receiver.own = 1;
  receiver.room = kMostQueued;
  receiver.next = kernel_.datagrams.used;
  receiver.name_size = static_cast<uint32_t>(address->size);
  std::memcpy(receiver.name, address->bytes, address->size);
  socket.bound = static_cast<int32_t>(&receiver - kernel_.receivers.rows) + 1;
  return {};
}

SysResult<void> Calls::SetPassCred(int fd) {
  const Description* description = Find(fd);
  if (description == nullptr) return SysError(EBADF);
  if (description->kind != DescriptionKind::kSocket) return SysError(ENOTSOCK);
  kernel_.sockets.Use(description->object).pass_credentials = 1;
  return {};
}

SysResult<ReceivedMessage> Calls::RecvMsg(int fd, void* buffer, size_t size, int flags) {
  const Description* description = Find(fd);
  if (description == nullptr) return SysError(EBADF);
  if (description->kind != DescriptionKind::kSocket) return SysError(ENOTSOCK);
  const int index = description->object;
  if (kernel_.sockets[index].type != SOCK_DGRAM) Refuse("recvmsg of a socket without datagrams");
  if ((flags & ~MSG_DONTWAIT) != 0) Refuse("recvmsg with other flags than MSG_DONTWAIT");
  const int unread = FindUnread(kernel_, kernel_.sockets[index]);
  if (unread < 0) {
    if (flags != 0 || (description->flags & O_NONBLOCK) != 0) return SysError(EAGAIN);
    Wait("nobody sends to the socket", kForever,
         [&] { return FindUnread(kernel_, kernel_.sockets[index]) >= 0; });
    return SysError(kRestartable);
  }
  const Datagram& datagram = kernel_.datagrams[unread];
  if (buffer == nullptr && size > 0 && datagram.size > 0) return SysError(EFAULT);
  Receiver& receiver = kernel_.receivers.Use(datagram.receiver);
  receiver.next = unread + 1;
  --receiver.queued;
  ReceivedMessage message;
  message.size = std::min<size_t>(size, datagram.size);
  message.cut = datagram.size > size;
  if (message.size > 0) {
    std::memcpy(buffer, kernel_.datagram_bytes + datagram.at, message.size);
  }
  if (kernel_.sockets[index].pass_credentials != 0) {
    message.pid = datagram.pid;
    message.uid = datagram.uid;
    message.gid = datagram.gid;
  }
  return message;
}

SysResult<size_t> Calls::ReadSocket(int index, size_t size, bool blocking) {
  if (size == 0) return size_t{0};
  switch (kernel_.sockets[index].type) {
    case SOCK_STREAM: return SysError(EINVAL);
    case SOCK_SEQPACKET: return SysError(ENOTCONN);
    default: break;
  }
  if (kernel_.sockets[index].bound != 0) Refuse("read of a socket that is bound");
  if (!blocking) return SysError(EAGAIN);
  Wait("nobody can send to a socket without an address", kForever, [] { return false; });
  return SysError(kRestartable);
}

}  // namespace cleanfork::sim
