// What start and run have in common: the options that describe a child, and what becomes of them.
#ifndef CLEANFORK_SRC_CLI_LAUNCH_H_
#define CLEANFORK_SRC_CLI_LAUNCH_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/pid_file.h"
#include "cleanfork/spawn.h"
#include "cleanfork/unique_fd.h"
#include "src/cli/option.h"
#include "src/cli/report.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

std::vector<Option> LaunchOptions();

// What --help of start and run says about paths.
extern const char* const kPathNote;

// `path` as the caller means it. Under `bazel run` the working directory is another than the one
// in which the caller typed, and BUILD_WORKING_DIRECTORY says which that was; it is put before a
// relative path where it is set.
std::string CallersPath(const std::string& path, Os& os);

// The same, but absolute, for what is used after the working directory has changed. Without
// BUILD_WORKING_DIRECTORY it takes PWD, if that is the working directory as it should be;
// InvalidArgument if it is not.
absl::StatusOr<std::string> AbsolutePath(const std::string& path, Os& os);

// The same environment without these variables, unless they are asked for by name.
Environment WithoutVariables(Environment environment, const std::vector<std::string>& names,
                             Os& os);

// The log files of a child that is about to be started. Those that were not there before and are
// empty when the start has failed are removed again; what somebody has written stays.
class LogFiles {
 public:
  explicit LogFiles(Os& os) : os_(os) {}
  LogFiles(const LogFiles&) = delete;
  LogFiles& operator=(const LogFiles&) = delete;
  ~LogFiles();

  // Makes the file of a stream if it is missing. A failure is not told here: whoever opens it for
  // the child meets it again.
  void Make(const Stream& stream);

  void Keep() { made_.clear(); }

 private:
  struct Made {
    std::string path;
    FileStatus file;
  };
  Os& os_;
  std::vector<Made> made_;
};

// A child that is ready to be started.
struct Launch {
  Command command;
  ForkOptions options;
  std::string pid_file;  // empty: none
};

// Looks up what the settings name, on top of `defaults`. InvalidArgument for settings that are no
// use; a ChildError of kResolveUser for an unknown group in --groups.
absl::StatusOr<Launch> PrepareLaunch(const Settings& settings, const ForkOptions& defaults, Os& os);

// A child that was started, the pid file that it holds, which is removed unless committed, and its
// log files, which are removed if they are new and empty, unless kept.
struct Started {
  Child child;
  std::optional<PidFile> pid_file;
  std::unique_ptr<LogFiles> logs;
};

// `fd`, or a copy of it, which shares its lock, above the numbers that the child's other
// descriptors are to have. An error is one of step kWritePidFile.
absl::StatusOr<int> DescriptorBeside(const ForkOptions& options, int fd, UniqueFd* copy, Os& os);

// Claims the pid file, opens the logs, starts the child. After an error nothing is left: no
// process, no pid file but as PidFile::Claim() has it, no empty log file.
absl::StatusOr<Started> StartChild(Launch launch, const Settings& settings,
                                   const std::string& subcommand, Context& context);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_LAUNCH_H_
