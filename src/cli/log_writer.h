// A process that takes what a program writes, line by line, to a file that it opens anew on SIGHUP,
// or to syslog: what lets logs be rotated without a word to the program.
#ifndef CLEANFORK_SRC_CLI_LOG_WRITER_H_
#define CLEANFORK_SRC_CLI_LOG_WRITER_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/os.h"
#include "cleanfork/unique_fd.h"
#include "src/cli/launch.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

// Where the lines go: a path, or a tag and a priority of syslog(3).
struct LogTarget {
  std::string path;  // empty: syslog
  mode_t mode = 0644;
  int priority = 0;  // facility and level: "daemon.info" is 30
  std::string tag;
};

// Whether a stream of these settings goes through a log writer.
bool NeedsLogWriter(const Settings& settings);

// Whether the text of --stdout or --stderr means syslog: "syslog", "syslog:daemon.info".
bool IsSyslog(const std::string& text);

// The priority in it; `level` is the one of "syslog" alone. InvalidArgument for names that
// syslog(3) does not have.
absl::StatusOr<int> ParseSyslog(const std::string& text, int level);

// The log writers of one service.
class LogWriters {
 public:
  explicit LogWriters(Os& os) : os_(os), files_(os) {}

  // Opens what the streams are to be written to, starts a writer for each, and makes the streams of
  // `launch` pipes to them. Errors are of step kOpenStream, or those of a fork. Output and errors
  // to one place have one writer, and so keep their order.
  absl::Status Start(const Settings& settings, Launch* launch);

  // The pipe to the writer of errors; -1: there is none.
  int error_log() const { return error_log_; }

  // The service has been started: files that are new and empty stay.
  void Keep() { files_.Keep(); }

  // Has the files opened anew.
  void HangUp();

  // Starts a writer again that has ended. What it had read and not written is lost.
  void Look();

  // Waits until they have written everything and ended, for a second at most: whatever the service
  // has left behind may have the pipes open.
  void Finish();

 private:
  struct Writer {
    LogTarget target;
    UniqueFd read_end;
    UniqueFd write_end;
    UniqueFd file;  // as it was opened first
    std::optional<Child> child;
  };

  absl::Status Add(const LogTarget& target, int stream);
  absl::Status Fork(Writer* writer);

  Os& os_;
  LogFiles files_;
  std::vector<std::unique_ptr<Writer>> writers_;
  int error_log_ = -1;
};

// Opens a log to append to it; makes it, if it is not there. Async-signal-safe.
SysResult<int> OpenLog(Os& os, const char* path, mode_t mode);

// What such a process does, until the end of `from`. `file` is -1 for syslog. Returns its exit
// status.
int WriteLog(Os& os, int from, int file, const LogTarget& target);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_LOG_WRITER_H_
