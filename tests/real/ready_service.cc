// A service for tests that says in its own words when it is ready, and then stays.
//   ready_service notify NAME=VALUE...   one message of sd_notify(3) for each
//   ready_service notify-and-exit NAME=VALUE...
//   ready_service listen PORT            on 127.0.0.1
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "cleanfork/notifier.h"

namespace {

bool Notify(int count, char** assignments) {
  absl::StatusOr<cleanfork::Notifier> manager = cleanfork::Notifier::FromEnvironment();
  if (!manager.ok() || !manager->active()) return false;
  for (int i = 0; i < count; ++i) {
    const std::string text = assignments[i];
    const size_t equals = text.find('=');
    if (!manager->Send({{text.substr(0, equals), text.substr(equals + 1)}}).ok()) return false;
  }
  return true;
}

bool Listen(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
         ::listen(fd, 1) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "";
  const bool done = what == "listen" ? Listen(std::atoi(argv[2])) : Notify(argc - 2, argv + 2);
  if (!done) return 1;
  if (what == "notify-and-exit") return 0;
  for (;;) ::pause();
}
