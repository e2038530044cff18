// ListenFds: the sockets that a service was started with, as sd_listen_fds_with_names(3) has them.
//
//   absl::StatusOr<std::vector<cleanfork::ListenFd>> passed = cleanfork::ListenFds();
//   if (!passed.ok()) return passed.status();    // LISTEN_FDS=x: Invalid argument (EINVAL)
//   for (const cleanfork::ListenFd& socket : *passed) {
//     if (socket.name == "http") Serve(socket.fd);
//   }
//   if (passed->empty()) ServeOwnSocket();       // nobody passes us any
//
// Whoever starts the service (systemd.socket(5), or Spawn() with ForkOptions::listen_fds) puts the
// descriptors at 3 and up, their number into LISTEN_FDS, their names into LISTEN_FDNAMES and the
// pid that they are for into LISTEN_PID.
#ifndef CLEANFORK_LISTEN_FDS_H_
#define CLEANFORK_LISTEN_FDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/os.h"

namespace cleanfork {

// A descriptor and what it is called: FileDescriptorName= of systemd.socket(5). Names need not be
// unique.
struct ListenFd {
  int fd = -1;
  std::string name;
};

// What was passed to this process, in the order in which it was: the descriptors are 3, 4, ..., and
// each is made close-on-exec. Their names are "unknown" where nobody has said any. Empty if there
// is no LISTEN_PID, if it is another process's (variables that a parent has left behind say nothing
// about this process), or if there is no LISTEN_FDS.
//
// The descriptors are plain numbers, owned by the process: nothing here closes them, and a second
// call returns the same ones, unless they were closed. Give each to one owner,
// UniqueFd(os, socket.fd). They may be anything: getsockopt(2) with SO_TYPE and SO_ACCEPTCONN
// tells.
//
// With `unset_environment` LISTEN_PID, LISTEN_PIDFDID, LISTEN_FDS and LISTEN_FDNAMES are removed
// from the environment, on errors too: a further call then finds none, nor do children. Those that
// this library starts never inherit them in any case. LISTEN_PIDFDID (of systemd 259) is not looked
// at.
//
// Errors, after which no descriptor has been changed but for those below the one that is named:
//   InvalidArgument (EINVAL)   a variable is no number, or not from 1 up; or LISTEN_FDNAMES has
//                              another number of names, or ends in a single backslash
//   FailedPrecondition (EBADF) one of the descriptors is not open
//   else                       the code of the errno of fcntl(2) or unsetenv(3)
//
// Not to be called beside a change of the environment by another thread (getenv(3)). Not
// signal-safe. Meant to be called once, at the start, before anything is opened.
absl::StatusOr<std::vector<ListenFd>> ListenFds(bool unset_environment = false, Os& os = RealOs());

}  // namespace cleanfork

#endif  // CLEANFORK_LISTEN_FDS_H_
