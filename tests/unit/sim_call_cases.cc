#include "tests/unit/sim_call_cases.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstring>
#include <ctime>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cleanfork/os_types.h"
#include "cleanfork/sys_result.h"
#include "mocks/sim/blocking.h"
#include "mocks/sim/call_tag.h"
#include "mocks/sim/footprints.h"
#include "mocks/sim/processes.h"
#include "tests/unit/sim_kernel_cases.h"

namespace cleanfork::sim {
namespace {

// What calls fill in, and read.
char scratch[8192];
char bytes[70'000];
gid_t some_groups[] = {7, 5};
struct pollfd polled[] = {{kEmptyRead, POLLIN, 0}, {kPidFd, POLLIN, 0}};
struct pollfd polled_full[] = {{kFullWrite, POLLOUT, 0}};
struct pollfd polled_held[] = {{kFullRead, POLLIN, 0}};
struct pollfd polled_many[31];
struct pollfd polled_file[] = {{kShared, POLLIN | POLLOUT, 0}, {-1, POLLIN, 0}};
const SignalSet no_signals;
const SignalSet all_signals = SignalSet::Full();
const SignalSet sigterm = SignalSet::Of(SIGTERM);
SignalAction handler;
SignalAction ignore;
UnixAddress notify_address;
UnixAddress full_address;
UnixAddress path_address;

UnixAddress Address(const std::string& text) {
  UnixAddress address;
  address.size = text.copy(address.bytes, sizeof(address.bytes));
  if (address.bytes[0] == '@') address.bytes[0] = '\0';
  return address;
}

// Results as text --------------------------------------------------------------------------------

std::string Text(int64_t number) { return std::to_string(number); }
std::string Text(const WaitResult& r) { return Text(r.pid) + " " + Text(r.status); }
std::string Text(const ReceivedMessage& r) {
  return Text(r.pid) + " " + Text(static_cast<int64_t>(r.size));
}
std::string Text(const WaitIdResult& r) {
  return Text(r.pid) + " " + Text(r.code) + " " + Text(r.status);
}
std::string Text(const SignalSet& set) { return Text(static_cast<int64_t>(set.bits())); }
std::string Text(const SignalAction& a) {
  return Text(static_cast<int64_t>(a.handler == SIG_IGN)) + Text(a.flags) + Text(a.mask);
}
std::string Text(const SignalInfo& i) { return Text(i.signal) + " " + Text(i.pid); }
std::string Text(const PipeEnds& ends) { return Text(ends.read_end) + " " + Text(ends.write_end); }
std::string Text(const ResUid& r) {
  return Text(r.real) + " " + Text(r.effective) + " " + Text(r.saved);
}
std::string Text(const ResGid& r) {
  return Text(r.real) + " " + Text(r.effective) + " " + Text(r.saved);
}
std::string Text(const CapabilitySets& s) { return Text(static_cast<int64_t>(s.effective)); }
std::string Text(const ResourceLimit& l) { return Text(static_cast<int64_t>(l.soft)); }
std::string Text(const FileStatus& s) {
  return Text(static_cast<int64_t>(s.inode)) + " " + Text(s.mode) + " " +
         Text(static_cast<int64_t>(s.links)) + " " + Text(s.size) + " " + Text(s.modified);
}
std::string Text(const UserRecord& user) { return user.name; }
std::string Text(const GroupRecord& group) { return group.name; }
std::string Text(const SysResult<void>& r) { return r.ok() ? "ok" : "error " + Text(r.error()); }
template <typename T>
std::string Text(const SysResult<T>& r) {
  return r.ok() ? Text(r.value()) : "error " + Text(r.error());
}

// Runs nobody: who would have to wait leaves. ----------------------------------------------------

struct Waits {};

class NobodyElse : public Runner {
 public:
  NobodyElse(const Kernel& kernel, int slot) : kernel_(kernel), slot_(slot) {}

  int current() const override { return slot_; }
  Wake Wait(const Waiting& waiting) override {
    if (waiting.ready()) return Wake::kReady;
    if (HasSignal(kernel_.processes[slot_])) return Wake::kSignal;
    if (kernel_.monotonic >= waiting.deadline) return Wake::kTimeout;
    throw Waits();
  }
  int OrdinalOf(const SignalAction& action) override {
    return action.handler == SIG_DFL ? kDefaultAction : action.handler == SIG_IGN ? 1 : 2;
  }
  SignalAction ActionOf(int ordinal) const override {
    return ordinal == 0 ? SignalAction() : ordinal == 1 ? ignore : handler;
  }

 private:
  const Kernel& kernel_;
  const int slot_;
};

void ForgetFilledIn() {
  std::memset(scratch, 0, sizeof(scratch));
  for (struct pollfd& entry : polled) entry.revents = 0;
  for (struct pollfd& entry : polled_full) entry.revents = 0;
  for (struct pollfd& entry : polled_held) entry.revents = 0;
}

std::string FilledIn() {
  std::string text;
  for (const struct pollfd& entry : polled) text += " " + Text(entry.revents);
  for (const struct pollfd& entry : polled_full) text += " " + Text(entry.revents);
  for (const struct pollfd& entry : polled_held) text += " " + Text(entry.revents);
  return text + " " + std::string(scratch, sizeof(scratch));
}

template <typename Make>
std::string Made(Kernel* kernel, int slot, bool fills_in, const Make& make) {
  if (fills_in) ForgetFilledIn();
  NobodyElse runner(*kernel, slot);
  Calls calls(kernel, &UsersOfCases(), &runner);
  try {
    const std::string result = make(calls);
    return fills_in ? result + FilledIn() : result;
  } catch (const Waits&) {
    return "waits";
  }
}

// The catalogue ----------------------------------------------------------------------------------

template <typename T>
struct Same {
  using Type = T;
};

template <OsCall kCall, typename Made, typename... P>
CallCase WithoutKernel(const std::string& text, Made made, P... p) {
  CallCase result;
  result.text = text;
  result.call = kCall;
  result.make = made;
  result.footprint = [=](const Kernel& kernel, int slot) {
    return FootprintOf(Tag<kCall>(), kernel, slot, p...);
  };
  if constexpr (ChangesMeanwhile(kCall)) {
    result.footprint_now = [=](const Kernel& kernel, int slot) {
      return FootprintOf(Tag<kCall>(), kernel, slot, p..., When::kNow);
    };
  }
  result.would_block = [=](const Kernel& kernel, int slot) {
    return WouldBlock(Tag<kCall>(), kernel, slot, p...);
  };
  result.faults = [=](const Kernel& kernel, int slot, FaultList* faults) {
    AddFaults(Tag<kCall>(), kernel, slot, faults, p...);
  };
  return result;
}

// By its own parameters, as Os has them.
template <OsCall kCall, typename Result, typename... P>
CallCase Case(const std::string& text, Result (Calls::*method)(P...), typename Same<P>::Type... p) {
  const auto made = [=](Kernel* kernel, int slot) {
    constexpr bool kFillsIn =
        ((std::is_pointer<P>::value && !std::is_const<std::remove_pointer_t<P>>::value) || ...);
    return Made(kernel, slot, kFillsIn, [&](Calls& calls) { return Text((calls.*method)(p...)); });
  };
  return WithoutKernel<kCall>(text, made, p...);
}

#define CALL(Method) Case<OsCall::k##Method>(#Method, &Calls::Method)
#define CASE(Method, ...) \
  Case<OsCall::k##Method>(#Method "(" #__VA_ARGS__ ")", &Calls::Method, __VA_ARGS__)

int NoFunction(void*) { return 0; }

std::string MakeFork(Kernel* kernel, int slot, bool vfork) {
  const SysResult<int> child = ForkProcess(kernel, slot);
  if (!child.ok()) return Text(child);
  if (vfork) {
    kernel->processes[child.value()].vfork_parent = slot;
    kernel->processes[child.value()].clone_child = 1;
  }
  return Text(kernel->processes[child.value()].pid);
}

void AddProcesses(std::vector<CallCase>* cases) {
  const auto fork = [](Kernel* kernel, int slot) { return MakeFork(kernel, slot, false); };
  const auto vfork = [](Kernel* kernel, int slot) { return MakeFork(kernel, slot, true); };
  cases->push_back(WithoutKernel<OsCall::kFork>("Fork", fork));
  int (*const function)(void*) = &NoFunction;
  void* const argument = nullptr;
  cases->push_back(WithoutKernel<OsCall::kVforkCall>("VforkCall", vfork, function, argument, 0));
  const std::function<std::string(Kernel*, int)> none;
  const char* const tool = "/bin/tool";
  const char* const missing = "/bin/missing";
  char* const* const words = nullptr;
  cases->push_back(WithoutKernel<OsCall::kExecVe>("ExecVe", none, tool, words, words));
  cases->push_back(WithoutKernel<OsCall::kExecVe>("ExecVe(missing)", none, missing, words, words));
  for (CallCase& each : std::vector<CallCase>{
           CASE(WaitPid, -1, 0),
           CASE(WaitPid, -1, WNOHANG),
           CASE(WaitPid, 0, WNOHANG),
           CASE(WaitPid, 101, 0),
           CASE(WaitPid, 101, WNOHANG),
           CASE(WaitPid, 104, 0),
           CASE(WaitPid, -101, WNOHANG | WUNTRACED | WCONTINUED),
           CASE(WaitPid, 999, 0),
           CASE(WaitId, P_ALL, 0, WEXITED | WNOWAIT),
           CASE(WaitId, P_ALL, 0, WSTOPPED | WNOHANG),
           CASE(WaitId, P_PID, 104, WEXITED),
           CASE(WaitId, P_PID, 104, WEXITED | WNOWAIT),
           CASE(WaitId, static_cast<idtype_t>(3), kPidFd, WEXITED),
           CALL(GetPid),
           CALL(GetPpid),
           CASE(Kill, 100, SIGUSR1),
           CASE(Kill, 101, SIGTERM),
           CASE(Kill, 102, SIGKILL),
           CASE(Kill, 103, SIGCONT),
           CASE(Kill, 103, SIGSTOP),
           CASE(Kill, 104, 0),
           CASE(Kill, 105, SIGTERM),
           CASE(Kill, 105, 0),
           CASE(Kill, 0, SIGHUP),
           CASE(Kill, -101, SIGHUP),
           CASE(Kill, -101, 0),
           CASE(PidFdOpen, 101, 0),
           CASE(PidFdOpen, 102, 0),
           CASE(PidFdOpen, 105, 0),
           CASE(PidFdSendSignal, kPidFd, SIGUSR2),
           CASE(PrctlSetPdeathsig, SIGHUP),
           CALL(PrctlSetNoNewPrivs),
           CALL(SetSid),
           CASE(SetPgid, 0, 0),
           CASE(SetPgid, 0, 101),
           CASE(SetPgid, 102, 0),
           CASE(SetPgid, 105, 0),
           CASE(SetPriority, PRIO_PROCESS, 0, 5),
           CASE(SetPriority, PRIO_PROCESS, 102, 5),
           CASE(SetPriority, PRIO_USER, 33, 5),
           CASE(SchedGetScheduler, 0),
           CASE(SchedGetScheduler, 103),
           CASE(SchedGetScheduler, 105),
       }) {
    cases->push_back(std::move(each));
  }
}

void AddSignalsAndIds(std::vector<CallCase>* cases) {
  for (CallCase& each : std::vector<CallCase>{
           CASE(SigProcMask, SIG_SETMASK, &no_signals),
           CASE(SigProcMask, SIG_SETMASK, &all_signals),
           CASE(SigProcMask, SIG_BLOCK, nullptr),
           CASE(SigAction, SIGCHLD, &handler),
           CASE(SigAction, SIGCHLD, &ignore),
           CASE(SigAction, SIGTERM, nullptr),
           CASE(SigTimedWait, sigterm, 0),
           CASE(SigTimedWait, sigterm, -1),
           CALL(GetUid),
           CALL(GetEuid),
           CALL(GetGid),
           CALL(GetEgid),
           CALL(GetResUid),
           CALL(GetResGid),
           CASE(GetGroups, reinterpret_cast<gid_t*>(scratch), 64),
           CASE(SetGroups, some_groups, 2),
           CASE(SetUid, 33),
           CASE(SetUid, 34),
           CASE(SetUid, 0),
           CASE(SetGid, 33),
           CASE(SetEuid, 34),
           CASE(SetEgid, 34),
           CASE(SetReUid, 34, 33),
           CASE(SetReGid, 34, 33),
           CASE(SetResUid, 33, 33, 33),
           CASE(SetResGid, 33, 33, 33),
           CASE(SetFsUid, 33),
           CASE(SetFsGid, 33),
           CALL(CapGet),
       }) {
    cases->push_back(std::move(each));
  }
}

void AddTransfers(std::vector<CallCase>* cases) {
  for (CallCase& each : std::vector<CallCase>{
           CASE(Open, "/dev/null", O_RDWR, 0),
           CASE(Open, "/data", O_RDONLY | O_CLOEXEC, 0),
           CASE(Open, "/data", O_WRONLY | O_TRUNC, 0),
           CASE(Open, "/new", O_RDWR | O_CREAT | O_EXCL, 0644),
           CASE(Open, "/missing", O_RDONLY, 0),
           CASE(Open, "/tmp", O_RDONLY | O_DIRECTORY, 0),
           CASE(Open, "/proc/self/status", O_RDONLY, 0),
           CASE(Open, "/proc/101/stat", O_RDONLY, 0),
           CASE(Open, "/proc/105/stat", O_RDONLY, 0),
           CASE(Open, "/proc/103/fdinfo/3", O_RDONLY, 0),
           CASE(Open, "/proc/loadavg", O_RDONLY, 0),
           CASE(Close, kNull),
           CASE(Close, kShared),
           CASE(Close, kOwn),
           CASE(Close, kLocked),
           CASE(Close, kEmptyRead),
           CASE(Close, kEmptyWrite),
           CASE(Close, kFullRead),
           CASE(Close, 99),
           CASE(Read, kEmptyRead, scratch, 100),
           CASE(Read, kFullRead, scratch, 10),
           CASE(Read, kFullRead, scratch, 20),
           CASE(Read, kFullRead, scratch, 5000),
           CASE(Read, kFullRead, scratch, 8000),
           CASE(Read, kNonblockRead, scratch, 5),
           CASE(Read, kShared, scratch, 3),
           CASE(Read, kOwn, scratch, 3),
           CASE(Read, kNull, scratch, 3),
           CASE(Read, kSocket, scratch, 3),
           CASE(Read, kOwnStatus, scratch, 4000),
           CASE(Read, kOwnInfo, scratch, 4000),
           CASE(Read, kOtherStat, scratch, 4000),
           CASE(Read, kLoad, scratch, 4000),
           CASE(Write, kEmptyWrite, bytes, 5),
           CASE(Write, kEmptyWrite, bytes, 65'000),
           CASE(Write, kFullWrite, bytes, 1),
           CASE(Write, kFullWrite, bytes, 9000),
           CASE(Write, kNonblockWrite, bytes, 5000),
           CASE(Write, kShared, bytes, 3),
           CASE(Write, kOwn, bytes, 5000),
           CASE(Write, kNull, bytes, 3),
       }) {
    cases->push_back(std::move(each));
  }
}

void AddDescriptors(std::vector<CallCase>* cases) {
  for (CallCase& each : std::vector<CallCase>{
           CASE(PRead, kShared, scratch, 3, 1),
           CASE(PWrite, kShared, bytes, 3, 1),
           CALL(Pipe),
           CASE(Pipe2, O_CLOEXEC),
           CASE(Dup, kShared),
           CASE(Dup2, kNull, kEmptyWrite),
           CASE(Dup2, kNull, kNull),
           CASE(CloseRange, kFullRead, kNonblockWrite, 0),
           CASE(CloseRange, 3, ~0U, 4),
           CASE(CloseRange, kSocket, kSocket, 2),
           CASE(FcntlGetFd, kShared),
           CASE(FcntlSetFd, kShared, FD_CLOEXEC),
           CASE(FcntlDupFd, kShared, 20),
           CASE(FcntlSetLock, kShared, F_RDLCK),
           CASE(FcntlSetLock, kOwn, F_WRLCK),
           CASE(FcntlSetLock, kLocked, F_UNLCK),
           CASE(FcntlGetLock, kOwn, F_WRLCK),
           CASE(FStat, kShared),
           CASE(FStat, kDirectory),
           CASE(FStat, kNull),
           CASE(FTruncate, kOwn, 2),
           CASE(IsATty, kNull),
           CASE(Poll, polled, 2, -1),
           CASE(Poll, polled, 2, 0),
           CASE(Poll, polled_held, 1, 0),
           CASE(Poll, polled_full, 1, 1000),
           CASE(Poll, polled_many, 31, 0),
           CASE(Poll, polled_file, 2, -1),
       }) {
    cases->push_back(std::move(each));
  }
}

void AddSockets(std::vector<CallCase>* cases) {
  for (CallCase& each : std::vector<CallCase>{
           CASE(Socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
           CASE(Bind, kSocket, &notify_address),
           CASE(SetPassCred, kSocket),
           CASE(RecvMsg, kSocket, scratch, 3, MSG_DONTWAIT),
           CASE(SendTo, kSocket, bytes, 3, 0, &notify_address),
           CASE(SendTo, kSocket, bytes, 3, 0, &full_address),
           CASE(SendTo, kSocket, bytes, 3, MSG_DONTWAIT, &full_address),
           CASE(SendTo, kSocket, bytes, 3, 0, &path_address),
       }) {
    cases->push_back(std::move(each));
  }
}

void AddFilesAndTheRest(std::vector<CallCase>* cases) {
  for (CallCase& each : std::vector<CallCase>{
           CASE(Stat, "/data"),
           CASE(Stat, "/tmp"),
           CASE(Stat, "/dev/null"),
           CASE(Stat, "/proc/self/stat"),
           CASE(Unlink, "/data"),
           CASE(Unlink, "/link"),
           CASE(Unlink, "/new"),
           CASE(ChDir, "/tmp"),
           CASE(ChDir, "/missing"),
           CASE(ChRoot, "/tmp"),
           CASE(Umask, 077),
           CASE(ReadLink, "/link", scratch, 100),
           CASE(GetDents, kDirectory, scratch, 4000),
           CASE(ClockGetTime, CLOCK_REALTIME),
           CASE(ClockNanoSleep, CLOCK_MONOTONIC, 0, 1000),
           CASE(ClockNanoSleep, CLOCK_REALTIME, TIMER_ABSTIME, 1),
           CASE(ClockNanoSleep, CLOCK_BOOTTIME, 0, 0),
           CASE(GetRandom, scratch, 16, 0),
           CASE(GetRandom, scratch, 300, GRND_NONBLOCK),
           CASE(GetRLimit, RLIMIT_NOFILE),
           CASE(SetRLimit, RLIMIT_NICE, ResourceLimit{20, 40}),
           CASE(GetPwNam, "www"),
           CASE(GetPwUid, 33),
           CASE(GetGrNam, "nobody-has-it"),
           CASE(GetGroupList, "www", 33, reinterpret_cast<gid_t*>(scratch), 10),
       }) {
    cases->push_back(std::move(each));
  }
}

#undef CALL
#undef CASE

void AddEnds(std::vector<CallCase>* cases) {
  CallCase closing;
  closing.text = "the first step of an end";
  closing.make = [](Kernel* kernel, int slot) {
    kernel->processes[slot].vfork_parent = kNone;
    BeginExit(kernel, slot);
    return std::string();
  };
  closing.footprint = FootprintOfClosingStep;
  closing.holds = false;
  cases->push_back(closing);
  CallCase last;
  last.text = "the last step of an end";
  last.can = [](const Kernel& kernel, int slot) {
    return kernel.processes[slot].state == ProcessState::kExiting;
  };
  last.make = [](Kernel* kernel, int slot) {
    FinishExit(kernel, slot, 3 << 8);
    return std::string();
  };
  last.footprint = FootprintOfLastStep;
  last.holds = false;
  cases->push_back(last);
}

std::vector<CallCase> MakeCallCases() {
  std::memset(bytes, 'b', sizeof(bytes));
  for (struct pollfd& entry : polled_many) entry = {-1, POLLIN, 0};
  handler.handler = [](int) {};
  ignore.handler = SIG_IGN;
  notify_address = Address("@notify");
  full_address = Address("@full");
  path_address = Address("/run/full");
  std::vector<CallCase> cases;
  AddProcesses(&cases);
  AddSignalsAndIds(&cases);
  AddTransfers(&cases);
  AddDescriptors(&cases);
  AddSockets(&cases);
  AddFilesAndTheRest(&cases);
  AddEnds(&cases);
  return cases;
}

}  // namespace

bool CallCase::IsPossible(const Kernel& kernel, int slot) const {
  const Process& process = kernel.processes[slot];
  for (const Process& other : kernel.processes) {
    if (other.state != ProcessState::kFree && other.vfork_parent == slot) return false;
  }
  if (can != nullptr) return can(kernel, slot);
  return process.state == ProcessState::kRunning && process.stopped == 0;
}

Footprint CallCase::WholeFootprint(const Kernel& kernel, int slot, When when) const {
  const bool differs = when == When::kNow && footprint_now;
  Footprint whole = differs ? footprint_now(kernel, slot) : footprint(kernel, slot);
  whole.Add(Footprint::Access::kWrite, ProcessPart::kOwn, slot);
  whole.Add(Footprint::Access::kRead, ProcessPart::kArrivals, slot);
  return whole;
}

const std::vector<CallCase>& CallCases() {
  static const std::vector<CallCase>* const cases = new std::vector<CallCase>(MakeCallCases());
  return *cases;
}

namespace {

template <typename Row, int kSize>
bool AreSameRows(const Table<Row, kSize>& a, const Table<Row, kSize>& b) {
  return a.used == b.used &&
         std::memcmp(a.rows, b.rows, static_cast<size_t>(a.used) * sizeof(Row)) == 0;
}

}  // namespace

// In the order of CopyKernel().
bool AreSameBytes(const Kernel& a, const Kernel& b) {
  const bool same = std::memcmp(&a, &b, offsetof(Kernel, processes)) == 0 &&
                    AreSameRows(a.processes, b.processes) &&
                    AreSameRows(a.descriptions, b.descriptions) && AreSameRows(a.pipes, b.pipes) &&
                    AreSameRows(a.inodes, b.inodes) && AreSameRows(a.names, b.names) &&
                    AreSameRows(a.sockets, b.sockets) && AreSameRows(a.receivers, b.receivers) &&
                    AreSameRows(a.datagrams, b.datagrams) && AreSameRows(a.page_use, b.page_use) &&
                    std::memcmp(a.datagram_bytes, b.datagram_bytes, a.datagram_size) == 0;
  if (!same) return false;
  for (int page = 0; page < a.page_use.used; ++page) {
    if (a.page_use[page] == PageUse::kFree) continue;
    if (std::memcmp(a.pages[page], b.pages[page], kPageSize) != 0) return false;
  }
  return true;
}

std::unique_ptr<Kernel> NewKernel() { return std::make_unique<Kernel>(); }

}  // namespace cleanfork::sim
