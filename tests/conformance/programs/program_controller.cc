#include "tests/conformance/programs/program_controller.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "tests/conformance/programs/program_process.h"

namespace cleanfork::programs {
namespace {

// What is known of a process: enough to leave out what would be a race.
struct Known {
  pid_t pid = 0;  // 0: not made yet
  char state = 'X';
  bool busy = false;  // in a call that has not come back
  Call call = Call::kIds;
  int making = 0;  // of a fork: what the child is called
  int error = 0;   // of its last call
  pid_t group = 0;
  uint64_t safe = 0;  // bits of the signals that do not end it: handled for good, or ignored
  uint64_t ignored = 0;
  bool no_new_privs = false;
  std::vector<uint64_t> keys;
  std::string heard;  // in this step
  std::string done;

  bool alive() const { return pid != 0 && (state == 'S' || state == 'T'); }
};

constexpr int kMostRounds = 100'000;
constexpr pid_t kNobody = 1 << 30;  // above all that Linux gives out: proc_sys_kernel(5), pid_max

constexpr uint64_t Bit(int signal) { return uint64_t{1} << (signal - 1); }

bool IsHarmless(int signal) { return signal == 0 || signal == SIGCHLD || signal == 65; }

class Controller {
 public:
  Controller(Os& os, Stage* stage) : os_(os), stage_(stage) {}

  Transcript Run(const Program& program, pid_t first) {
    Add(0, first);
    known_[0].group = first;
    Settle("start");
    for (const Step& step : program) {
      if (failed_) break;
      if (!MayRun(step)) continue;
      Command command = CommandOf(step);
      Tell(step.process, command);
      known_[step.process].call = step.call;
      known_[step.process].making = step.arguments[0];
      ++transcript_.calls;
      Settle(Print(step));
      Learn(step);
    }
    for (int i = 0; i < kMostProcesses && !failed_; ++i) Describe(i);
    DescribeFiles();
    EndAll();
    return transcript_;
  }

 private:
  void Add(int index, pid_t pid) {
    Known& known = known_[index];
    known.pid = pid;
    known.state = 'S';
    names_[pid] = "p" + std::to_string(index);
  }

  // "<17>" becomes "p1", or "?" for a process that is none of the program's.
  std::string WithNames(const std::string& text) const {
    std::string result;
    for (size_t at = 0; at < text.size();) {
      if (text[at] != '<') {
        result += text[at++];
        continue;
      }
      const pid_t pid = std::atoi(text.c_str() + at + 1);
      const auto found = names_.find(pid);
      result += pid == 0 ? "0" : found == names_.end() ? "?" : found->second;
      at = text.find('>', at) + 1;
    }
    return result;
  }

  // What may run ----------------------------------------------------------------------------------

  const Known* Stopped() const {
    for (const Known& known : known_) {
      if (known.alive() && known.state == 'T') return &known;
    }
    return nullptr;
  }

  bool Exists(Kind kind, int argument) const {
    if (kind == Kind::kProcess) return known_[argument].pid != 0;
    if (kind != Kind::kTarget || argument >= kOwnGroup) return true;
    return known_[argument % kGroupOf].pid != 0;
  }

  bool IsInRange(Kind kind, int argument) const {
    if (kind == Kind::kProcess || kind == Kind::kNew) {
      return argument >= 0 && argument < kMostProcesses;
    }
    if (kind == Kind::kPath) {
      return argument >= 0 && argument < static_cast<int>(Paths().size());
    }
    if (kind != Kind::kTarget) return true;
    return (argument >= 0 && argument < kMostProcesses) ||
           (argument >= kGroupOf && argument < kGroupOf + kMostProcesses) ||
           argument == kOwnGroup || argument == kAny;
  }

  bool MayRun(const Step& step) const {
    const Known& actor = known_[step.process];
    if (!actor.alive() || actor.busy || actor.state == 'T') return false;
    const CallInfo& info = InfoOf(step.call);
    for (size_t i = 0; i < info.kinds.size(); ++i) {
      const int argument = step.arguments[i];
      if (!IsInRange(info.kinds[i], argument) || !Exists(info.kinds[i], argument)) return false;
      if (info.kinds[i] == Kind::kNew && known_[argument].pid != 0) return false;
    }
    if (step.call == Call::kKill || step.call == Call::kPidFdKill) return MayKill(step);
    // Who kills its parent would be stopped some time after that.
    if (step.call == Call::kPdeathsig && step.arguments[0] == SIGSTOP) return false;
    // Which ids an exec takes back then is not the same before Linux 6.16 and after.
    const bool execs = step.call == Call::kExec || step.call == Call::kSpawn;
    if (execs && actor.no_new_privs) return false;
    const bool may_end = step.call == Call::kExit || step.call == Call::kWrite ||
                         step.call == Call::kSigProcMask || step.call == Call::kVfork;
    return !may_end || Stopped() == nullptr;
  }

  pid_t GroupMeant(const Step& step) const {
    const int target = step.arguments[0];
    if (target == kOwnGroup) return known_[step.process].group;
    return known_[target - kGroupOf].pid;
  }

  bool MayKill(const Step& step) const {
    const int target = step.arguments[0];
    const int signal = step.arguments[1];
    if (target == kAny) return false;  // all processes of the machine
    const Known* const stopped = Stopped();
    if (target < kMostProcesses) {
      if (stopped == nullptr) return true;
      return &known_[target] == stopped ? signal == SIGCONT || signal == SIGKILL
                                        : IsHarmless(signal);
    }
    if (stopped != nullptr) return IsHarmless(signal);
    int members = 0;
    int ends = 0;
    for (const Known& known : known_) {
      if (!known.alive() || known.group != GroupMeant(step)) continue;
      const bool safe = signal < 64 && signal > 0 && (known.safe & Bit(signal)) != 0;
      ++members;
      ends += !IsHarmless(signal) && signal != SIGCONT && !safe;
    }
    return ends == 0 || members == 1;
  }

  // Saying and hearing ----------------------------------------------------------------------------

  pid_t PidMeant(const Step& step, size_t i) const {
    const int argument = step.arguments[i];
    if (InfoOf(step.call).kinds[i] == Kind::kProcess) return known_[argument].pid;
    if (argument == kAny) return -1;
    if (argument == kOwnGroup) return 0;
    if (argument >= kGroupOf) return -known_[argument - kGroupOf].pid;
    return known_[argument].pid;
  }

  // The number of a process that is gone, and of a group without members, may be anybody's by now.
  // All are quiet, so that what was seen last is so still.
  pid_t OrNobody(pid_t pid) const {
    if (pid == 0 || pid == -1) return pid;
    for (const Known& known : known_) {
      if (known.pid == 0 || known.state == 'X') continue;
      if (known.pid == std::abs(pid) || known.group == std::abs(pid)) return pid;
    }
    return pid < 0 ? -kNobody : kNobody;
  }

  Command CommandOf(const Step& step) {
    Command command = {};
    command.call = static_cast<int32_t>(step.call);
    std::copy(std::begin(step.arguments), std::end(step.arguments), command.arguments);
    const CallInfo& info = InfoOf(step.call);
    for (size_t i = 0; i < info.kinds.size(); ++i) {
      if (info.kinds[i] == Kind::kTarget || info.kinds[i] == Kind::kProcess) {
        command.pids[i] = OrNobody(PidMeant(step, i));
      }
    }
    int count = 0;
    for (const Known& known : known_) {
      for (uint64_t key : known.keys) {
        if (count < kMostBusy) command.busy[count++] = key;
      }
    }
    return command;
  }

  void Tell(int index, const Command& command) {
    known_[index].busy = true;
    os_.Write(kCommandsFrom + index, &command, sizeof(command)).IgnoreError();
  }

  Known* Find(pid_t pid) {
    for (Known& known : known_) {
      if (known.pid == pid) return &known;
    }
    return nullptr;
  }

  void Hear(const Report& report) {
    Known* const known = Find(report.pid);
    if (known == nullptr) {
      // The first word of a process that its parent has yet to tell of.
      early_[report.pid] = "= " + std::string(report.text);
      return;
    }
    switch (report.kind) {
      case Report::kHandler: known->heard += std::string(report.text) + " "; break;
      case Report::kWaits:
        known->keys.clear();
        for (uint64_t key : report.keys) {
          if (key != 0) known->keys.push_back(key);
        }
        break;
      case Report::kDone:
        known->done += "= " + std::string(report.text);
        known->busy = false;
        known->keys.clear();
        if (known->call == Call::kExec && report.error == 0) ForgetHandlers(known);
        known->error = report.error;
        if (known->call == Call::kFork || known->call == Call::kSpawn) Adopt(known, report);
        break;
    }
  }

  static void ForgetHandlers(Known* known) { known->safe &= known->ignored; }

  void Adopt(Known* parent, const Report& report) {
    if (report.error != 0 || report.value == 0 || Find(report.value) != nullptr) return;
    const int index = parent->making;
    const bool execs = parent->call == Call::kSpawn;
    known_[index] = Known();
    known_[index].group = parent->group;
    known_[index].safe = parent->safe;
    known_[index].ignored = parent->ignored;
    known_[index].no_new_privs = parent->no_new_privs;
    if (execs) ForgetHandlers(&known_[index]);
    Add(index, report.value);
    parent->call = Call::kIds;
    known_[index].done += early_[report.value];
  }

  // Until all are quiet, and all that they said has been heard; then writes down what that was.
  void Settle(const std::string& what) {
    int rounds = 0;
    for (bool again = true; again; ++rounds) {
      std::vector<pid_t> pids;
      for (const Known& known : known_) {
        if (known.pid != 0 && known.state != 'X') pids.push_back(known.pid);
      }
      const std::string states = stage_->Settle(os_, pids);
      if (states.empty() && !pids.empty()) {
        transcript_.text += what + ": its processes do not come to rest\n";
        failed_ = true;
        return;
      }
      for (size_t i = 0; i < pids.size(); ++i) Find(pids[i])->state = states[i];
      const size_t processes = names_.size();
      Report report;
      for (;;) {
        const SysResult<size_t> got = os_.Read(kReportsFrom, &report, sizeof(report));
        if (!got.ok() || got.value() != sizeof(report)) break;
        Hear(report);
      }
      again = names_.size() > processes || (rounds < kMostRounds && HasUnknownChild());
    }
    WriteDown(what);
  }

  // Somebody waits for the end of a child that nobody has told of.
  bool HasUnknownChild() const {
    for (const Known& known : known_) {
      if (known.alive() && known.busy && known.call == Call::kVfork) return true;
    }
    return false;
  }

  void WriteDown(const std::string& what) {
    std::string line = what + ":";
    for (int i = 0; i < kMostProcesses; ++i) {
      Known& known = known_[i];
      if (known.pid == 0) continue;
      std::string said = known.heard + known.done;
      if (!known.alive() && (known.busy || !said.empty() || !ended_[i])) {
        said = ended_[i] ? "" : "ends";
      }
      if (known.state == 'T' && !stopped_[i]) said += said.empty() ? "stops" : " stops";
      if (!known.alive()) {
        ended_[i] = true;
        known.busy = false;
        known.keys.clear();
      }
      stopped_[i] = known.state == 'T';
      while (!said.empty() && said.back() == ' ') said.pop_back();
      if (!said.empty()) line += " p" + std::to_string(i) + " " + said;
      known.heard.clear();
      known.done.clear();
    }
    transcript_.text += WithNames(line) + "\n";
  }

  // What a call has changed of what MayRun() asks for.
  void Learn(const Step& step) {
    Known& actor = known_[step.process];
    if (actor.busy || actor.error != 0) return;
    if (step.call == Call::kSigAction && step.arguments[0] > 0 && step.arguments[0] < 64) {
      const uint64_t bit = Bit(step.arguments[0]);
      const bool once = (step.arguments[2] & static_cast<int>(SA_RESETHAND)) != 0;
      const bool ignored = step.arguments[1] == 1;
      const bool safe = ignored || (step.arguments[1] != 0 && !once);
      actor.safe = safe ? actor.safe | bit : actor.safe & ~bit;
      actor.ignored = ignored ? actor.ignored | bit : actor.ignored & ~bit;
    } else if (step.call == Call::kNoNewPrivs) {
      actor.no_new_privs = true;
    } else if (step.call == Call::kSetSid) {
      actor.group = actor.pid;
    } else if (step.call == Call::kSetPgid) {
      known_[step.arguments[0]].group = known_[step.arguments[1]].pid;
    }
  }

  // The end ---------------------------------------------------------------------------------------

  void Describe(int index) {
    const Known& known = known_[index];
    if (!known.alive() || known.busy || known.state == 'T') return;
    Command command = {};
    command.call = kDescribeSelf;
    Tell(index, command);
    Settle("p" + std::to_string(index));
  }

  void DescribeFiles() {
    for (const Word& path : Paths()) {
      if (path.text[0] == '@' || path.text[0] == '/') continue;
      const SysResult<FileStatus> status = os_.Stat(path.text);
      if (!status.ok()) continue;
      transcript_.text += std::string(path.text) + ": " + std::to_string(status.value().mode) +
                          " " + std::to_string(status.value().uid);
      if (S_ISREG(status.value().mode)) {
        transcript_.text += " " + std::to_string(status.value().size) + Contents(path.text);
      }
      transcript_.text += "\n";
    }
  }

  std::string Contents(const char* path) {
    const SysResult<int> fd = os_.Open(path, O_RDONLY, 0);
    if (!fd.ok()) return " cannot be read";
    std::vector<char> bytes(70'000);
    const size_t size = os_.Read(fd.value(), bytes.data(), bytes.size()).value_or(0);
    os_.Close(fd.value()).IgnoreError();
    return " " + std::to_string(std::hash<std::string>()(std::string(bytes.data(), size)));
  }

  // Children before their parents, and what is stopped first.
  void EndAll() {
    for (const bool stopped : {true, false}) {
      for (int i = kMostProcesses - 1; i >= 0; --i) {
        Known& known = known_[i];
        if (!known.alive() || (stopped && known.state != 'T')) continue;
        // Where they did not come to rest, it may be gone by now, and its number another's. The one
        // that we have to wait for is ours until then; who runs us ends the rest.
        if (failed_ && i > 0) continue;
        os_.Kill(known.pid, SIGKILL).IgnoreError();
        if (!failed_) Settle("end of p" + std::to_string(i));
      }
    }
    SysResult<WaitResult> ended = SysError(EINTR);
    while (!ended.ok() && ended.error() == EINTR) ended = os_.WaitPid(known_[0].pid, 0);
    transcript_.text += "p0 left with " + std::to_string(ended.value_or(WaitResult()).status);
  }

  Os& os_;
  Stage* const stage_;
  Known known_[kMostProcesses];
  bool ended_[kMostProcesses] = {};
  bool stopped_[kMostProcesses] = {};
  std::map<pid_t, std::string> names_;
  std::map<pid_t, std::string> early_;
  bool failed_ = false;
  Transcript transcript_;
};

// Moves a descriptor out of the way, into children too.
bool MoveAway(Os& os, int from, int to) {
  const SysResult<int> moved = os.FcntlDupFd(from, to);
  if (!moved.ok() || moved.value() != to) return false;
  return os.FcntlSetFd(to, 0).ok() && os.Close(from).ok();
}

// Nothing here may own memory on the heap: the processes of a program come by.
bool SetUp(Os& os) {
  for (int i = 0; i < kMostProcesses; ++i) {
    const SysResult<PipeEnds> ends = os.Pipe();
    if (!ends.ok()) return false;
    if (!MoveAway(os, ends.value().write_end, kCommandsFrom + i)) return false;
    if (!MoveAway(os, ends.value().read_end, kCommands + i)) return false;
  }
  const SysResult<PipeEnds> ends = os.Pipe2(O_NONBLOCK);
  if (!ends.ok()) return false;
  return MoveAway(os, ends.value().write_end, kReports) &&
         MoveAway(os, ends.value().read_end, kReportsFrom) &&
         os.SetRLimit(RLIMIT_NOFILE, {kLimit, 256}).ok() &&
         os.SetRLimit(RLIMIT_MSGQUEUE, {0, 256}).ok();
}

[[noreturn]] void RunFirst(Os& os, const Stage& stage) {
  for (int i = 0; i < kMostProcesses; ++i) os.Close(kCommandsFrom + i).IgnoreError();
  os.Close(kReportsFrom).IgnoreError();
  os.Close(kTranscript).IgnoreError();
  // In a group of their own no signal of theirs finds anybody else.
  if (!os.SetPgid(0, 0).ok()) os.Exit(121);
  RunProcess(os, 0, stage.directory(), stage.executable(), false);
}

}  // namespace

Transcript RunProgram(const Program& program, Os& os, Stage* stage) {
  if (!SetUp(os)) return {"no pipes", 0};
  const SysResult<pid_t> first = os.Fork();
  if (!first.ok()) return {"no fork", 0};
  if (first.value() == 0) RunFirst(os, *stage);
  return Controller(os, stage).Run(program, first.value());
}

}  // namespace cleanfork::programs
