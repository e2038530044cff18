// The board: a start with everything that can be asked for, in which one thing goes wrong. Each is
// retried to success, or is a failure with step and errno on standard error, after which nothing
// runs and no pid file is left. Tagged "local": it takes root.
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <string>
#include <vector>

#include "cleanfork/fault_os.h"
#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/cli/report.h"
#include "src/cli/subcommand.h"
#include "tests/real/command_runner.h"
#include "tests/real/required_privileges.h"

namespace cleanfork {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::StartsWith;

// /dev/null cannot be opened.
class NoNullOs : public OsWrapper {
 public:
  NoNullOs(Os& wrapped, int error) : OsWrapper(wrapped), error_(error) {}
  SysResult<int> Open(const char* path, int flags, mode_t mode) override {
    if (error_ != 0 && path == std::string("/dev/null")) return SysError(error_);
    return OsWrapper::Open(path, flags, mode);
  }

 private:
  const int error_;
};

struct Row {
  const char* name;
  const char* plan;                  // of FaultOs, without "cf1;"; P.1.1 is the service
  std::vector<std::string> program;  // empty: one that gets ready; "@/" is the test's directory
  int null_error;                    // of an open of /dev/null
  int exit_code;                     // 0: retried to success
  const char* step;
  const char* error;  // "": the step fails without one
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class BoardTest : public ::testing::TestWithParam<Row> {
 protected:
  void SetUp() override {
    const char* why = WhyNotPrivileged();
    if (why != nullptr) SkipWithoutPrivileges(why);
  }

  CommandOutcome Start(const Row& row) {
    FaultOs faults(RealOs(), std::string("cf1") + (row.plan[0] != '\0' ? ";" : "") + row.plan);
    NoNullOs os(faults, row.null_error);
    std::vector<std::string> words = {
        "cleanfork",    "start",       "--user=nobody",          "--wait=ready-fd",
        "--chdir=/tmp", "--retries=2", "--pidfile=" + pid_file_, "--"};
    for (std::string word : row.program) {
      if (word.compare(0, 2, "@/") == 0) word.replace(0, 1, directory_.path());
      words.push_back(word);
    }
    if (row.program.empty()) words.insert(words.end(), {"sh", "-c", "echo >&3; exec sleep 60"});
    std::ostringstream out, err;
    cli::Context context = {os, out, err};
    CommandOutcome outcome;
    outcome.exit_code = cli::RunCommandLine(words, context);
    outcome.out = out.str();
    outcome.err = err.str();
    EXPECT_EQ(faults.fired().size(), faults.plan().size()) << "what was to go wrong did not";
    return outcome;
  }

  TestDirectory directory_;
  const std::string pid_file_ = directory_.Path("x.pid");
  CommandRunner runner_;
};

TEST_P(BoardTest, IsRetriedToSuccessOrToldAndLeavesNothing) {
  const Row& row = GetParam();
  directory_.Write("no_exec", "echo there is no interpreter line\n", 0755);
  directory_.Write("no_interpreter", "#!/no/such/interpreter\n", 0755);
  const CommandOutcome outcome = Start(row);
  EXPECT_EQ(outcome.exit_code, row.exit_code) << outcome.err;
  if (row.exit_code == 0) {
    const pid_t pid = PidIn(outcome.out);
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(directory_.Read("x.pid"), std::to_string(pid) + "\n");
    EXPECT_EQ(StatusField(pid, "Uid"), "65534 65534 65534 65534");
    return;
  }
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, StartsWith("cleanfork: start: "));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(std::string("[step ") + row.step));
  if (row.error[0] != '\0') {
    EXPECT_THAT(outcome.err, HasSubstr(std::string("(") + row.error + ")"));
  }
  EXPECT_THAT(directory_.Snapshot(), Not(Contains(Key("x.pid"))));
  // A second child is nobody's here but the test's, to which orphans fall: it has ended.
  while (CommandRunner::HasChild()) {
    siginfo_t info = {};
    ASSERT_EQ(::waitid(P_ALL, 0, &info, WEXITED | WNOHANG), 0);
    ASSERT_NE(info.si_pid, 0) << "something still runs";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Injected, BoardTest,
    ::testing::Values(
        Row{"FirstForkOnceEagain", "P.vfork#1=EAGAIN", {}, 0, 0, "", ""},
        Row{"SecondForkOnceEagain", "P.1.vfork#1=EAGAIN", {}, 0, 0, "", ""},
        Row{"FirstForkAlwaysEnomem", "P.vfork#1+=ENOMEM", {}, 0, 75, "fork", "ENOMEM"},
        Row{"SecondForkAlwaysEnomem", "P.1.vfork#1+=ENOMEM", {}, 0, 75, "second-fork", "ENOMEM"},
        Row{"SetSid", "P.1.setsid#1=EPERM", {}, 0, 220, "setsid", "EPERM"},
        Row{"SetGroups", "P.1.1.setgroups#1=EPERM", {}, 0, 216, "setgroups", "EPERM"},
        Row{"SetGid", "P.1.1.setresgid#1=EPERM", {}, 0, 216, "setgid", "EPERM"},
        Row{"SetUidEperm", "P.1.1.setresuid#1=EPERM", {}, 0, 217, "setuid", "EPERM"},
        Row{"SetUidEagain", "P.1.1.setresuid#1=EAGAIN", {}, 0, 217, "setuid", "EAGAIN"},
        Row{"SetUidLies", "P.1.1.setresuid#1=lie", {}, 0, 218, "verify-identity", ""},
        Row{"NullMissing", "", {}, ENOENT, 208, "open-stream", "ENOENT"},
        Row{"NullEmfile", "", {}, EMFILE, 208, "open-stream", "EMFILE"},
        Row{"DupEintr", "P.1.1.dup2#1=EINTR", {}, 0, 0, "", ""},
        Row{"DupEbusy", "P.1.1.dup2#1=EBUSY", {}, 0, 0, "", ""},
        Row{"DupAlwaysEbusy", "P.1.1.dup2#1+=EBUSY", {}, 0, 208, "stdin", "EBUSY"},
        Row{"ChDir", "P.1.1.chdir#1=ENOENT", {}, 0, 200, "chdir", "ENOENT"},
        Row{"PidFileOnAFullDisk", "P.1.1.pwrite#1=ENOSPC", {}, 0, 73, "pidfile", "ENOSPC"},
        Row{"PidFileCutShort", "P.1.1.pwrite#1=short:1", {}, 0, 73, "pidfile", "ENOSPC"},
        Row{"ReadyPipe", "P.pipe2#1=EMFILE", {}, 0, 76, "ready", "EMFILE"},
        Row{"ReportPipe", "P.pipe2#2=EMFILE", {}, 0, 71, "pipe", "EMFILE"}),
    [](const ::testing::TestParamInfo<Row>& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Real, BoardTest,
    ::testing::Values(
        Row{"NothingWrong", "", {}, 0, 0, "", ""},
        Row{"ProgramMissing", "", {"@/missing"}, 0, 203, "exec", "ENOENT"},
        Row{"NoExec", "", {"@/no_exec"}, 0, 203, "exec", "ENOEXEC"},
        Row{"NoInterpreter", "", {"@/no_interpreter"}, 0, 203, "exec", "ENOENT"},
        Row{"EndsAtOnce", "", {"sh", "-c", "exit 3"}, 0, 76, "ready", "ESRCH"},
        Row{"ExitsWithZeroAtOnce", "", {"true"}, 0, 76, "ready", "ESRCH"},
        Row{"IsKilledAtOnce", "", {"sh", "-c", "kill -9 $$"}, 0, 76, "ready", "ESRCH"},
        Row{"ClosesWithoutAWord", "", {"sh", "-c", "exec sleep 60 3>&-"}, 0, 76, "ready", "EPIPE"}),
    [](const ::testing::TestParamInfo<Row>& info) { return info.param.name; });

}  // namespace
}  // namespace cleanfork
