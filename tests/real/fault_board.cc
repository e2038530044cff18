#include "tests/real/fault_board.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "cleanfork/names.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// How long what does not end is waited for. One of the peers tries for half a minute.
constexpr milliseconds kForTheStarter{60'000};
constexpr milliseconds kForTheRest{3'000};

void Must(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::abort();
}

std::string LinkOf(int fd) {
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd));
}

bool AnyChildRuns() {
  for (pid_t child : ChildrenOf(::getpid())) {
    const std::optional<ProcessState> state = ReadProcessState(child);
    if (state.has_value() && state->state != 'Z' && state->state != 'X') return true;
  }
  return false;
}

bool Drain(int fd, std::string* text) {
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof(buffer))) > 0) {
    text->append(buffer, static_cast<size_t>(got));
  }
  return got == 0;  // its end
}

// Whose identity, and of which groups: as nobody's are.
void CheckIdentity(const ProcessState& state, std::vector<std::string>* wrong) {
  const passwd* const user = ::getpwnam("nobody");
  Must(user != nullptr, "getpwnam(nobody)");
  for (uint64_t uid : state.uids) {
    if (uid != user->pw_uid) wrong->push_back("has uid " + std::to_string(uid));
  }
  for (uint64_t gid : state.gids) {
    if (gid != user->pw_gid) wrong->push_back("has gid " + std::to_string(gid));
  }
  for (uint64_t group : state.groups) {
    if (group != user->pw_gid) wrong->push_back("is in group " + std::to_string(group));
  }
  wrong->erase(std::unique(wrong->begin(), wrong->end()), wrong->end());
}

bool IsAboutReady(const BoardRow& row) {
  return row.program == BoardRow::Program::kEndsWithThree ||
         row.program == BoardRow::Program::kEndsWithZero ||
         row.program == BoardRow::Program::kNeverReady;
}

// With which a call failed; 0 where none did, and the errno is only our word for it.
int ErrnoOf(const BoardRow& row) {
  if (row.fault.error != 0) return row.fault.error;
  return IsAboutReady(row) ? 0 : ErrnoFromName(row.error);
}

bool Says(const std::string& text, int error) {
  return text.find(std::strerror(error)) != std::string::npos ||
         text.find(ErrnoName(error)) != std::string::npos;
}

// Which of its standard streams it has not, or still of the caller.
void CheckStreams(const ProcessState& state, const std::string (&callers)[3],
                  std::vector<std::string>* wrong) {
  for (int fd = 0; fd <= 2; ++fd) {
    const auto found = state.descriptors.find(fd);
    if (found == state.descriptors.end()) {
      wrong->push_back("has descriptor " + std::to_string(fd) + " closed");
    } else if (found->second.target == callers[fd]) {
      wrong->push_back("has descriptor " + std::to_string(fd) + " of the caller's");
    }
  }
}

}  // namespace

FaultBoard::FaultBoard(const std::string& program) {
  std::filesystem::copy_file(program, directory_.Path("daemon"));
  Must(::chmod(directory_.Path("daemon").c_str(), 0755) == 0, "chmod");
  directory_.Write("stdin", "", 0644);
  directory_.Write("no_exec",
                   std::string("\x7f"
                               "ELF\x02\x01\x01 and no more",
                               19),
                   0755);
  directory_.Write("no_interpreter", "#!/no/such/interpreter\n", 0755);
  for (const char* name : {"run", "full"}) {
    Must(::mkdir(directory_.Path(name).c_str(), 0755) == 0, "mkdir");
  }
  // Which everybody may write to.
  const std::string fifo = directory_.Path("fifo");
  Must(::mkfifo(fifo.c_str(), 0600) == 0 && ::chmod(fifo.c_str(), 0666) == 0, "mkfifo");
  fifo_ = ::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  Must(fifo_ >= 0, "open of a fifo");
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  Must(::sigprocmask(SIG_BLOCK, &child, nullptr) == 0, "sigprocmask");
  children_ = ::signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
  Must(children_ >= 0, "signalfd");
}

FaultBoard::~FaultBoard() {
  ::close(fifo_);
  ::close(children_);
  if (full_disk_) ::umount2(directory_.Path("full").c_str(), MNT_DETACH);
  for (const char* name : {"run", "full"}) {
    std::error_code ignored;
    std::filesystem::remove_all(directory_.Path(name), ignored);
  }
}

int FaultBoard::MountFullDisk() {
  if (full_disk_) return 0;
  const std::string path = directory_.Path("full");
  // Of this process: nobody else sees it, and it goes with us.
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=4k,mode=0755") != 0) {
    return errno;
  }
  full_disk_ = true;
  const int fd = ::open((path + "/filling").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::string page(4096, 'x');
  while (::write(fd, page.data(), page.size()) > 0) continue;
  ::close(fd);
  return 0;
}

DaemonRequest FaultBoard::RequestOf(const Daemonizer& daemonizer, const BoardRow& row) const {
  DaemonRequest request;
  request.program = directory_.Path("daemon");
  request.arguments = AnnouncingArguments(directory_.Path("fifo"), daemonizer.wait);
  request.directory = row.directory_missing ? "/no/such/directory" : "/usr";
  request.pid_file = directory_.Path(row.full_disk ? "full/x.pid" : "run/x.pid");
  request.wait = daemonizer.wait != Daemonizer::Wait::kCannot;
  switch (row.program) {
    case BoardRow::Program::kDaemon: return request;
    case BoardRow::Program::kMissing: request.program = directory_.Path("missing"); break;
    case BoardRow::Program::kNoExec: request.program = directory_.Path("no_exec"); break;
    case BoardRow::Program::kNoInterpreter:
      request.program = directory_.Path("no_interpreter");
      break;
    case BoardRow::Program::kEndsWithThree:
      request.program = "/bin/sh";
      request.arguments = {"-c", "exit 3"};
      break;
    case BoardRow::Program::kEndsWithZero: request.program = "/bin/true"; break;
    case BoardRow::Program::kNeverReady:
      request.program = "/bin/sh";
      request.arguments = {"-c", "exec sleep 60 3>&-"};
      break;
  }
  return request;
}

pid_t FaultBoard::Fork(const std::vector<std::string>& words, SystemCallFaults* faults,
                       const int (&pipes)[4]) const {
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(&word[0]);
  argv.push_back(nullptr);
  const std::string program = std::filesystem::absolute(words[0]);
  const std::string directory = directory_.path();
  const std::string in = directory_.Path("stdin");
  const pid_t pid = ::fork();
  Must(pid != -1, "fork");
  if (pid != 0) return pid;
  sigset_t none;
  sigemptyset(&none);
  const gid_t groups[] = {0, 4, 24};
  const int fd = ::open(in.c_str(), O_RDONLY | O_CLOEXEC);
  if (::setgroups(3, groups) != 0 || ::chdir(directory.c_str()) != 0 || ::dup2(fd, 0) != 0 ||
      ::dup2(pipes[1], 1) != 1 || ::dup2(pipes[3], 2) != 2) {
    ::_exit(97);
  }
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // LeakSanitizer starts a process when the program ends, which is none that counts.
  ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
  ::unsetenv("NOTIFY_SOCKET");
  faults->Install();
  ::execv(program.c_str(), argv.data());
  ::_exit(99);
}

void FaultBoard::Watch(pid_t starter, SystemCallFaults* faults, const int (&pipes)[4],
                       BoardOutcome* outcome) const {
  bool ended = false, alone = false;
  std::string announced;
  Clock::time_point deadline = Clock::now() + kForTheStarter;
  pollfd waiting[] = {{faults->listener(), POLLIN, 0},
                      {children_, POLLIN, 0},
                      {fifo_, POLLIN, 0},
                      {pipes[0], POLLIN, 0},
                      {pipes[2], POLLIN, 0}};
  const auto is_over = [&] {
    if (!ended || alone) return alone;
    return outcome->exit_code == 0 && !announced.empty();
  };
  while (!is_over()) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) break;
    if (::poll(waiting, 5, static_cast<int>(left.count())) <= 0) continue;
    if ((waiting[0].revents & POLLIN) != 0) {
      faults->Answer();
    } else if (waiting[0].revents != 0) {
      waiting[0].fd = -1;  // nobody is left who could be asked about
    }
    Drain(fifo_, &announced);
    if (Drain(pipes[0], &outcome->out)) waiting[3].fd = -1;
    if (Drain(pipes[2], &outcome->err)) waiting[4].fd = -1;
    signalfd_siginfo info;
    while (::read(children_, &info, sizeof(info)) > 0) continue;
    int status = 0;
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (pid != starter) continue;
      ended = true;
      outcome->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      outcome->left_at_once = AnyChildRuns();
      deadline = Clock::now() + kForTheRest;
    }
    alone = pid == -1;
  }
  Drain(fifo_, &announced);
  Drain(pipes[0], &outcome->out);
  Drain(pipes[2], &outcome->err);
  outcome->fired = faults->fired();
  outcome->daemon = std::atoi(announced.c_str());
  const std::optional<ProcessState> state = ReadProcessState(outcome->daemon);
  if (outcome->daemon == 0 || !state.has_value() || state->state == 'Z') outcome->daemon = 0;
  outcome->left = (outcome->daemon == 0 || outcome->exit_code != 0) && AnyChildRuns();
}

std::vector<std::string> FaultBoard::WhatIsWrong(pid_t daemon, const DaemonRequest& request,
                                                 const std::string (&callers)[3]) const {
  std::vector<std::string> wrong;
  const std::optional<ProcessState> state = ReadProcessState(daemon);
  if (!state.has_value()) return {"has ended"};
  CheckIdentity(*state, &wrong);
  if (state->directory != request.directory) wrong.push_back("stands in " + state->directory);
  if (state->session == ::getsid(0)) wrong.push_back("is in the caller's session");
  const std::string number = directory_.Read(request.pid_file.substr(directory_.path().size() + 1));
  const pid_t named = std::atoi(number.c_str());
  // One of the peers stays, and puts its own pid there.
  const bool is_parent = named == state->parent && named != ::getpid();
  if (named != daemon && !is_parent) wrong.push_back("is not what the pid file names");
  CheckStreams(*state, callers, &wrong);
  return wrong;
}

BoardOutcome FaultBoard::Run(const Daemonizer& daemonizer, const BoardRow& row) {
  const DaemonRequest request = RequestOf(daemonizer, row);
  const passwd* const user = ::getpwnam("nobody");
  Must(user != nullptr, "getpwnam(nobody)");
  const uid_t owner = daemonizer.pid_file_as_user ? user->pw_uid : 0;
  const std::string directory = directory_.Path(row.full_disk ? "full" : "run");
  Must(::chown(directory.c_str(), owner, 0) == 0, "chown");
  SystemCallFault fault = row.fault;
  if (row.about_pid_file) fault.path = request.pid_file;

  int pipes[4];
  Must(::pipe2(pipes, O_CLOEXEC) == 0 && ::pipe2(pipes + 2, O_CLOEXEC) == 0, "pipe2");
  for (int fd : {pipes[0], pipes[2]}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  const std::string callers[] = {directory_.Path("stdin"), LinkOf(pipes[1]), LinkOf(pipes[3])};
  BoardOutcome outcome;
  SystemCallFaults faults(fault);
  const pid_t starter = Fork(daemonizer.words(request), &faults, pipes);
  ::close(pipes[1]);
  ::close(pipes[3]);
  outcome.install_error = faults.Attach();
  if (outcome.install_error == 0) Watch(starter, &faults, pipes, &outcome);
  if (outcome.daemon != 0) outcome.wrong = WhatIsWrong(outcome.daemon, request, callers);
  struct stat status;
  outcome.has_pid_file = ::lstat(request.pid_file.c_str(), &status) == 0;
  runner_.KillChildren();
  ::close(pipes[0]);
  ::close(pipes[2]);
  ::unlink(request.pid_file.c_str());
  std::string rest;
  Drain(fifo_, &rest);
  return outcome;
}

Verdict Judge(const Daemonizer& daemonizer, const BoardRow& row, const BoardOutcome& outcome) {
  const bool is_asked = IsAboutReady(row)
                            ? daemonizer.wait != Daemonizer::Wait::kCannot
                            : row.program == BoardRow::Program::kDaemon || daemonizer.execs;
  if (!is_asked) return Verdict::kNone;
  if (!row.fault.calls.empty() && outcome.fired == 0) return Verdict::kNone;
  if (outcome.exit_code == -1) return Verdict::kHangs;
  if (outcome.exit_code != 0) return Verdict::kRefused;
  return outcome.daemon != 0 && outcome.wrong.empty() ? Verdict::kRuns : Verdict::kLied;
}

std::string CellText(const Daemonizer& daemonizer, const BoardRow& row,
                     const BoardOutcome& outcome) {
  switch (Judge(daemonizer, row, outcome)) {
    case Verdict::kNone: return "n/a";
    case Verdict::kRuns: return "ok";
    case Verdict::kLied: return "LIED";
    case Verdict::kHangs: return "hangs";
    case Verdict::kRefused: break;
  }
  std::string lacks;
  const int error = ErrnoOf(row);
  if (error != 0 && !Says(outcome.err, error)) lacks += "e";
  if (outcome.has_pid_file) lacks += "p";
  if (outcome.left || outcome.daemon != 0) lacks += "r";
  return lacks.empty() ? "refused" : "refused (" + lacks + ")";
}

std::string Details(const BoardOutcome& outcome) {
  std::string text = "exit status " + std::to_string(outcome.exit_code);
  text += outcome.daemon == 0 ? ", no daemon" : ", a daemon";
  for (const std::string& wrong : outcome.wrong) text += ", which " + wrong;
  if (outcome.left) text += ", something still runs";
  if (outcome.has_pid_file) text += ", a pid file";
  std::string said = outcome.err;
  std::replace(said.begin(), said.end(), '\n', ' ');
  return text + (said.empty() ? "; silent" : "; \"" + said.substr(0, 200) + "\"");
}

}  // namespace cleanfork
