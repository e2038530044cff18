#include "tests/explore/random_bodies.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstdlib>
#include <initializer_list>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cleanfork/checker.h"
#include "cleanfork/explore.h"
#include "cleanfork/os.h"
#include "cleanfork/os_call.h"
#include "cleanfork/os_types.h"

namespace cleanfork {
namespace {

// The fixed descriptors of a body, opened before anything else.
constexpr int kReadEnd = 3;
constexpr int kWriteEnd = 4;
constexpr int kFile = 5;
constexpr int64_t kMillisecond = 1'000'000;

struct Operation {
  std::string text;
  int code = 0;
  int a = 0;
  int b = 0;
  std::vector<Operation> child = {};
};
using Program = std::vector<Operation>;

enum Code {
  kUmask,
  kRead,
  kWrite,
  kClose,
  kWriteFile,
  kReadFile,
  kTruncate,
  kWait,
  kWaitId,
  kKill,
  kAction,
  kMask,
  kTimedWait,
  kSetPgid,
  kSetSid,
  kPoll,
  kSleep,
  kFork,
  kVfork,
  kExec,
  kExit,
  kLock,
  kGetLock,
  kOpen,
  kUnlink,
  kGetPpid,
  kDeathSignal,
  kPidFd,
  kPidFdSend,
  kDup,
  kDup2,
  kSetUid,
  kPriority,
  kRandom,
  kStat,
  kOpenProc,
  kCloseRange,
  kLimit,
  kCodes
};

std::string Text(const Program& program) {
  std::string text;
  for (const Operation& each : program) {
    text += (text.empty() ? "" : " ") + each.text;
    if (each.code == kFork || each.code == kVfork) text += "{" + Text(each.child) + "}";
  }
  return text;
}

Os* the_os = nullptr;
void HandleByUmask(int) { the_os->Umask(7); }
void HandleByWaiting(int) { the_os->WaitPid(-1, WNOHANG).IgnoreError(); }
void HandleByWriting(int) { the_os->Write(kWriteEnd, "h", 1).IgnoreError(); }
void HandleByForking(int) {
  if (the_os->Fork().value_or(-1) == 0) the_os->Exit(21);
}

void Observe(int64_t what) { Note("saw", what); }

SignalAction ActionOf(int how) {
  SignalAction action;
  switch (how) {
    case 0: action.handler = SIG_DFL; break;
    case 1: action.handler = SIG_IGN; break;
    case 2: action.handler = &HandleByUmask; break;
    case 3:
      action.handler = &HandleByWaiting;
      action.flags = SA_RESTART;
      break;
    case 4: action.handler = &HandleByWriting; break;
    case 5: action.flags = SA_NOCLDWAIT; break;
    case 6:
      action.handler = &HandleByUmask;
      action.flags = SA_NOCLDSTOP | SA_RESTART;
      break;
    default: action.handler = &HandleByForking; action.flags = static_cast<int>(SA_RESETHAND);
  }
  return action;
}

constexpr int kNobody = 1'000'000;

class Actor {
 public:
  explicit Actor(Os* os) : os_(*os) {}

  void Run(const Program& program) {
    for (const Operation& each : program) Do(each);
  }

 private:
  // 0: the first process; 1, 2: the own children; 3: the own group; 4: oneself.
  pid_t Target(int which) {
    switch (which) {
      case 0: return 100;
      case 1: return children_[0];
      case 2: return children_[1];
      case 3: return 0;
      default: return os_.GetPid();
    }
  }
  template <typename T>
  void See(const SysResult<T>& result) {
    Observe(result.ok() ? static_cast<int64_t>(result.value()) : -result.error());
  }
  void See(const SysResult<void>& result) { Observe(-result.error()); }

  void Fork(const Program& program) {
    const pid_t child = os_.Fork().value_or(kNobody);
    if (child == 0) {
      children_[0] = children_[1] = kNobody;
      Run(program);
      os_.Exit(9);
    }
    children_[children_[0] == kNobody ? 0 : 1] = child;
  }
  struct Vforked {
    Os* os;
    const Program* program;
  };
  static int RunVforked(void* argument) {
    const auto* all = static_cast<const Vforked*>(argument);
    Actor(all->os).Run(*all->program);
    return 8;
  }

  void Do(const Operation& op);
  void DoMore(const Operation& op);

  Os& os_;
  pid_t children_[2] = {kNobody, kNobody};
};

void Actor::Do(const Operation& op) {
  char bytes[8] = {};
  switch (op.code) {
    case kUmask: os_.Umask(022); return;
    case kRead:
      See(os_.Read(kReadEnd, bytes, static_cast<size_t>(op.a)));
      return Observe(bytes[0] * 256 + bytes[1]);
    case kWrite: {
      const char text[] = {static_cast<char>('a' + op.b), static_cast<char>('A' + op.b)};
      return See(os_.Write(kWriteEnd, text, static_cast<size_t>(op.a)));
    }
    case kClose: return See(os_.Close(op.a));
    case kWriteFile: {
      const char text[] = {static_cast<char>('a' + op.b), static_cast<char>('A' + op.b)};
      return See(op.a == 0 ? os_.Write(kFile, text, 2) : os_.PWrite(kFile, text, 2, 1));
    }
    case kReadFile:
      See(op.a == 0 ? os_.Read(kFile, bytes, 2) : os_.PRead(kFile, bytes, 4, 0));
      return Observe((bytes[0] * 256 + bytes[1]) * 256 + bytes[2]);
    case kTruncate: return See(os_.FTruncate(kFile, op.a));
    case kWait: {
      const pid_t whom = op.a == 0 ? -1 : op.a == 3 ? 0 : op.a == 4 ? -100 : Target(op.a);
      const SysResult<WaitResult> got = os_.WaitPid(whom, op.b);
      Observe(-got.error());
      return Observe(got.value_or(WaitResult()).status);
    }
    case kWaitId: {
      const SysResult<WaitIdResult> got = os_.WaitId(P_ALL, 0, op.a);
      const WaitIdResult news = got.value_or(WaitIdResult());
      Observe(-got.error());
      return Observe(news.pid * 1000 + news.status * 10 + news.code);
    }
    case kKill: return See(os_.Kill(Target(op.a), op.b));
    case kAction: {
      const SignalAction action = ActionOf(op.b);
      return Observe(-os_.SigAction(op.a, &action).error());
    }
    case kMask: {
      const SignalSet set = SignalSet::Of(op.a);
      const SysResult<SignalSet> old = os_.SigProcMask(op.b, &set);
      return Observe(-old.error());
    }
    case kTimedWait: {
      const SysResult<SignalInfo> got = os_.SigTimedWait(
          SignalSet::Of(SIGCHLD, SIGUSR1, SIGTERM, SIGCONT), op.a < 0 ? -1 : op.a * kMillisecond);
      Observe(-got.error());
      const SignalInfo info = got.value_or(SignalInfo());
      return Observe(info.signal * 1000 + info.pid);
    }
    default: DoMore(op);
  }
}

void Actor::DoMore(const Operation& op) {
  char bytes[8] = {};
  switch (op.code) {
    case kSetPgid: return See(os_.SetPgid(op.a == 4 ? 0 : Target(op.a), op.b));
    case kSetSid: return See(os_.SetSid());
    case kPoll: {
      struct pollfd polled[2] = {{kReadEnd, POLLIN, 0}, {kWriteEnd, POLLOUT, 0}};
      See(os_.Poll(polled, static_cast<size_t>(op.a), op.b < 0 ? -1 : op.b * kMillisecond));
      return Observe(polled[0].revents << 8 | polled[1].revents);
    }
    case kSleep: return See(os_.ClockNanoSleep(CLOCK_MONOTONIC, 0, op.a * kMillisecond));
    case kFork: return Fork(op.child);
    case kVfork: {
      Vforked all = {&os_, &op.child};
      const pid_t child = os_.VforkCall(&RunVforked, &all, SIGCHLD).value_or(kNobody);
      children_[children_[0] == kNobody ? 0 : 1] = child;
      return;
    }
    case kExec: {
      char name[] = "program";
      char* const arguments[] = {name, nullptr};
      char* const environment[] = {nullptr};
      return See(os_.ExecVe("/bin/program", arguments, environment));
    }
    case kExit: return os_.Exit(op.a);
    case kLock: return See(os_.FcntlSetLock(kFile, static_cast<short>(op.a)));
    case kGetLock: return See(os_.FcntlGetLock(kFile, F_WRLCK));
    case kOpen: return See(os_.Open("/tmp/x", op.a, 0600));
    case kUnlink: return See(os_.Unlink("/tmp/x"));
    case kGetPpid: return Observe(os_.GetPpid());
    case kDeathSignal: return See(os_.PrctlSetPdeathsig(op.a));
    case kPidFd: {
      const int fd = os_.PidFdOpen(Target(op.a), 0).value_or(-1);
      struct pollfd polled = {fd, POLLIN, 0};
      See(os_.Poll(&polled, 1, op.b < 0 ? -1 : op.b * kMillisecond));
      return Observe(polled.revents);
    }
    case kPidFdSend: {
      const int fd = os_.PidFdOpen(Target(op.a), 0).value_or(-1);
      return See(os_.PidFdSendSignal(fd, op.b));
    }
    case kDup: return See(os_.Dup(op.a));
    case kDup2: return See(os_.Dup2(op.a, op.b));
    case kSetUid: return See(os_.SetUid(static_cast<uid_t>(op.a)));
    case kPriority:
      return See(
          os_.SetPriority(op.b, op.b == PRIO_PROCESS ? static_cast<id_t>(Target(op.a)) : 0, 3));
    case kRandom: See(os_.GetRandom(bytes, 2, 0)); return Observe(bytes[0] * 256 + bytes[1]);
    case kStat: {
      const SysResult<FileStatus> status = os_.Stat(op.a == 0 ? "/tmp/x" : "/tmp/file");
      Observe(-status.error());
      return Observe(status.ok() ? status.value().size : 0);
    }
    case kOpenProc: return See(os_.Open(op.a == 0 ? "/proc/101/stat" : "/proc/100/status", 0, 0));
    case kCloseRange: return See(os_.CloseRange(static_cast<unsigned>(op.a), kWriteEnd, 0));
    case kLimit: {
      ResourceLimit limit;
      limit.soft = limit.hard = static_cast<uint64_t>(op.b);
      return See(os_.SetRLimit(op.a, limit));
    }
    default: return;
  }
}

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  Program Make(int calls, int depth, int* processes) {
    Program program;
    for (int i = 0; i < calls; ++i) {
      Operation op = MakeOne(depth, processes);
      program.push_back(op);
      if (op.code == kExit || op.code == kExec) break;
    }
    return program;
  }
  int Below(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }

  Operation ForkOf(int calls, int depth, int* processes) {
    Operation op;
    op.code = Below(6) == 0 ? kVfork : kFork;
    op.text = op.code == kFork ? "fork" : "vfork";
    --*processes;
    op.child = Make(calls, depth + 1, processes);
    return op;
  }

 private:
  int Of(std::initializer_list<int> all) {
    return *(all.begin() + Below(static_cast<int>(all.size())));
  }
  Operation MakeOne(int depth, int* processes) {
    for (;;) {
      Operation op;
      op.code = Below(kCodes);
      if (Below(3) == 0) op.code = Of({kKill, kWait, kAction, kMask, kTimedWait, kRead, kWrite});
      if (op.code == kFork || op.code == kVfork) {
        if (*processes == 0) continue;
        return ForkOf(1 + Below(3), depth, processes);
      }
      Fill(&op);
      op.text =
          std::to_string(op.code) + "(" + std::to_string(op.a) + "," + std::to_string(op.b) + ")";
      return op;
    }
  }
  void Fill(Operation* op) {
    op->b = Below(4);
    switch (op->code) {
      case kRead:
      case kWrite: op->a = 1 + Below(2); break;
      case kClose: op->a = Of({kReadEnd, kWriteEnd, kWriteEnd}); break;
      case kWriteFile:
      case kReadFile:
      case kStat:
      case kOpenProc: op->a = Below(2); break;
      case kTruncate: op->a = Below(3); break;
      case kWait:
        op->a = Below(5);
        op->b = Of({0, 0, WNOHANG, WUNTRACED, WUNTRACED | WCONTINUED, WNOHANG | WUNTRACED});
        break;
      case kWaitId:
        op->a = Of({WEXITED, WEXITED | WNOWAIT, WEXITED | WNOHANG, WSTOPPED, WCONTINUED | WNOHANG,
                    WEXITED | WNOWAIT | WNOHANG});
        break;
      case kKill:
      case kPidFdSend:
        op->a = Below(5);
        op->b = Of({SIGTERM, SIGUSR1, SIGCHLD, SIGSTOP, SIGCONT, SIGKILL, SIGTSTP, 0});
        if (op->code == kPidFdSend && op->a == 3) op->a = 1;
        break;
      case kAction:
        op->a = Of({SIGCHLD, SIGCHLD, SIGUSR1, SIGTERM, SIGCONT, SIGTSTP});
        op->b = Below(8);
        break;
      case kMask:
        op->a = Of({SIGCHLD, SIGCHLD, SIGUSR1, SIGTERM, SIGCONT});
        op->b = Of({SIG_BLOCK, SIG_BLOCK, SIG_UNBLOCK});
        break;
      case kTimedWait: op->a = Of({-1, 0, 1}); break;
      case kSetPgid:
        op->a = Of({1, 4, 4});
        op->b = Of({0, 100, 101});
        break;
      case kPoll:
        op->a = Of({1, 2});
        op->b = Of({-1, 0, 1});
        break;
      case kSleep: op->a = Of({1, 2}); break;
      case kExit: op->a = 10 + Below(2); break;
      case kLock: op->a = Of({F_WRLCK, F_RDLCK, F_UNLCK}); break;
      case kOpen:
        op->a = Of({O_CREAT | O_EXCL | O_WRONLY, O_RDONLY, O_CREAT | O_TRUNC | O_RDWR});
        break;
      case kDeathSignal: op->a = Of({SIGTERM, SIGUSR1}); break;
      case kPidFd:
        op->a = Of({0, 1, 2});
        op->b = Of({-1, 0, 1});
        break;
      case kDup: op->a = Of({kReadEnd, kWriteEnd, kFile}); break;
      case kDup2:
        op->a = Of({kReadEnd, kWriteEnd, kFile});
        op->b = Of({kReadEnd, kWriteEnd, 8});
        break;
      default: FillSettings(op);
    }
  }
  void FillSettings(Operation* op) {
    switch (op->code) {
      case kSetUid: op->a = Of({33, 34}); break;
      case kPriority:
        op->a = Of({0, 1, 4});
        op->b = Of({PRIO_PROCESS, PRIO_PROCESS, PRIO_PGRP});
        break;
      case kCloseRange: op->a = Of({3, 4}); break;
      case kLimit:
        op->a = Of({RLIMIT_NPROC, RLIMIT_NOFILE, RLIMIT_FSIZE});
        op->b = Of({1, 3, 6});
        break;
      default: break;
    }
  }
  std::mt19937 random_;
};

struct World {
  bool append = true;
  bool nonblock = false;
  bool subreaper = false;
};

Scenario ScenarioOf(const Program& program, const World& world) {
  Scenario scenario;
  scenario.name = "random";
  scenario.world.users.push_back({"www", 33, 33, "/"});
  scenario.world.subreaper = world.subreaper;
  scenario.world.files.push_back({"/tmp/file", "0123", 0666});
  scenario.world.descriptors.push_back(
      {kFile, "/tmp/file", O_RDWR | (world.append ? O_APPEND : 0)});
  scenario.world.programs.push_back({"/bin/program", [](Os& os, const std::vector<std::string>&) {
                                       os.Umask(1);
                                       os.Write(kWriteEnd, "p", 1).IgnoreError();
                                       return 7;
                                     }});
  scenario.body = [program, world](Os& os) {
    the_os = &os;
    os.Pipe2(world.nonblock ? O_NONBLOCK : 0).IgnoreError();
    Actor(&os).Run(program);
    return 5;
  };
  scenario.checkers.clear();
  return scenario;
}

}  // namespace

RandomBody MakeRandomBody(int seed) {
  Generator generator(static_cast<unsigned>(seed));
  int processes = 1 + generator.Below(2);
  const int before = generator.Below(2);
  Program program = generator.Make(before, 0, &processes);
  if (processes > 0) program.push_back(generator.ForkOf(1 + generator.Below(4), 0, &processes));
  for (const Operation& each : generator.Make(1 + generator.Below(4), 0, &processes)) {
    program.push_back(each);
  }
  World world;
  world.append = generator.Below(2) == 0;
  world.nonblock = generator.Below(3) == 0;
  world.subreaper = generator.Below(3) == 0;
  return {Text(program) + (world.subreaper ? ", a subreaper" : ""), ScenarioOf(program, world)};
}

// What a run came to, in words: of each process its calls and what it saw.
std::string DescribeRun(const Execution& run) {
  std::vector<std::string> lines(run.processes().size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const ExecutedProcess& process = run.processes()[i];
    lines[i] = process.path.ToString() + " status " + std::to_string(process.wait_status) +
               " end " + std::to_string(static_cast<int>(process.end)) + " zombies " +
               std::to_string(process.zombies) + ":";
  }
  for (const ExecutedCall& call : run.calls()) {
    lines[static_cast<size_t>(call.process)] +=
        std::string(" ") + GetOsCallInfo(call.call).name + "=" +
        std::to_string(call.error != 0 ? -call.error : call.value) + (call.injected ? "!" : "");
  }
  std::vector<std::string> notes(run.processes().size());
  for (const ExecutedNote& note : run.notes()) {
    notes[static_cast<size_t>(note.process)] += " " + std::to_string(note.value);
  }
  std::set<std::string> all;
  for (size_t i = 0; i < lines.size(); ++i) all.insert(lines[i] + " |" + notes[i]);
  std::string text = "end " + std::to_string(static_cast<int>(run.end())) + "\n";
  for (const std::string& line : all) text += "    " + line + "\n";
  return text + "    file " + run.FileContents("/tmp/file").value_or("-") + " x " +
         run.FileContents("/tmp/x").value_or("-");
}

ExploreOptions RandomBodyOptions(const RandomBounds& bounds, int64_t max_runs) {
  ExploreOptions options;
  options.max_faults = bounds.faults;
  options.sticky_faults = false;
  options.max_signals = bounds.signals;
  if (bounds.signals > 0) options.signals = {SIGTERM, SIGUSR1};
  options.max_kills = bounds.kills;
  options.max_runs = max_runs;
  options.max_calls = 400;
  options.progress = false;
  options.reports = false;
  return options;
}

int FromEnvironment(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

}  // namespace cleanfork
