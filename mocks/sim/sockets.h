// Sockets of unix(7). A process has those that it sends datagrams from, and may bind them to
// abstract names; the others that it sends to are bound by somebody outside the simulation, whom no
// process can see.
#ifndef CLEANFORK_MOCKS_SIM_SOCKETS_H_
#define CLEANFORK_MOCKS_SIM_SOCKETS_H_

#include <sys/types.h>

#include <cstddef>

#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// A socket that is bound to `name`, an abstract one with its NUL, or to the file of an inode;
// OutOfRoom() when there is no room for one more.
Receiver& AddReceiver(Kernel* kernel);

// The last descriptor of a process's own socket is closed.
void FreeSocket(Kernel* kernel, int socket);

// What poll(2) says of a process's own socket.
int EventsOfSocket(const Kernel& kernel, int socket);

// Whether sendto(2) of the process finds the receiver full, and waits.
bool SendWaits(const Kernel& kernel, const Process& process, int fd, size_t size, int flags,
               const UnixAddress& address);

// The first datagram that the holder of the socket has not read; -1 if there is none.
int FindUnread(const Kernel& kernel, const Socket& socket);

FileStatus StatusOfSocket(const Kernel& kernel, int socket);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_SOCKETS_H_
