// The command and its peers, each asked in its own words for the same daemon.
#ifndef CLEANFORK_TESTS_REAL_DAEMONIZERS_H_
#define CLEANFORK_TESTS_REAL_DAEMONIZERS_H_

#include <functional>
#include <string>
#include <vector>

namespace cleanfork {

// What is to run as nobody in the background.
struct DaemonRequest {
  std::string program;
  std::vector<std::string> arguments;
  std::string directory;
  std::string pid_file;
  bool wait = false;  // until it is ready, where that can be asked
};

struct Daemonizer {
  // How the daemon says that it is ready, if the starter can wait for it.
  enum class Wait { kCannot, kReadyFd, kNotify };

  std::string name;
  std::string package;  // of Debian; "" for our own command
  std::string needs;    // a file that is there if it is installed, as a pattern of glob(7)
  Wait wait = Wait::kCannot;
  // It makes the pid file as the daemon's user, so that the directory has to be that user's.
  bool pid_file_as_user = false;
  // The exec is not its own but that of whoever calls the library: a failure there says nothing.
  bool execs = true;
  std::function<std::vector<std::string>(const DaemonRequest&)> words;
};

// Our own first. `command` is the path of cleanfork, `libdaemon_peer` that of the program of this
// name, or "".
std::vector<Daemonizer> Daemonizers(const std::string& command, const std::string& libdaemon_peer);

// The arguments of announcing_daemon: where it tells its pid, and how that it is ready.
std::vector<std::string> AnnouncingArguments(const std::string& fifo, Daemonizer::Wait wait);

// "" if it is there, else what would install it.
std::string WhyNotInstalled(const Daemonizer& daemonizer);

// "daemonize (1.7.8-3)", as dpkg-query(1) says it; the bare name where nobody knows.
std::string VersionOf(const Daemonizer& daemonizer);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_DAEMONIZERS_H_
