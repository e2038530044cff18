#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <random>

#include "tests/conformance/programs/program.h"

namespace cleanfork::programs {
namespace {

bool IsPrivileged(Call call) { return call == Call::kChRoot || call >= Call::kSetUid; }

class Generator {
 public:
  Generator(uint64_t seed, bool privileged) : random_(seed), privileged_(privileged) {
    for (const CallInfo& info : Calls()) {
      const auto call = static_cast<Call>(&info - Calls().data());
      total_ += IsPrivileged(call) && !privileged ? 0 : info.weight;
    }
  }

  Program Make(int steps) {
    Program program;
    // A beginning with which there is something to wait for.
    program.push_back(StepOf(0, Call::kPipe));
    program.push_back(StepOf(0, Call::kSigAction));
    for (int i = Pick(3); i >= 0; --i) program.push_back(StepOf(Pick(processes_), Call::kFork));
    while (program.size() < static_cast<size_t>(steps)) program.push_back(Any());
    return program;
  }

 private:
  int Pick(int count) { return static_cast<int>(random_() % static_cast<uint64_t>(count)); }
  bool Once(int in) { return Pick(in) == 0; }

  // Who acts changes seldom: what a process does then belongs together.
  Step Any() {
    if (Once(3)) actor_ = Pick(processes_);
    for (;;) {
      const Call call = Draw();
      if (call == Call::kExit && actor_ == 0) continue;
      if ((call == Call::kFork || call == Call::kSpawn) && processes_ == kMostProcesses) continue;
      return StepOf(actor_, call);
    }
  }

  Call Draw() {
    int at = Pick(total_);
    for (const CallInfo& info : Calls()) {
      const auto call = static_cast<Call>(&info - Calls().data());
      if (IsPrivileged(call) && !privileged_) continue;
      at -= info.weight;
      if (at < 0) return call;
    }
    return Call::kIds;
  }

  Step StepOf(int process, Call call) {
    Step step;
    step.process = process;
    step.call = call;
    const CallInfo& info = InfoOf(call);
    for (size_t i = 0; i < info.kinds.size(); ++i) step.arguments[i] = Draw(info.kinds[i]);
    if (call == Call::kSigAction && step.arguments[0] == 0) step.arguments[0] = SIGUSR1;
    // Not every root may raise a hard limit again.
    if (call == Call::kSetRLimit) step.arguments[2] = 256;
    return step;
  }

  int AnyWord(Kind kind) {
    const std::vector<Word>& words = InfoOf(kind).words;
    return words[static_cast<size_t>(Pick(static_cast<int>(words.size())))].value;
  }

  int SomeBits(Kind kind, int most) {
    int bits = 0;
    for (int i = Pick(most + 1); i > 0; --i) bits |= AnyWord(kind);
    return bits;
  }

  int Draw(Kind kind) {
    constexpr int kSizes[] = {0, 1, 3, 100, 500, 4095, 4096, 4097, 9000, 65536, 70000};
    constexpr int kModes[] = {0, 022, 027, 077, 0111, 0600, 0644, 0666, 0777};
    constexpr int kLimits[] = {0, 5, 8, 10, 12, 16, 1024};
    switch (kind) {
      case Kind::kFd: return Once(4) ? Pick(17) - 1 : Pick(8);
      case Kind::kSize: return kSizes[Once(3) ? Pick(11) : Pick(4)];
      case Kind::kOffset: return Pick(4) * 1000 - 1000;
      case Kind::kTarget: return Target();
      case Kind::kNew: return processes_++;
      case Kind::kProcess: return Pick(processes_);
      case Kind::kSignal: return Once(3) ? AnyWord(kind) : SIGUSR1 + 2 * Pick(2);
      case Kind::kSignals: return SomeBits(kind, 3);
      case Kind::kDisposition: return Once(4) ? Pick(2) : 2 + Pick(2);
      case Kind::kActionFlags: return SomeBits(kind, 2);
      case Kind::kWaitOptions: return SomeBits(kind, 2) & (Once(30) ? ~0 : 0xf);
      case Kind::kIdOptions: return SomeBits(kind, 2) | (Once(20) ? 0 : WEXITED);
      case Kind::kOpenFlags:
        return Pick(3) | (Once(2) ? O_CREAT : 0) | (SomeBits(kind, 2) & ~O_ACCMODE);
      case Kind::kMode: return kModes[Pick(9)];
      case Kind::kPipeFlags: return Once(2) ? 0 : SomeBits(kind, 2);
      case Kind::kRangeFlags: return Once(2) ? 0 : SomeBits(kind, 1);
      case Kind::kEvents: return SomeBits(kind, 2);
      case Kind::kLimit: return kLimits[Pick(7)];
      case Kind::kUser: return Pick(4) - 1;
      case Kind::kStatus: return Pick(4);
      default: return AnyWord(kind);
    }
  }

  int Target() {
    const int chance = Pick(10);
    if (chance == 0) return kOwnGroup;
    if (chance == 1) return kAny;
    const int process = Pick(processes_);
    return chance == 2 ? kGroupOf + process : process;
  }

  std::mt19937_64 random_;
  const bool privileged_;
  int total_ = 0;
  int processes_ = 1;
  int actor_ = 0;
};

}  // namespace

Program Generate(uint64_t seed, int steps, bool privileged) {
  return Generator(seed, privileged).Make(steps);
}

}  // namespace cleanfork::programs
