// What a command line says, before anything of it is looked up.
#ifndef CLEANFORK_SRC_CLI_SETTINGS_H_
#define CLEANFORK_SRC_CLI_SETTINGS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/stop.h"

namespace cleanfork::cli {

// What start and restart wait for before they report success.
struct WaitFor {
  enum class Kind { kExec, kReadyFd, kNotify, kPort };
  Kind kind = Kind::kExec;
  int fd = 3;        // kReadyFd
  std::string host;  // kPort
  int port = 0;      // kPort
};

// Whether and how a program that has ended is started again.
struct RespawnSettings {
  enum class When { kNever, kOnFailure, kAlways };
  When when = When::kNever;
  absl::Duration first_delay = absl::Seconds(1);
  absl::Duration longest_delay = absl::Minutes(1);
  size_t limit = 5;  // respawns within the interval
  absl::Duration interval = absl::Minutes(1);
  bool is_detailed = false;  // one of the last four was given
};

struct Settings {
  // start and run. A stream is a path or one of "null", "inherit" and "", the subcommand's default.
  std::string user;
  std::string group;
  std::string groups;
  std::string chdir;
  std::string chroot;
  std::vector<ChildLimit> limits;
  std::optional<int> nice;
  std::optional<int> oom_score_adjust;
  bool no_new_privs = false;
  std::string in, out, err;
  std::optional<mode_t> umask;
  Environment environment;
  std::vector<int> keep_descriptors;
  std::optional<int> retries;
  std::vector<std::string> command;

  // start, restart and run
  RespawnSettings respawn;

  // start and restart
  WaitFor wait_for;
  absl::Duration timeout = absl::Seconds(90);  // as systemd's DefaultTimeoutStartSec=
  bool has_timeout = false;

  bool reopen_logs = false;

  // stop and restart
  StopSchedule schedule;

  // All: the service, by one of the first two.
  std::string pid_file;
  std::string name;
  std::string run_directory;  // empty: the default
  bool json = false;
  bool verbose = false;
  bool help = false;
};

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_SETTINGS_H_
