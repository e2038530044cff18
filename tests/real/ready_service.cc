// A service for tests that says in its own words when it is ready, and then stays.
//   ready_service notify NAME=VALUE...   one message of sd_notify(3) for each
//   ready_service notify-and-exit NAME=VALUE...
//   ready_service listen PORT            on 127.0.0.1
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "cleanfork/notifier.h"
#include "tests/real/listen_on_loopback.h"

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

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "";
  const bool done = what == "listen" ? cleanfork::ListenOnLoopback(std::atoi(argv[2]))
                                     : Notify(argc - 2, argv + 2);
  if (!done) return 1;
  if (what == "notify-and-exit") return 0;
  for (;;) ::pause();
}
