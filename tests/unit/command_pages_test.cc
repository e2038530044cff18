// The pages about the command: every command line in them is one that it takes, every option in
// their tables is one that it has, and the pages on moving over have every option of the peer.
#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cleanfork/os_wrapper.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/cli/exit_code.h"
#include "src/cli/option.h"
#include "src/cli/report.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const char* const kPages[] = {"README.md",
                              "docs/command.md",
                              "docs/recipes.md",
                              "docs/migrating-from-daemon.md",
                              "docs/migrating-from-daemonize.md",
                              "docs/migrating-from-freebsd-daemon.md",
                              "docs/migrating-from-nohup.md",
                              "docs/migrating-from-proc-daemon.md",
                              "docs/migrating-from-python-daemon.md",
                              "docs/migrating-from-start-stop-daemon.md"};

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// The lines of the fenced blocks and of those that are indented by four, with lines that end in a
// backslash joined.
std::vector<std::string> CodeLines(const std::string& page) {
  std::vector<std::string> lines;
  std::istringstream stream(page);
  bool is_fenced = false, goes_on = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.compare(0, 3, "```") == 0) {
      is_fenced = !is_fenced;
      continue;
    }
    if (!is_fenced && line.compare(0, 4, "    ") != 0) continue;
    const bool ends_open = !line.empty() && line.back() == '\\';
    if (ends_open) line.pop_back();
    if (goes_on) {
      lines.back() += line;
    } else {
      lines.push_back(line);
    }
    goes_on = ends_open;
  }
  return lines;
}

// The words of a shell's simple command, up to what ends it; quotes are taken away, and nothing is
// expanded.
std::vector<std::string> ShellWords(const std::string& line) {
  std::vector<std::string> words;
  char quote = 0;
  bool in_word = false;
  for (const char c : line) {
    if (quote == 0 && std::string(";|&>()#`").find(c) != std::string::npos) break;
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      if (!in_word) words.emplace_back();
      in_word = true;
    } else if (quote == 0 && c == ' ') {
      in_word = false;
    } else {
      if (!in_word) words.emplace_back();
      in_word = true;
      words.back() += c;
    }
  }
  return words;
}

// The command lines of the command: "start" and what follows. In JSON, as of a container's
// ENTRYPOINT, too.
std::vector<std::vector<std::string>> CommandLines(const std::string& page) {
  std::vector<std::vector<std::string>> found;
  static const std::regex call(
      "(?:^|[ /])cleanfork ((?:start|run|stop|restart|reload|status|list|"
      "explain|check)(?: .*)?)$");
  static const std::regex json(R"re(\["cleanfork", (.*)\])re");
  for (const std::string& line : CodeLines(page)) {
    std::smatch match;
    if (line.compare(0, 11, "cleanfork: ") == 0) continue;
    if (std::regex_search(line, match, json)) {
      found.push_back(ShellWords(std::regex_replace(match[1].str(), std::regex(", "), " ")));
    } else if (std::regex_search(line, match, call)) {
      found.push_back(ShellWords(match[1].str()));
    }
  }
  return found;
}

// The kernel, with every user, group and descriptor that a page may name.
class GenerousOs : public OsWrapper {
 public:
  GenerousOs() : OsWrapper(RealOs()) {}
  SysResult<UserRecord> GetPwNam(const char*) override { return UserRecord(); }
  SysResult<GroupRecord> GetGrNam(const char*) override { return GroupRecord(); }
  SysResult<int> FcntlGetFd(int) override { return 0; }
  uid_t GetEuid() override { return 0; }
};

// What is wrong with the command line; nothing is done.
std::string ProblemOf(const std::vector<std::string>& words) {
  for (const Subcommand& subcommand : Subcommands()) {
    if (subcommand.name != words[0]) continue;
    Settings settings;
    const absl::Status parsed = ParseOptions(words, subcommand.options, &settings);
    if (!parsed.ok()) return std::string(parsed.message());
    if (words[0] != "start" && words[0] != "run" && words[0] != "restart") return "";
    std::vector<std::string> explained = words;
    explained[0] = "explain";
    explained.insert(explained.begin(), "cleanfork");
    GenerousOs os;
    std::ostringstream out, err;
    Context context = {os, out, err};
    return RunCommandLine(explained, context) == kExitOk ? "" : err.str();
  }
  return "there is no such subcommand";
}

// The rows of the tables, each without its first and last '|', by cells.
std::vector<std::vector<std::string>> TableRows(const std::string& page) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream stream(page);
  for (std::string line; std::getline(stream, line);) {
    if (line.compare(0, 2, "| ") != 0) continue;
    std::vector<std::string> cells(1);
    for (const char c : line.substr(1)) {
      if (c == '|') {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    rows.push_back(cells);
  }
  return rows;
}

// What stands in backticks.
std::vector<std::string> Quoted(const std::string& text) {
  std::vector<std::string> quoted;
  static const std::regex ticks("`([^`\n]+)`");
  for (std::sregex_iterator it(text.begin(), text.end(), ticks), end; it != end; ++it) {
    quoted.push_back((*it)[1]);
  }
  return quoted;
}

bool IsOption(const std::string& text) {
  const std::string name = text.substr(2, text.find('=') - 2);
  for (const Subcommand& subcommand : Subcommands()) {
    for (const Option& option : subcommand.options) {
      const bool has_argument = text.find('=') != std::string::npos;
      if (option.name == name && (!has_argument || option.argument != nullptr)) return true;
    }
  }
  return false;
}

TEST(CommandPages, HaveCommandLinesThatAreTakenAndNoOthers) {
  for (const std::string page : kPages) {
    const std::vector<std::vector<std::string>> lines = CommandLines(ReadText(page));
    EXPECT_THAT(lines, Not(IsEmpty())) << page;
    for (const std::vector<std::string>& words : lines) {
      EXPECT_EQ(ProblemOf(words), "") << page << ": " << ::testing::PrintToString(words);
    }
  }
}

TEST(CommandPages, HaveInTheirTablesOptionsThatThereAre) {
  for (const std::string page : kPages) {
    if (page.find("migrating") == std::string::npos) continue;
    const std::vector<std::vector<std::string>> rows = TableRows(ReadText(page));
    EXPECT_THAT(rows, SizeIs(::testing::Gt(5u))) << page;
    for (const std::vector<std::string>& cells : rows) {
      ASSERT_THAT(cells, SizeIs(4)) << page << ": " << ::testing::PrintToString(cells);
      for (const std::string& word : Quoted(cells[1])) {
        if (word.compare(0, 3, "-- ") == 0 || word.compare(0, 2, "--") != 0) continue;
        EXPECT_TRUE(IsOption(word)) << page << ": " << word;
      }
    }
  }
}

TEST(CommandPages, OnMovingOverHaveEveryOptionOfThePeer) {
  const std::map<std::string, std::string> options = {
      // Of `daemonize -?`.
      {"daemonize", "-a -c -e -E -o -p -l -u -v"},
      // Of `daemon --help`, but for -h, --help, -V and --version.
      {"daemon",
       "-v --verbose -d --debug -C --config -N --noconfig -n --name -X --command -P --pidfiles -F "
       "--pidfile -u --user -R --chroot -D --chdir -m --umask -e --env -i --inherit -U --unsafe -S "
       "--safe -c --core --nocore -r --respawn -a --acceptable -A --attempts -L --delay -M --limit "
       "--idiot -f --foreground -p --pty -l --errlog -b --dbglog -o --output -O --stdout -E "
       "--stderr --ignore-eof --read-eof --running --restart --stop --signal --list"},
      // Of `start-stop-daemon --help`, likewise.
      {"start-stop-daemon",
       "-S --start -K --stop -T --status --pid --ppid -p --pidfile -x --exec -n --name -u --user "
       "-g "
       "--group -c --chuid -s --signal -a --startas -r --chroot -d --chdir -N --nicelevel -P "
       "--procsched -I --iosched -k --umask -b --background --notify-await --notify-timeout -C "
       "--no-close -O --output -m --make-pidfile --remove-pidfile -R --retry -t --test -o --oknodo "
       "-q --quiet -v --verbose"},
      // Of the manual page of FreeBSD 14.
      {"freebsd-daemon", "-c -f -H -l -m -o -P -p -R -r -S -s -T -t -u"},
      // The attributes of daemon.DaemonContext.
      {"python-daemon",
       "files_preserve chroot_directory working_directory umask pidfile detach_process signal_map "
       "uid gid initgroups prevent_core stdin stdout stderr"},
      // The keys and the methods of Proc::Daemon.
      {"proc-daemon",
       "work_dir setuid setgid child_STDIN child_STDOUT child_STDERR dont_close_fh dont_close_fd "
       "pid_file file_umask exec_command Init Status Kill_Daemon"},
      // The parameters of daemon(3).
      {"daemon-3", "nochdir noclose"},
      // The functions of the headers of libdaemon.
      {"libdaemon",
       "daemon_fork daemon_retval_init daemon_retval_done daemon_retval_wait daemon_retval_send "
       "daemon_close_all daemon_close_allv daemon_unblock_sigs daemon_unblock_sigsv "
       "daemon_reset_sigs daemon_reset_sigsv daemon_pid_file_create daemon_pid_file_remove "
       "daemon_pid_file_is_running daemon_pid_file_kill daemon_pid_file_kill_wait daemon_exec "
       "daemon_signal_init daemon_signal_next daemon_signal_fd daemon_log daemon_logv "
       "daemon_set_verbosity daemon_nonblock"}};
  for (const auto& [peer, names] : options) {
    const std::string page = ReadText("docs/migrating-from-" + peer + ".md");
    std::set<std::string> quoted;  // "-e" of `-e FILE`, in a table or in the text
    for (const std::string& text : Quoted(page)) quoted.insert(text.substr(0, text.find(' ')));
    std::istringstream words(names);
    for (std::string name; words >> name;) EXPECT_THAT(quoted, Contains(name)) << peer;
  }
}

// That these tests can fail.

TEST(CommandPages, ALineThatIsWrongIsFound) {
  EXPECT_NE(ProblemOf({"start", "--usr=nobody", "--", "true"}), "");
  EXPECT_NE(ProblemOf({"start", "--user=nobody"}), "");
  EXPECT_NE(ProblemOf({"run", "--wait=notify", "--", "true"}), "");
  EXPECT_NE(ProblemOf({"start", "--name=a", "--pidfile=b", "true"}), "");
  EXPECT_FALSE(IsOption("--usr=X"));
  EXPECT_FALSE(IsOption("--json=X"));
}

TEST(CommandPages, LinesAreFoundInEveryKindOfBlock) {
  EXPECT_THAT(CommandLines("text cleanfork start no\n"
                           "```console\n$ cleanfork stop --name='a b' || echo \"x\"\n"
                           "cleanfork: start: said\n```\n"
                           "    exec cleanfork run \\\n        -- a\n"
                           "```\nExecStart=/usr/bin/cleanfork list\n"
                           "ENTRYPOINT [\"cleanfork\", \"run\", \"b\"]\n```\n"),
              ElementsAre(ElementsAre("stop", "--name=a b"), ElementsAre("run", "--", "a"),
                          ElementsAre("list"), ElementsAre("run", "b")));
}

}  // namespace
}  // namespace cleanfork::cli
