#include "tests/unit/abandoned_processes.h"

#include <fcntl.h>
#include <signal.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/process_local.h"
#include "cleanfork/unique_fd.h"

namespace cleanfork {
namespace {

enum Way {
  kNotAtAll,
  kExits,
  kIsKilled,
  kIsTerminated,
  kThrows,
  kExecsAProgram,
  kExecsADaemon,
  kWaitsForEver,
  kMakesTooManyCalls,
  kDiffersFromItsParent,
  kWays,
};
constexpr int kMostCalls = 200;
constexpr int kPositions = 16;

// Ends the process that makes it at its call of number `position`.
class EndingOs : public OsWrapper {
 public:
  EndingOs(Os& os, int way, int position) : OsWrapper(os), way_(way), left_(position) {}

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result Method parameters override {                                                \
    Count(OsCallName::k##Method);                                                    \
    return OsWrapper::Method arguments;                                              \
  }
#include "cleanfork/os_calls.inc"

  // Of this process, not of one that it was forked from.
  void Arm() { armed_ = true; }

 private:
  enum class OsCallName {
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) k##Method,
#include "cleanfork/os_calls.inc"
  };

  void Count(OsCallName call) {
    if (!armed_ || left_-- != 0) return;
    // A destructor, which is noexcept, must not throw.
    const bool throws = way_ == kThrows && call != OsCallName::kClose;
    if (throws) throw std::runtime_error(std::string(200, 'x'));
    End(OsWrapper::GetPid());
  }

  void End(pid_t own) {
    const std::vector<int> in_the_middle(50);
    char* const none[] = {nullptr};
    switch (way_) {
      case kIsKilled: OsWrapper::Kill(own, SIGKILL).IgnoreError(); break;
      case kIsTerminated: OsWrapper::Kill(own, SIGTERM).IgnoreError(); break;
      case kExecsAProgram: OsWrapper::ExecVe("/bin/program", none, none).IgnoreError(); break;
      case kExecsADaemon: OsWrapper::ExecVe("/bin/daemon", none, none).IgnoreError(); break;
      case kWaitsForEver: {
        const PipeEnds ends = OsWrapper::Pipe().value();
        char byte = 0;
        OsWrapper::Read(ends.read_end, &byte, 1).IgnoreError();
        break;
      }
      case kMakesTooManyCalls:
        for (;;) OsWrapper::GetPid();
      default: OsWrapper::Exit(3);
    }
  }

  const int way_;
  int left_;
  bool armed_ = false;
};

ProcessLocal<int> depth(0);

// Every frame has something on the heap and a descriptor, which it closes.
void Nest(Os& os, int levels) {  // NOLINT(misc-no-recursion)
  const std::string text(100, static_cast<char>('a' + levels));
  const auto number = std::make_unique<int>(levels);
  const UniqueFd null(os, os.Open("/dev/null", O_RDONLY, 0).value());
  depth.get() += *number;
  if (levels > 0) Nest(os, levels - 1);
}

int RunChild(EndingOs& os) {
  try {
    throw std::runtime_error(std::string(100, 'y'));
  } catch (const std::runtime_error& error) {
    const std::string copy = error.what();
    Nest(os, 3);
    if (os.SetSid().ok() && copy.size() != 100) return 1;
  }
  os.Umask(022);
  return 0;
}

int64_t reached = 0;  // of all processes: only grows

int RunParent(Os& plain, int way, pid_t pid, int position) {
  EndingOs os(plain, way, position);
  const std::vector<std::string> words(10, std::string(50, 'z'));
  if (pid == 100) os.Arm();
  os.SetEnv("WORDS", words.front().c_str()).IgnoreError();
  const PipeEnds ends = os.Pipe().value();
  const UniqueFd read_end(os, ends.read_end);
  // The only variable that its processes share: a child does not do what its parent did.
  if (way == kDiffersFromItsParent) os.Umask(static_cast<mode_t>(reached++ % 8));
  const pid_t child = os.Fork().value();
  if (child == 0) {
    if (pid != 100) os.Arm();
    return RunChild(os);
  }
  Nest(os, 2);
  os.Kill(child, 0).IgnoreError();
  os.WaitPid(child, WNOHANG).IgnoreError();
  os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1000).IgnoreError();
  if (way != kExecsADaemon) os.WaitPid(child, 0).IgnoreError();
  return 0;
}

SimOsOptions Options() {
  SimOsOptions options;
  options.most_calls = kMostCalls;
  options.programs.push_back({"/bin/program", [](Os& os, const std::vector<std::string>&) -> int {
                                const std::string text(100, 'p');
                                os.Exit(0);
                                return 1;
                              }});
  options.programs.push_back({"/bin/daemon", nullptr});
  return options;
}

}  // namespace

AbandonedProcesses::AbandonedProcesses() : sim_(Options()) {}

int64_t AbandonedProcesses::RunAll() {
  int64_t runs = 0;
  for (int way = 0; way < kWays; ++way) {
    for (const pid_t pid : {100, 101}) {
      for (int position = 0; position < kPositions; ++position, ++runs) {
        RunOnce(way, pid, position);
      }
    }
  }
  return runs;
}

void AbandonedProcesses::RunOnce(int way, pid_t pid, int position) {
  const SimRun run = sim_.Run([=](Os& os) { return RunParent(os, way, pid, position); });
  for (const SimProcess& process : sim_.processes()) {
    if (process.state == SimProcess::State::kRunning || process.wait_status != 0) ++abandoned_;
  }
}

}  // namespace cleanfork
