// The command line, as far as it can be tested without a process: parsing, help, messages, and
// what the settings of start and run come to.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "cleanfork/child_error.h"
#include "cleanfork/os_wrapper.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/cli/exit_code.h"
#include "src/cli/launch.h"
#include "src/cli/option.h"
#include "src/cli/report.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

// The kernel with another environment.
class EnvironmentOs : public OsWrapper {
 public:
  EnvironmentOs() : OsWrapper(RealOs()) {}
  const char* GetEnv(const char* name) override {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  }
  SysResult<size_t> ReadLink(const char* path, char* buffer, size_t size) override {
    if (!link.has_value()) return OsWrapper::ReadLink(path, buffer, size);
    if (link->empty()) return SysError(ENOENT);
    return link->copy(buffer, size);
  }
  std::map<std::string, std::string> variables;
  std::optional<std::string> link;  // what /proc/self/cwd says; empty: it is not there
};

class CommandLineTest : public ::testing::Test {
 protected:
  int Call(std::vector<std::string> words) {
    out_.str("");
    err_.str("");
    words.insert(words.begin(), "cleanfork");
    Context context = {os_, out_, err_};
    return RunCommandLine(words, context);
  }

  // One line on standard error and code 64, for each.
  void ExpectWrongUsage(const std::vector<std::vector<std::string>>& wrong) {
    for (const std::vector<std::string>& words : wrong) {
      const std::string line = ::testing::PrintToString(words);
      EXPECT_EQ(Call(words), kExitUsage) << line;
      EXPECT_EQ(out_.str(), "") << line;
      EXPECT_THAT(err_.str(), StartsWith("cleanfork: ")) << line;
      EXPECT_EQ(err_.str().find('\n'), err_.str().size() - 1) << line << err_.str();
    }
  }

  // What `start` makes of these words.
  absl::StatusOr<Launch> Prepare(std::vector<std::string> words,
                                 const ForkOptions& defaults = ForkOptions()) {
    words.insert(words.begin(), "start");
    Settings settings;
    const absl::Status parsed = ParseOptions(words, StartSubcommand().options, &settings);
    if (!parsed.ok()) return parsed;
    return PrepareLaunch(settings, defaults, os_);
  }

  // The defaults of a start that does not change the directory.
  static ForkOptions StaysHere() {
    ForkOptions defaults;
    defaults.directory = "";
    return defaults;
  }

  EnvironmentOs os_;
  std::ostringstream out_;
  std::ostringstream err_;
};

// Usage ------------------------------------------------------------------------------------------

TEST_F(CommandLineTest, WrongUsageIsOneLineOnStandardErrorAndCode64) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"begin"},
      {"--nonsense"},
      {"help", "begin"},
      {"start"},
      {"start", "--"},
      {"start", "--nonsense", "true"},
      {"start", "-x", "true"},
      {"start", "--user"},
      {"start", "--json=yes", "true"},
      {"start", "--pidf=/tmp/x", "true"},
      {"start", "--umask=8", "true"},
      {"start", "--umask=1000", "true"},
      {"start", "--umask=", "true"},
      {"start", "--umask=-1", "true"},
      {"start", "--env=NOVALUE", "true"},
      {"start", "--env==x", "true"},
      {"start", "--keep-env=A=B", "true"},
      {"start", "--keep-fd=2", "true"},
      {"start", "--keep-fd=x", "true"},
      {"start", "--keep-fd=99999999999", "true"},
      {"start", "--retries=-1", "true"},
      {"start", "--wait=ready", "true"},
      {"start", "--wait=ready-fd:2", "true"},
      {"start", "--wait=port:80", "true"},
      {"start", "--wait=port:example.org:80", "true"},
      {"start", "--wait=port:127.0.0.1:0", "true"},
      {"start", "--timeout=5s", "true"},
      {"start", "--wait=notify", "--timeout=5x", "true"},
      {"start", "--user=", "true"},
      {"start", "--user=:daemon", "true"},
      {"start", "--user=nobody:", "true"},
      {"start", "--groups=none", "true"},
      {"start", "--no-new-privs=yes", "true"},
      {"start", "--limit=NOFILE", "true"},
      {"start", "--limit==5", "true"},
      {"start", "--limit=NOFILES=5", "true"},
      {"start", "--limit=NOFILE=", "true"},
      {"start", "--limit=NOFILE=-1", "true"},
      {"start", "--limit=NOFILE=5:", "true"},
      {"start", "--limit=NOFILE=5:4", "true"},
      {"start", "--limit=NOFILE=infinity:4", "true"},
      {"start", "--limit=NOFILE=99999999999999999999", "true"},
      {"start", "--limit=NOFILE=5", "--limit=RLIMIT_NOFILE=6", "true"},
      {"start", "--nice=", "true"},
      {"start", "--nice=-21", "true"},
      {"start", "--nice=20", "true"},
      {"start", "--nice=+1", "true"},
      {"start", "--nice=--1", "true"},
      {"start", "--oom-score-adjust=1001", "true"},
      {"start", "--oom-score-adjust=-1001", "true"},
      {"start", "--oom-score-adjust=x", "true"},
      {"start", "--chroot=", "true"},
      {"start", "--chroot=/srv", "--chdir=work", "true"},
      {"start", "--chroot=/srv", "bin/true"},
      {"start", "--chdir=", "true"},
      {"start", "--pidfile=", "true"},
      {"start", "--pidfile=/tmp/x", "--stdout=/tmp/x", "true"},
      {"start", "--pidfile=/tmp/x", "--stderr=/tmp/x", "true"},
      {"start", "--pidfile=/tmp/x", "--stdin=/tmp/x", "true"},
  };
  ExpectWrongUsage(wrong);
}

TEST_F(CommandLineTest, WrongUsageOfWhatManagesServicesIsToldTheSameWay) {
  const std::vector<std::vector<std::string>> wrong = {
      {"start", "--respawn=sometimes", "true"},
      {"start", "--backoff=1s", "true"},
      {"start", "--respawn=always", "--backoff=2s..1s", "true"},
      {"start", "--respawn=always", "--respawn-limit=5", "true"},
      {"start", "--respawn=always", "--respawn-limit=0/1s", "true"},
      {"start", "--respawn=always", "--respawn-limit=5/0", "true"},
      {"run", "--respawn=always", "--pidfile=/tmp/x", "true"},
      {"stop"},
      {"stop", "--pidfile=/tmp/x", "4711"},
      {"stop", "--pidfile=/tmp/x", "--retry=NOSUCH"},
      {"status"},
      {"run"},
      {"reload"},
      {"restart", "true"},
      {"restart", "--pidfile=/tmp/x"},
      {"list", "web"},
      {"list", "--run-directory="},
      {"stop", "--name="},
      {"stop", "--name=-x"},
      {"stop", "--name=.."},
      {"stop", "--name=a/b"},
      {"stop", "--name=a b"},
      {"stop", "--name=web", "--pidfile=/tmp/x"},
      {"start", "--name=web", "--pidfile=/tmp/x", "true"},
  };
  ExpectWrongUsage(wrong);
}

TEST_F(CommandLineTest, WrongUsageSaysWhatIsWrong) {
  Call({"start", "--nonsense", "true"});
  EXPECT_EQ(err_.str(),
            "cleanfork: start: unknown option --nonsense; see cleanfork start --help\n");
  Call({"start", "-vx", "true"});
  EXPECT_THAT(err_.str(), HasSubstr("unknown option -x;"));
  Call({"start", "--user"});
  EXPECT_THAT(err_.str(), HasSubstr("--user needs an argument"));
  Call({"start", "--json=yes", "true"});
  EXPECT_THAT(err_.str(), HasSubstr("--json takes no argument"));
  Call({"start", "--pidf=/tmp/x", "true"});
  EXPECT_THAT(err_.str(), HasSubstr("unknown option --pidf (did you mean --pidfile?)"));
  Call({"start", "--umask=9", "true"});
  EXPECT_THAT(err_.str(), HasSubstr("--umask=9: is not an octal number from 0 to 777"));
}

TEST_F(CommandLineTest, WithJsonAFailureIsAnObjectOnStandardOutputToo) {
  EXPECT_EQ(Call({"start", "--json"}), kExitUsage);
  EXPECT_THAT(out_.str(),
              StartsWith("{\"subcommand\":\"start\",\"exit_code\":64,\"error\":\"no program"));
  EXPECT_THAT(err_.str(), HasSubstr("no program is given"));
}

TEST_F(CommandLineTest, HelpGoesToStandardOutputInEightyColumns) {
  std::vector<std::vector<std::string>> calls = {{"--help"}, {"help"}, {"-h"}};
  for (const Subcommand& subcommand : Subcommands()) {
    calls.push_back({subcommand.name, "--help"});
    calls.push_back({subcommand.name, "-h"});
    calls.push_back({"help", subcommand.name});
  }
  for (const std::vector<std::string>& words : calls) {
    EXPECT_EQ(Call(words), 0);
    EXPECT_EQ(err_.str(), "");
    EXPECT_THAT(out_.str(), StartsWith("Usage: cleanfork "));
    std::istringstream lines(out_.str());
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST_F(CommandLineTest, HelpNamesEveryOptionThatIsParsedAndEveryExitCode) {
  for (const Subcommand& subcommand : Subcommands()) {
    Call({subcommand.name, "--help"});
    for (const Option& option : subcommand.options) {
      EXPECT_THAT(out_.str(), HasSubstr(std::string("--") + option.name));
    }
  }
  Call({"start", "--help"});
  for (const ExitCodeRow& row : ExitCodes()) {
    EXPECT_THAT(out_.str(), HasSubstr("\n  " + std::to_string(row.code) + " "));
  }
}

TEST_F(CommandLineTest, TheManualListsTheSameExitCodes) {
  std::ifstream manual("docs/command.md");
  ASSERT_TRUE(manual.good());
  std::vector<std::string> rows;
  for (std::string line; std::getline(manual, line);) {
    if (line.compare(0, 2, "| ") == 0 && std::isdigit(line[2]) != 0) rows.push_back(line);
  }
  std::vector<std::string> expected;
  for (const ExitCodeRow& row : ExitCodes()) {
    expected.push_back("| " + std::to_string(row.code) + " | " + row.meaning + " |");
  }
  EXPECT_EQ(rows, expected);
}

TEST_F(CommandLineTest, HelpThatCannotBePrintedIsAFailure) {
  const std::vector<std::vector<std::string>> words = {
      {"--help"}, {"help"}, {"help", "start"}, {"stop", "--help"}, {"--version"}};
  for (const std::vector<std::string>& line : words) {
    out_.clear();
    out_.setstate(std::ios::badbit);
    EXPECT_EQ(Call(line), kExitSystem) << ::testing::PrintToString(line);
    EXPECT_EQ(err_.str(), "cleanfork: standard output cannot be written to\n");
  }
}

TEST_F(CommandLineTest, HelpIsGivenEvenBesideAnError) {
  EXPECT_EQ(Call({"start", "--help", "--nonsense"}), 0);
}

TEST_F(CommandLineTest, TheVersionIsThatOfTheModule) {
  std::ifstream module("MODULE.bazel");
  ASSERT_TRUE(module.good());
  std::stringstream text;
  text << module.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr(std::string("version = \"") + kVersion + "\""));
  EXPECT_EQ(Call({"--version"}), 0);
  EXPECT_EQ(out_.str(), std::string("cleanfork ") + kVersion + "\n");
}

// What options come to ---------------------------------------------------------------------------

TEST_F(CommandLineTest, OptionsEndAtTheFirstWordThatIsNone) {
  absl::StatusOr<Launch> launch = Prepare({"--umask=077", "sleep", "--umask=1", "60"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_THAT(launch->command, ElementsAre("sleep", "--umask=1", "60"));
  EXPECT_EQ(launch->options.umask, mode_t{077});
  launch = Prepare({"--", "--strange-name", "--"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_THAT(launch->command, ElementsAre("--strange-name", "--"));
}

TEST_F(CommandLineTest, AnArgumentMayStandInAWordOfItsOwn) {
  const absl::StatusOr<Launch> launch = Prepare({"--umask", "0", "--keep-fd", "7", "true"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->options.umask, mode_t{0});
  EXPECT_THAT(launch->options.keep_descriptors, ElementsAre(7));
}

TEST_F(CommandLineTest, WhatIsNotSaidStaysAsTheSubcommandHasIt) {
  ForkOptions defaults;
  defaults.directory = "/elsewhere";
  defaults.umask = 027;
  defaults.err = Stream::KeepUnlessTerminal();
  const absl::StatusOr<Launch> launch = Prepare({"true"}, defaults);
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->options.directory, "/elsewhere");
  EXPECT_EQ(launch->options.umask, mode_t{027});
  EXPECT_EQ(launch->options.err.kind(), Stream::Kind::kKeepUnlessTerminal);
  EXPECT_FALSE(launch->options.identity.has_value());
  EXPECT_TRUE(launch->options.environment.inherit);
  EXPECT_EQ(launch->options.retry.attempts, RetryPolicy().attempts);
  EXPECT_EQ(launch->pid_file, "");
}

TEST_F(CommandLineTest, UserAndGroupComeTogetherOrApart) {
  absl::StatusOr<Launch> launch = Prepare({"--user=nobody:audio", "true"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->options.identity->user, "nobody");
  EXPECT_EQ(launch->options.identity->group, "audio");
  EXPECT_EQ(launch->options.identity->groups, GroupPolicy::kInit);
  launch = Prepare({"--user=nobody", "--group=27", "--groups=none", "true"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->options.identity->group, "27");
  EXPECT_EQ(launch->options.identity->groups, GroupPolicy::kNone);
}

TEST_F(CommandLineTest, GroupsAreAPolicyOrAListOfNamesAndNumbers) {
  absl::StatusOr<Launch> launch = Prepare({"--user=nobody", "--groups=root,4711", "true"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->options.identity->groups, GroupPolicy::kExplicit);
  EXPECT_THAT(launch->options.identity->group_list, ElementsAre(0, 4711));
  launch = Prepare({"--user=nobody", "--groups=keep", "true"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->options.identity->groups, GroupPolicy::kKeep);
  launch = Prepare({"--user=nobody", "--groups=root,no-such-group", "true"});
  ASSERT_FALSE(launch.ok());
  EXPECT_EQ(ExitCodeOf(launch.status()), kExitNoUser) << launch.status();
  EXPECT_EQ(ExitCodeOf(Prepare({"--user=nobody", "--groups=root,", "true"}).status()), kExitUsage);
}

TEST_F(CommandLineTest, KeepingVariablesClearsTheOthers) {
  const absl::StatusOr<Launch> launch =
      Prepare({"--keep-env=LANG", "--env=A=1", "--env=B=x=y", "true"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_FALSE(launch->options.environment.inherit);
  EXPECT_THAT(launch->options.environment.keep, ElementsAre("LANG"));
  EXPECT_THAT(launch->options.environment.set, ElementsAre(Pair("A", "1"), Pair("B", "x=y")));
}

TEST_F(CommandLineTest, WhatIsWrongWithALimitIsSaid) {
  Call({"start", "--limit=NOFILES=5", "true"});
  EXPECT_THAT(err_.str(), HasSubstr("--limit=NOFILES=5: \"NOFILES\" is no limit of setrlimit(2)"));
  Call({"start", "--limit=NOFILE=5:4", "true"});
  EXPECT_THAT(err_.str(), HasSubstr("the soft limit is above the hard one"));
  Call({"start", "--nice=20", "true"});
  EXPECT_THAT(err_.str(), HasSubstr("--nice=20: is not a number from -20 to 19"));
}

TEST_F(CommandLineTest, WithChrootTheProgramAndTheDirectoryAreInsideAndTheStreamsOutside) {
  os_.variables["BUILD_WORKING_DIRECTORY"] = "/home/me";
  os_.link = "/cache/bin/src/cli/cleanfork.runfiles/cleanfork";
  const absl::StatusOr<Launch> launch = Prepare(
      {"--chroot=jail", "--chdir=/data", "--stdout=x.log", "--pidfile=x.pid", "/bin/server"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->options.chroot, "/home/me/jail");
  EXPECT_EQ(launch->options.directory, "/data");
  EXPECT_EQ(launch->options.out.path(), "/home/me/x.log");
  EXPECT_EQ(launch->pid_file, "/home/me/x.pid");
  EXPECT_THAT(launch->command, ElementsAre("/bin/server"));
  EXPECT_THAT(Prepare({"--chroot=/srv", "server"})->command, ElementsAre("server"));
}

TEST_F(CommandLineTest, RetriesAreTheAttemptsAfterTheFirst) {
  EXPECT_EQ(Prepare({"--retries=0", "true"})->options.retry.attempts, 1);
  EXPECT_EQ(Prepare({"--retries=2", "true"})->options.retry.attempts, 3);
}

TEST_F(CommandLineTest, StreamsAreFilesNullOrInherited) {
  const absl::StatusOr<Launch> launch =
      Prepare({"--stdin=null", "--stdout=/var/log/x", "--stderr=inherit", "true"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->options.in.kind(), Stream::Kind::kNull);
  EXPECT_EQ(launch->options.out.path(), "/var/log/x");
  EXPECT_EQ(launch->options.err.kind(), Stream::Kind::kInherit);
}

// Paths ------------------------------------------------------------------------------------------

TEST_F(CommandLineTest, UnderBazelRunRelativePathsAreTheCallers) {
  os_.variables["BUILD_WORKING_DIRECTORY"] = "/home/me";
  os_.link = "/cache/bin/src/cli/cleanfork.runfiles/cleanfork";
  absl::StatusOr<Launch> launch = Prepare(
      {"--pidfile=run/x.pid", "--stdout=x.log", "--stdin=x.in", "--chdir=work", "bin/server"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->pid_file, "/home/me/run/x.pid");
  EXPECT_EQ(launch->options.out.path(), "/home/me/x.log");
  EXPECT_EQ(launch->options.in.path(), "/home/me/x.in");
  EXPECT_EQ(launch->options.directory, "/home/me/work");
  EXPECT_THAT(launch->command, ElementsAre("/home/me/bin/server"));
  launch = Prepare({"--pidfile=/run/x.pid", "--chdir=/srv", "server"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->pid_file, "/run/x.pid");
  EXPECT_EQ(launch->options.directory, "/srv");
  EXPECT_THAT(launch->command, ElementsAre("server"));
}

TEST_F(CommandLineTest, WhatBazelRunLeftToAProgramThatCallsUsIsIgnored) {
  os_.variables["BUILD_WORKING_DIRECTORY"] = "/home/me";
  for (const char* link : {"/srv/work", "/srv/x.runfiles.old/work", ""}) {
    os_.link = link;
    const absl::StatusOr<Launch> launch = Prepare({"--pidfile=run/x.pid", "--stdout=x.log", "x"});
    ASSERT_TRUE(launch.ok()) << launch.status();
    EXPECT_EQ(launch->pid_file, "run/x.pid");
    EXPECT_EQ(launch->options.out.path(), "x.log");
  }
}

TEST_F(CommandLineTest, ElsewhereTheWorkingDirectoryCountsAndPwdNamesItIfItIsRight) {
  char directory[4096];
  ASSERT_NE(::getcwd(directory, sizeof(directory)), nullptr);
  os_.variables["PWD"] = directory;
  const absl::StatusOr<Launch> launch = Prepare({"--pidfile=x.pid", "--chdir=work", "./server"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->pid_file, "x.pid");
  EXPECT_EQ(launch->options.directory, directory + std::string("/work"));
  EXPECT_THAT(launch->command, ElementsAre(directory + std::string("/./server")));
  const absl::StatusOr<Launch> stays = Prepare({"./server"}, StaysHere());
  ASSERT_TRUE(stays.ok()) << stays.status();
  EXPECT_THAT(stays->command, ElementsAre("./server"));
}

TEST_F(CommandLineTest, WherePwdIsWrongOrMissingTheKernelNamesTheWorkingDirectory) {
  char directory[4096];
  ASSERT_NE(::getcwd(directory, sizeof(directory)), nullptr);
  for (const char* pwd : {"/usr", ".", ""}) {
    os_.variables["PWD"] = pwd;
    const absl::StatusOr<Launch> launch = Prepare({"--chdir=work", "./server"});
    ASSERT_TRUE(launch.ok()) << launch.status();
    EXPECT_EQ(launch->options.directory, directory + std::string("/work"));
    EXPECT_THAT(launch->command, ElementsAre(directory + std::string("/./server")));
  }
  os_.variables.erase("PWD");
  EXPECT_TRUE(Prepare({"./server"}).ok());
  for (const char* link : {"", "/no/such (deleted)"}) {
    os_.link = link;
    EXPECT_EQ(ExitCodeOf(Prepare({"./server"}).status()), kExitUsage);
    EXPECT_TRUE(Prepare({"./server"}, StaysHere()).ok());
  }
}

TEST(RealOsTest, ReadLinkGivesTheTargetAsFarAsThereIsRoom) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/link";
  ASSERT_EQ(::symlink("target", path.c_str()), 0);
  char buffer[16] = {};
  EXPECT_EQ(RealOs().ReadLink(path.c_str(), buffer, sizeof(buffer)).value(), 6u);
  EXPECT_STREQ(buffer, "target");
  EXPECT_EQ(RealOs().ReadLink(path.c_str(), buffer, 3).value(), 3u);
  EXPECT_EQ(RealOs().ReadLink("/", buffer, sizeof(buffer)).error(), EINVAL);
}

// The process itself -----------------------------------------------------------------------------

// A kernel with standard input closed and no /dev/null.
class NoNullOs : public OsWrapper {
 public:
  NoNullOs() : OsWrapper(RealOs()) {}
  SysResult<int> FcntlGetFd(int) override { return SysError(EBADF); }
  SysResult<int> Open(const char*, int, mode_t) override { return SysError(ENOENT); }
};

TEST(PrepareProcessTest, AFailureIsOneLineWithStepAndErrno) {
  NoNullOs os;
  std::ostringstream out, err;
  Context context = {os, out, err};
  EXPECT_EQ(PrepareProcess(context), kExitSystem);
  EXPECT_THAT(err.str(), StartsWith("cleanfork: open(\"/dev/null\")"));
  EXPECT_THAT(err.str(), HasSubstr("(ENOENT) [step stdin"));
  EXPECT_EQ(err.str().find('\n'), err.str().size() - 1);
}

// Log files --------------------------------------------------------------------------------------

class LogFilesTest : public ::testing::Test {
 protected:
  LogFilesTest() {
    std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/log.XXXXXX";
    path_ = std::string(::mkdtemp(&pattern[0])) + "/x.log";
  }
  bool Exists() const { return ::access(path_.c_str(), F_OK) == 0; }
  std::string path_;
};

TEST_F(LogFilesTest, AnEmptyLogThatWasMadeIsRemovedAgain) {
  {
    LogFiles logs(RealOs());
    logs.Make(Stream::File(path_));
    EXPECT_TRUE(Exists());
  }
  EXPECT_FALSE(Exists());
}

TEST_F(LogFilesTest, ALogStaysIfTheStartSucceeds) {
  {
    LogFiles logs(RealOs());
    logs.Make(Stream::File(path_));
    logs.Keep();
  }
  EXPECT_TRUE(Exists());
}

TEST_F(LogFilesTest, ALogThatSomebodyWroteToStays) {
  {
    LogFiles logs(RealOs());
    logs.Make(Stream::File(path_));
    std::ofstream(path_) << "something";
  }
  EXPECT_TRUE(Exists());
}

TEST_F(LogFilesTest, ALogThatWasThereStaysThoughEmpty) {
  std::ofstream(path_).flush();
  {
    LogFiles logs(RealOs());
    logs.Make(Stream::File(path_));
  }
  EXPECT_TRUE(Exists());
}

// Messages ---------------------------------------------------------------------------------------

TEST(ReportTest, AMessageStaysOneLineWhateverItQuotes) {
  EXPECT_EQ(OneLine("a\nb\x1b[31m\x7f"), "a\\nb\\x1b[31m\\x7f");
  EXPECT_EQ(OneLine("Ma\xc3\x9f"), "Ma\xc3\x9f");
  // The control characters above: raw, as a terminal set to Latin-1 takes them, and in UTF-8. A
  // byte that is part of another character is none.
  EXPECT_EQ(OneLine("a\x9b"
                    "1m"),
            "a\\x9b1m");
  EXPECT_EQ(OneLine("a\xc2\x9b"
                    "1m\xc2\xa0"),
            "a\\xc2\\x9b1m\xc2\xa0");
  EXPECT_EQ(OneLine("\xe2\x80\x9c \xc3\x80"), "\xe2\x80\x9c \xc3\x80");
  EXPECT_EQ(OneLine("\xe2\x80\x9c \xff\x80"), "\xe2\x80\x9c \xff\\x80");
}

TEST(ReportTest, JsonEscapesWhatItMustAndIsAlwaysUtf8) {
  JsonObject object;
  object.Add("text", "a\"b\\c\n").Add("number", int64_t{-1}).Add("flag", true);
  EXPECT_EQ(object.ToString(), R"({"text":"a\"b\\c\u000a","number":-1,"flag":true})");
  EXPECT_EQ(JsonObject().Add("utf8", "Ma\xc3\x9f").ToString(), "{\"utf8\":\"Ma\xc3\x9f\"}");
  EXPECT_EQ(JsonObject().Add("latin1", "Ma\xdf").ToString(), R"({"latin1":"Ma\u00df"})");
  EXPECT_EQ(JsonObject().Add("cut", "\xc3").ToString(), R"({"cut":"\u00c3"})");
  for (const char* valid : {"\xc2\xa0", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                            "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(JsonObject().Add("x", valid).ToString(), std::string("{\"x\":\"") + valid + "\"}");
  }
}

TEST(ReportTest, JsonEscapesOverlongFormsSurrogatesAndWhatIsAboveUnicode) {
  EXPECT_EQ(JsonObject().Add("x", "\xc0\xaf").ToString(), R"({"x":"\u00c0\u00af"})");
  EXPECT_EQ(JsonObject().Add("x", "\xc1\xbf").ToString(), R"({"x":"\u00c1\u00bf"})");
  EXPECT_EQ(JsonObject().Add("x", "\xe0\x9f\xbf").ToString(), R"({"x":"\u00e0\u009f\u00bf"})");
  EXPECT_EQ(JsonObject().Add("x", "\xed\xa0\x80").ToString(), R"({"x":"\u00ed\u00a0\u0080"})");
  EXPECT_EQ(JsonObject().Add("x", "\xf0\x8f\xbf\xbf").ToString(),
            R"({"x":"\u00f0\u008f\u00bf\u00bf"})");
  EXPECT_EQ(JsonObject().Add("x", "\xf4\x90\x80\x80").ToString(),
            R"({"x":"\u00f4\u0090\u0080\u0080"})");
  EXPECT_EQ(JsonObject().Add("x", "\xf5\x80\x80\x80").ToString(),
            R"({"x":"\u00f5\u0080\u0080\u0080"})");
}

TEST(ReportTest, AFailureNamesStepAndErrnoAndWhatCanBeDone) {
  std::ostringstream out, err;
  Context context = {RealOs(), out, err};
  ChildError error;
  error.step = Step::kSetGid;
  error.error = EPERM;
  error.pid = 4711;
  EXPECT_EQ(ReportFailure(context, "start", ChildErrorStatus("setgid(7)", error), true),
            kExitGroup);
  EXPECT_THAT(err.str(), HasSubstr("cleanfork: start: setgid(7): Operation not permitted (EPERM) "
                                   "[step setgid"));
  EXPECT_THAT(err.str(), HasSubstr("run as root"));
  EXPECT_THAT(out.str(), HasSubstr("\"step\":\"setgid\",\"errno\":\"EPERM\""));
}

TEST(ReportTest, AnOutcomeThatCannotBePrintedIsToldOnStandardErrorAndStaysTheOutcome) {
  std::ostringstream out, err;
  out.setstate(std::ios::badbit);
  Context context = {RealOs(), out, err};
  EXPECT_EQ(ReportOutcome(context, "start", "started x (pid 1)", 0), 0);
  EXPECT_THAT(err.str(), HasSubstr("started x (pid 1)"));
}

}  // namespace
}  // namespace cleanfork::cli
