#include "cleanfork/fault_os.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <tuple>

#include "mocks/os_methods.h"
#include "mocks/shared_block.h"

namespace cleanfork {
namespace {

static_assert(std::atomic<uint32_t>::is_always_lock_free,
              "a lock would not work between processes");

struct ProcessSlot {
  std::atomic<uint32_t> in_use{0};
  ProcessPath path;
  std::atomic<uint32_t> counts[kOsCallCount];
};

struct Slots {
  std::atomic<uint32_t> taken{0};
  ProcessSlot processes[FaultOs::kMaxProcesses];
};

// Runs the plan through the grammar, which knows every rule of it, and refuses what only the
// simulated kernel can do.
FaultPlan CheckedPlan(const FaultPlan& plan) {
  const std::string line = FaultPlanToString(plan);
  FaultPlanError error;
  std::optional<FaultPlan> parsed = ParseFaultPlan(line, &error);
  if (!parsed.has_value()) {
    std::fprintf(stderr, "FaultOs: not a fault plan:\n%s\n", error.Caret(line).c_str());
    std::abort();
  }
  for (size_t i = 0; i < plan.size(); ++i) {
    const char* reason = nullptr;
    if (plan[i].kind == FaultEntry::Kind::kSwitch) {
      reason = "a switch of process, which only the simulated kernel can make";
    } else if (plan[i].kind == FaultEntry::Kind::kSignal && plan[i].sticky) {
      reason =
          "a signal within a call, which only the simulated kernel can time; without the '+' it "
          "comes just before the call";
    } else if ((*parsed)[i] != plan[i]) {
      reason = "has fields that its kind does not use";
    }
    if (reason == nullptr) continue;
    std::fprintf(stderr, "FaultOs: entry %zu of the plan, %s: %s\n", i + 1,
                 plan[i].ToString().c_str(), reason);
    std::abort();
  }
  return plan;
}

FaultPlan PlanFromLine(const std::string& line) {
  FaultPlanError error;
  std::optional<FaultPlan> plan = ParseFaultPlan(line, &error);
  if (plan.has_value()) return *plan;
  std::fprintf(stderr, "FaultOs: not a fault plan:\n%s\n", error.Caret(line).c_str());
  std::abort();
}

size_t BlockSize(const FaultPlan& plan) {
  return sizeof(Slots) + plan.size() * sizeof(std::atomic<uint32_t>);
}

constexpr bool IsTransfer(OsCall call) {
  return call == OsCall::kRead || call == OsCall::kWrite || call == OsCall::kPRead ||
         call == OsCall::kPWrite;
}

constexpr bool ReturnsDescriptor(OsCall call) {
  return call == OsCall::kOpen || call == OsCall::kDup || call == OsCall::kFcntlDupFd ||
         call == OsCall::kPidFdOpen || call == OsCall::kSocket;
}

// What FaultOs says a lie returns.
template <OsCall kCall, typename Result, typename... Arguments>
Result Lie(Os& wrapped, const Arguments&... arguments) {
  [[maybe_unused]] const std::tuple<Arguments...> all(arguments...);
  static_cast<void>(wrapped);
  if constexpr (kCall == OsCall::kWrite || kCall == OsCall::kPWrite || kCall == OsCall::kSendTo) {
    return std::get<2>(all);
  } else if constexpr (kCall == OsCall::kGetRandom || kCall == OsCall::kDup2) {
    return std::get<1>(all);
  } else if constexpr (kCall == OsCall::kSetSid) {
    return wrapped.GetPid();
  } else if constexpr (ReturnsDescriptor(kCall)) {
    return FaultOs::kLieDescriptor;
  } else if constexpr (kCall == OsCall::kPipe || kCall == OsCall::kPipe2) {
    return PipeEnds{FaultOs::kLieDescriptor, FaultOs::kLieDescriptor};
  } else if constexpr (std::is_same_v<Result, SysResult<void>>) {
    return {};
  } else {
    return typename SysResultValue<Result>::Type{};
  }
}

// The call, for at most `bytes` bytes.
template <OsCall kCall, typename Result, typename... Arguments>
Result CallShort(Os& wrapped, uint64_t bytes, Arguments... arguments) {
  std::tuple<Arguments...> all(arguments...);
  if constexpr (IsTransfer(kCall)) {
    std::get<2>(all) = static_cast<size_t>(std::min<uint64_t>(std::get<2>(all), bytes));
  } else if constexpr (kCall == OsCall::kGetRandom) {
    std::get<1>(all) = static_cast<size_t>(std::min<uint64_t>(std::get<1>(all), bytes));
  }
  return std::apply(
      [&wrapped](auto... same) { return (wrapped.*OsMethod<kCall>::kPointer)(same...); }, all);
}

}  // namespace

struct FaultOs::Shared {
  explicit Shared(const FaultPlan& plan)
      : block(BlockSize(plan)),
        slots(new (block.data()) Slots),
        fired(reinterpret_cast<std::atomic<uint32_t>*>(slots + 1)) {
    for (size_t i = 0; i < plan.size(); ++i) new (&fired[i]) std::atomic<uint32_t>(0);
  }

  SharedBlock block;
  Slots* const slots;
  std::atomic<uint32_t>* const fired;  // one a plan entry: how often
};

struct FaultOs::VforkStart {
  FaultOs* os;
  int (*function)(void*);
  void* argument;
};

FaultOs::FaultOs(Os& wrapped, const FaultPlan& plan)
    : OsWrapper(wrapped), plan_(CheckedPlan(plan)), shared_(std::make_unique<Shared>(plan_)) {
  TakeSlot();
}

FaultOs::FaultOs(Os& wrapped, const std::string& line) : FaultOs(wrapped, PlanFromLine(line)) {}

FaultOs::~FaultOs() = default;

FaultPlan FaultOs::fired() const {
  FaultPlan fired;
  for (size_t i = 0; i < plan_.size(); ++i) {
    if (shared_->fired[i] > 0) fired.push_back(plan_[i]);
  }
  return fired;
}

size_t FaultOs::FaultsFired() const {
  size_t count = 0;
  for (size_t i = 0; i < plan_.size(); ++i) count += shared_->fired[i];
  return count;
}

std::vector<CallSite> FaultOs::CallsMade() const {
  std::vector<CallSite> sites;
  for (const ProcessSlot& slot : shared_->slots->processes) {
    if (slot.in_use.load(std::memory_order_acquire) == 0) continue;
    for (int call = 0; call < kOsCallCount; ++call) {
      const uint32_t count = slot.counts[call];
      if (count > 0) sites.push_back({slot.path, static_cast<OsCall>(call), count});
    }
  }
  std::sort(sites.begin(), sites.end(), [](const CallSite& a, const CallSite& b) {
    return a.process != b.process ? a.process < b.process : a.call < b.call;
  });
  return sites;
}

size_t FaultOs::ProcessesDropped() const {
  return std::max<size_t>(shared_->slots->taken, kMaxProcesses) - kMaxProcesses;
}

void FaultOs::BecomeChild(ProcessPath path) {
  process_ = Process();
  process_.path = path;
  TakeSlot();
}

void FaultOs::TakeSlot() {
  const uint32_t slot = shared_->slots->taken++;
  if (slot >= kMaxProcesses) return;
  process_.slot = static_cast<int>(slot);
  shared_->slots->processes[slot].path = process_.path;
  shared_->slots->processes[slot].in_use.store(1, std::memory_order_release);
}

const FaultEntry* FaultOs::Arrive(OsCall call) {
  const uint32_t index = ++process_.counts[static_cast<int>(call)];
  if (process_.slot >= 0) {
    shared_->slots->processes[process_.slot].counts[static_cast<int>(call)] = index;
  }
  const FaultEntry* fault = nullptr;
  for (size_t i = 0; i < plan_.size(); ++i) {
    const FaultEntry& entry = plan_[i];
    if (entry.call != call || entry.process != process_.path) continue;
    if (entry.sticky ? index < entry.index : index != entry.index) continue;
    if (entry.kind == FaultEntry::Kind::kSignal) {
      ++shared_->fired[i];  // before it: the signal may end this process
      wrapped().Kill(wrapped().GetPid(), entry.signal).IgnoreError();
    } else if (fault == nullptr) {
      ++shared_->fired[i];
      fault = &entry;
    }
  }
  return fault;
}

SysResult<pid_t> FaultOs::InvokeFork(const FaultEntry* fault) {
  if (fault != nullptr) return SysError(fault->error);
  const SysResult<pid_t> pid = wrapped().Fork();
  if (!pid.ok()) return pid;
  const uint32_t ordinal = ++process_.children;
  if (pid.value() == 0) BecomeChild(process_.path.Child(ordinal));
  return pid;
}

int FaultOs::RunVforkStart(void* argument) {
  const VforkStart& start = *static_cast<const VforkStart*>(argument);
  FaultOs& os = *start.os;
  os.BecomeChild(os.process_.path.Child(os.process_.children + 1));
  return start.function(start.argument);
}

SysResult<pid_t> FaultOs::InvokeVforkCall(const FaultEntry* fault, int (*function)(void*),
                                          void* argument, int termination_signal) {
  if (fault != nullptr) return SysError(fault->error);
  VforkStart start = {this, function, argument};
  const Process parent = process_;  // the child runs in this memory
  const SysResult<pid_t> pid = wrapped().VforkCall(&RunVforkStart, &start, termination_signal);
  process_ = parent;
  if (pid.ok()) ++process_.children;
  return pid;
}

template <OsCall kCall, typename Result, typename... Arguments>
Result FaultOs::Invoke(Arguments... arguments) {
  [[maybe_unused]] const FaultEntry* fault = Arrive(kCall);
  if constexpr (kCall == OsCall::kFork) {
    return InvokeFork(fault);
  } else if constexpr (kCall == OsCall::kVforkCall) {
    return InvokeVforkCall(fault, arguments...);
  } else if constexpr (SysResultValue<Result>::kIsSysResult) {
    if (fault != nullptr && fault->kind == FaultEntry::Kind::kErrno) {
      if constexpr (kCall == OsCall::kClose) wrapped().Close(arguments...).IgnoreError();
      return SysError(fault->error);
    }
    if (fault != nullptr && fault->kind == FaultEntry::Kind::kLie) {
      return Lie<kCall, Result>(wrapped(), arguments...);
    }
    if (fault != nullptr && fault->kind == FaultEntry::Kind::kShort) {
      return CallShort<kCall, Result>(wrapped(), fault->bytes, arguments...);
    }
    return (wrapped().*OsMethod<kCall>::kPointer)(arguments...);
  } else {
    return (wrapped().*OsMethod<kCall>::kPointer)(arguments...);
  }
}

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result FaultOs::Method parameters { return Invoke<OsCall::k##Method, Result> arguments; }
#include "cleanfork/os_calls.inc"

void FaultOs::Exit(int status) {
  Arrive(OsCall::kExit);
  wrapped().Exit(status);
  __builtin_unreachable();  // g++ does not see that a virtual function never returns
}

}  // namespace cleanfork
