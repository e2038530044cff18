// A daemon for starters to start: it writes its pid to a fifo, says that it is ready if it is to,
// and stays.
//
//   announcing_daemon FIFO [ready-fd|notify]
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

// READY=1 as sd_notify(3) sends it.
void Notify(const char* path) {
  if (path == nullptr) return;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const char text[] = "READY=1";
  ::sendto(fd, text, sizeof(text) - 1, 0, reinterpret_cast<const sockaddr*>(&address), size);
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;  // EX_USAGE
  const int fifo = ::open(argv[1], O_WRONLY | O_CLOEXEC);
  char line[32];
  const int size = std::snprintf(line, sizeof(line), "%d\n", static_cast<int>(::getpid()));
  if (fifo < 0 || ::write(fifo, line, static_cast<size_t>(size)) != size) return 1;
  ::close(fifo);
  const char* const word = argc > 2 ? argv[2] : "";
  if (std::strcmp(word, "ready-fd") == 0 && ::write(3, "\n", 1) != 1) return 1;
  if (std::strcmp(word, "notify") == 0) Notify(std::getenv("NOTIFY_SOCKET"));
  for (;;) ::pause();
}
