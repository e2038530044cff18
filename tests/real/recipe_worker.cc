// The service of docs/recipes.md for tests: it says on the fifo /run/said and on standard error
// what becomes of it.
//   worker [--port PORT]
// Where there is a fifo /run/may-listen it listens when somebody has opened that; where there is a
// /run/worker-is-broken it ends with status 3, before it listens.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/real/listen_on_loopback.h"

namespace {

void Say(const std::string& what) {
  const std::string line = what + " " + std::to_string(::getpid()) + "\n";
  const int said = ::open("/run/said", O_WRONLY | O_CLOEXEC);
  // The fifo last: who has read there finds the other in the journal.
  for (const int fd : {STDERR_FILENO, said}) {
    if (::write(fd, line.data(), line.size()) == -1) std::perror("write");
  }
  ::close(said);
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t reload;
  ::sigemptyset(&reload);
  ::sigaddset(&reload, SIGHUP);
  ::sigprocmask(SIG_BLOCK, &reload, nullptr);
  Say("user " + std::to_string(::getuid()) + " runs");
  if (::access("/run/worker-is-broken", F_OK) == 0) return 3;
  const int go = ::open("/run/may-listen", O_RDONLY | O_CLOEXEC);  // waits, if it is there
  if (go >= 0) ::close(go);
  if (argc > 2 && argv[1] == std::string("--port") &&
      !cleanfork::ListenOnLoopback(std::atoi(argv[2]))) {
    return 1;
  }
  for (int signal = 0; ::sigwait(&reload, &signal) == 0;) Say("reloads");
  return 1;
}
