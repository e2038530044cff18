// Dispatch: an Os whose every call goes to an Engine. It is generated from the table of calls;
// which of them Calls models is found out by looking whether Calls has a function of that name.
#ifndef CLEANFORK_MOCKS_SIM_DISPATCH_H_
#define CLEANFORK_MOCKS_SIM_DISPATCH_H_

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/os_call.h"
#include "mocks/sim/arguments.h"
#include "mocks/sim/blocking.h"
#include "mocks/sim/call_tag.h"
#include "mocks/sim/engine.h"
#include "mocks/sim/faults.h"
#include "mocks/sim/footprints.h"
#include "mocks/sim/refuse.h"
#include "mocks/sim/state_hash.h"

namespace cleanfork::sim {

// What models a call: the function of its name that Calls has, or Environment.
template <OsCall kCall>
struct Model;

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos)          \
  template <>                                                                                 \
  struct Model<OsCall::k##Method> {                                                           \
    template <typename C, typename... A>                                                      \
    static std::true_type Test(decltype(std::declval<C&>().Method(std::declval<A>()...), 0)); \
    template <typename C, typename... A>                                                      \
    static std::false_type Test(...);                                                         \
    template <typename C, typename... A>                                                      \
    static constexpr bool kIsIn = decltype(Test<C, A...>(0))::value;                          \
    template <typename C, typename... A>                                                      \
    static Result Make(C& calls, A... a) {                                                    \
      if constexpr (kIsIn<C, A...>) {                                                         \
        return calls.Method(a...);                                                            \
      } else {                                                                                \
        Refuse("this call");                                                                  \
      }                                                                                       \
    }                                                                                         \
  };
#include "cleanfork/os_calls.inc"

// Calls that are the engine's.
constexpr bool IsEnginesOwn(OsCall call) {
  return call == OsCall::kFork || call == OsCall::kVforkCall || call == OsCall::kExecVe;
}

// Whether a member function's call is modelled: by its own parameters, none of them left out.
template <OsCall kCall, typename Result, typename... A>
constexpr bool IsModelled(Result (Os::*)(A...)) {
  return IsEnginesOwn(kCall) || Model<kCall>::template kIsIn<Calls, A...> ||
         Model<kCall>::template kIsIn<Environment, A...>;
}

inline std::vector<std::string> UnmodelledCalls() {
  std::vector<std::string> names;
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  if (!IsModelled<OsCall::k##Method>(&Os::Method)) names.push_back(#name);
#include "cleanfork/os_calls.inc"
  return names;
}

// Memory that a call fills in, for the log.
struct Filled {
  void* bytes = nullptr;
  size_t size = 0;
};

// A call that is not named here fills in nothing, which kFillsNothing checks.
struct NothingFilled {};
template <OsCall kCall, typename Result, typename... A>
NothingFilled FilledBy(Tag<kCall>, const Result&, A...) {
  return {};
}
inline Filled FilledBy(Tag<OsCall::kRead>, const SysResult<size_t>& got, int, void* to, size_t) {
  return {to, got.value_or(0)};
}
inline Filled FilledBy(Tag<OsCall::kPRead>, const SysResult<size_t>& got, int, void* to, size_t,
                       int64_t) {
  return {to, got.value_or(0)};
}
inline Filled FilledBy(Tag<OsCall::kGetGroups>, const SysResult<size_t>& got, gid_t* to,
                       size_t size) {
  return {to, size == 0 ? 0 : got.value_or(0) * sizeof(*to)};
}
inline Filled FilledBy(Tag<OsCall::kRecvMsg>, const SysResult<ReceivedMessage>& got, int, void* to,
                       size_t, int) {
  return {to, got.value_or(ReceivedMessage()).size};
}
inline Filled FilledBy(Tag<OsCall::kPoll>, const SysResult<size_t>&, struct pollfd* to,
                       size_t count, int64_t) {
  return {to, to == nullptr ? 0 : count * sizeof(*to)};
}
inline Filled FilledBy(Tag<OsCall::kReadLink>, const SysResult<size_t>& got, const char*, char* to,
                       size_t) {
  return {to, got.value_or(0)};
}
inline Filled FilledBy(Tag<OsCall::kGetDents>, const SysResult<size_t>& got, int, void* to,
                       size_t) {
  return {to, got.value_or(0)};
}
inline Filled FilledBy(Tag<OsCall::kGetRandom>, const SysResult<size_t>& got, void* to, size_t,
                       unsigned) {
  return {to, got.value_or(0)};
}
inline Filled FilledBy(Tag<OsCall::kGetGroupList>, const SysResult<size_t>& got, const char*, gid_t,
                       gid_t* to, size_t) {
  return {to, got.value_or(0) * sizeof(*to)};
}

template <typename T>
constexpr bool kMayBeFilled =
    std::is_pointer<T>::value && !std::is_function<std::remove_pointer_t<T>>::value &&
    !std::is_const<std::remove_pointer_t<T>>::value;

// The arguments, as values; what is read out of a buffer is one of them.
template <OsCall kCall, typename... A>
void AddArguments(Tag<kCall>, ArgumentWriter* writer, A... a) {
  (writer->Add(a), ...);
}
inline void AddArguments(Tag<OsCall::kWrite>, ArgumentWriter* writer, int fd, const void* bytes,
                         size_t size) {
  writer->Add(fd);
  writer->AddBytes(bytes, size);
}
inline void AddArguments(Tag<OsCall::kPWrite>, ArgumentWriter* writer, int fd, const void* bytes,
                         size_t size, int64_t offset) {
  writer->Add(fd);
  writer->AddBytes(bytes, size);
  writer->Add(offset);
}
inline void AddArguments(Tag<OsCall::kSetGroups>, ArgumentWriter* writer, const gid_t* groups,
                         size_t size) {
  constexpr size_t kMost = 65536;  // NGROUPS_MAX of Linux, which does not look at more
  if (size > kMost || groups == nullptr) return writer->Add(size);
  for (size_t i = 0; i < size; ++i) writer->Add(groups[i]);
}
inline void AddArguments(Tag<OsCall::kSendTo>, ArgumentWriter* writer, int fd, const void* bytes,
                         size_t size, int flags, const UnixAddress* address) {
  writer->Add(fd);
  writer->AddBytes(bytes, size);
  writer->Add(flags);
  writer->Add(address);
}
inline void AddArguments(Tag<OsCall::kPoll>, ArgumentWriter* writer, struct pollfd* descriptors,
                         size_t count, int64_t nanoseconds) {
  writer->AddPolled(descriptors, count);
  writer->Add(nanoseconds);
}

// The name of an argument that is null where it must not be, though no kernel would say EFAULT: it
// is the C library that looks there, or this library itself. Null for none.
template <OsCall kCall, typename... A>
const char* NullArgument(Tag<kCall>, A...) {
  return nullptr;
}
inline const char* NullArgument(Tag<OsCall::kVforkCall>, int (*function)(void*), void*, int) {
  return function == nullptr ? "function" : nullptr;
}
inline const char* NullArgument(Tag<OsCall::kSendTo>, int, const void*, size_t, int,
                                const UnixAddress* address) {
  return address == nullptr ? "address" : nullptr;
}
inline const char* NullArgument(Tag<OsCall::kBind>, int, const UnixAddress* address) {
  return address == nullptr ? "address" : nullptr;
}
inline const char* NullArgument(Tag<OsCall::kGetPwNam>, const char* name) {
  return name == nullptr ? "name" : nullptr;
}
inline const char* NullArgument(Tag<OsCall::kGetGrNam>, const char* name) {
  return name == nullptr ? "name" : nullptr;
}
inline const char* NullArgument(Tag<OsCall::kGetGroupList>, const char* user, gid_t, gid_t* groups,
                                size_t size) {
  if (user == nullptr) return "user";
  return groups == nullptr && size > 0 ? "groups" : nullptr;
}
inline const char* NullArgument(Tag<OsCall::kGetEnv>, const char* name) {
  return name == nullptr ? "name" : nullptr;
}
inline const char* NullArgument(Tag<OsCall::kSetEnv>, const char*, const char* value) {
  return value == nullptr ? "value" : nullptr;
}

template <typename T>
int ErrorOf(const SysResult<T>& result) {
  return result.error();
}
template <typename T>
int ErrorOf(const T&) {
  return 0;
}

// What a trace shows of a result that is more than a number is nothing.
template <typename T>
int64_t NumberOf(const SysResult<T>& result) {
  if constexpr (std::is_integral<T>::value) {
    return static_cast<int64_t>(result.value_or(T{}));
  } else {
    return 0;
  }
}
template <typename T>
int64_t NumberOf(const T& result) {
  if constexpr (std::is_integral<T>::value) {
    return static_cast<int64_t>(result);
  } else {
    return 0;
  }
}
inline int64_t NumberOf(const SysResult<WaitResult>& result) {
  return result.value_or(WaitResult()).pid;
}

template <typename Result>
struct Unset {
  static Result Value() { return Result{}; }
};
template <typename T>
struct Unset<SysResult<T>> {
  static SysResult<T> Value() { return SysError(ENOSYS); }

  // What a call says that has done nothing.
  static SysResult<T> Lie() {
    if constexpr (std::is_void<T>::value) {
      return {};
    } else {
      return T{};
    }
  }
};

template <typename Result>
struct IsSysResult : std::false_type {};
template <typename T>
struct IsSysResult<SysResult<T>> : std::true_type {};

class Dispatch : public Os {
 public:
  explicit Dispatch(Engine* engine) : engine_(*engine) {}

  [[noreturn]] void Exit(int status) override {
    const AllocatingFor engine(nullptr);
    ArgumentWriter(engine_.BeginCall(OsCall::kExit), &engine_).Add(status);
    engine_.Exit(status);
  }

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result Method parameters override { return CallWith<OsCall::k##Method, Result> arguments; }
#include "cleanfork/os_calls.inc"

 private:
  template <OsCall kCall, typename Result, typename... A>
  Result CallWith(A... a) {
    const AllocatingFor engine(nullptr);
    if (const char* const argument = NullArgument(Tag<kCall>(), a...)) {
      Begin<kCall>(a...);
      AbortRun(std::string("its argument ") + argument + " is null");
    }
    // Memory is not the kernel's: it is not logged, but changed again by a replay.
    if constexpr (Model<kCall>::template kIsIn<Environment, A...>) {
      return Model<kCall>::Make(engine_.environment(), a...);
    } else {
      return KernelCall<kCall, Result>(a...);
    }
  }

  template <OsCall kCall, typename Result, typename... A>
  Result KernelCall(A... a) {
    for (bool again = false;; again = true) {
      Result result = Unset<Result>::Value();
      if (engine_.Answers()) {
        const LogEntry entry = engine_.TakeLogged();
        Begin<kCall>(a...);
        engine_.CheckLogged(entry);
        if (entry.kind == LogEntry::Kind::kRestart) continue;
        if constexpr (kCall == OsCall::kVforkCall) {
          if (entry.kind == LogEntry::Kind::kVforkEntered) RunAsVforkChild(a...);
          engine_.ReplayVfork(entry, a...);
        }
        const char* logged = engine_.LoggedResult(entry);
        std::memcpy(static_cast<void*>(&result), logged, sizeof(result));
        const Filled filled = FilledIn<kCall>(result, a...);
        if (filled.size > 0) std::memcpy(filled.bytes, logged + entry.result, filled.size);
        engine_.ReplaySignals();
        return result;
      }
      Begin<kCall>(a...);
      if (engine_.BeforeCall()) Begin<kCall>(a...);
      result =
          engine_.explores() ? Explored<kCall, Result>(again, a...) : Live<kCall, Result>(a...);
      const int error = ErrorOf(result);
      if (error >= kRestartable && error <= kRestartWithTheRest) {
        if (engine_.Restarts(error)) {
          engine_.LogRestart(error);
          engine_.DeliverSignals();
          continue;
        }
        if constexpr (!std::is_integral<Result>::value) result = SysError(EINTR);
      }
      const Filled filled = FilledIn<kCall>(result, a...);
      if (engine_.keeps_histories()) {
        StateHash hash;
        hash.Add(result);
        engine_.AddCallToHistory(hash.value(), filled.bytes, filled.size);
      }
      engine_.LogCall(&result, sizeof(result), filled.bytes, filled.size, ErrorOf(result),
                      NumberOf(result));
      engine_.DeliverSignals();
      return result;
    }
  }

  // Where somebody explores: others may go on first, and something may go wrong.
  template <OsCall kCall, typename Result, typename... A>
  Result Explored(bool again, A... a) {
    const Kernel& kernel = engine_.kernel();
    const int slot = engine_.current();
    const auto waits = [&] { return WouldBlock(Tag<kCall>(), kernel, slot, a...); };
    const auto add = [&](FaultList* faults) {
      if (!again) AddFaults(Tag<kCall>(), kernel, slot, faults, a...);
    };
    const auto touches = [&] {
      if constexpr (ChangesMeanwhile(kCall)) {
        return FootprintOf(Tag<kCall>(), kernel, slot, a..., When::kNow);
      } else {
        return Footprint();
      }
    };
    const FootprintSource now(touches);
    const uint32_t index = engine_.CountCall(again);
    Fault fault;
    for (bool handled = true; handled;) {
      // Anew after handlers, whose calls have said what they do.
      engine_.NoteHowItWaits(SeesHowEarlyItWaits(Tag<kCall>(), a...));
      engine_.NoteWhatItLetsIn(BlockedThatItLetsIn(Tag<kCall>(), a...));
      const Fault* const sticky = engine_.FindSticky();
      const bool fails = sticky != nullptr && sticky->kind == Fault::Kind::kErrno;
      const ReadyCheck would_wait(waits);
      engine_.Park(index, fails ? Footprint() : FootprintOf(Tag<kCall>(), kernel, slot, a...),
                   fails || !ChangesMeanwhile(kCall) ? nullptr : &now, would_wait);
      handled = engine_.DeliverBeforeCall() || engine_.ChooseBeforeCall(index, add, &fault);
      if (handled) Begin<kCall>(a...);
    }
    if constexpr (!IsSysResult<Result>::value) {
      return Live<kCall, Result>(a...);
    } else {
      switch (fault.kind) {
        case Fault::Kind::kErrno: return SysError(fault.error);
        case Fault::Kind::kErrnoAfter: {
          const Result result = Live<kCall, Result>(a...);
          return result.ok() ? Result(SysError(fault.error)) : result;
        }
        case Fault::Kind::kShort: return LiveShort<kCall, Result>(fault.bytes, a...);
        case Fault::Kind::kLie: return Unset<Result>::Lie();
        default: return Live<kCall, Result>(a...);
      }
    }
  }

  template <OsCall kCall, typename... A>
  void Begin(A... a) {
    ArgumentWriter writer(engine_.BeginCall(kCall), &engine_);
    AddArguments(Tag<kCall>(), &writer, a...);
  }

  template <OsCall kCall, typename Result, typename... A>
  Result Live(A... a) {
    if constexpr (kCall == OsCall::kFork) {
      return engine_.Fork();
    } else if constexpr (kCall == OsCall::kVforkCall) {
      return engine_.VforkCall(a...);
    } else if constexpr (kCall == OsCall::kExecVe) {
      return engine_.ExecVe(a...);
    } else {
      return Model<kCall>::Make(engine_.calls(), a...);
    }
  }

  // Of a transfer at most `bytes` bytes pass.
  template <OsCall kCall, typename Result, typename... A>
  Result LiveShort(uint64_t bytes, A... a) {
    constexpr bool kTransfers = kCall == OsCall::kRead || kCall == OsCall::kWrite ||
                                kCall == OsCall::kPRead || kCall == OsCall::kPWrite;
    if constexpr (kTransfers) {
      std::tuple<A...> all(a...);
      std::get<2>(all) = std::min<size_t>(std::get<2>(all), bytes);
      return std::apply(
          [this](auto... same) { return this->template Live<kCall, Result>(same...); }, all);
    } else {
      return Live<kCall, Result>(a...);
    }
  }

  template <OsCall kCall, typename Result, typename... A>
  static Filled FilledIn(const Result& result, A... a) {
    using Found = decltype(FilledBy(Tag<kCall>(), result, a...));
    constexpr bool kIsModelled = Model<kCall>::template kIsIn<Calls, A...>;
    if constexpr (std::is_same<Found, Filled>::value) {
      return FilledBy(Tag<kCall>(), result, a...);
    } else {
      static_assert(!kIsModelled || !(kMayBeFilled<A> || ...),
                    "a call that is modelled and fills in memory needs a FilledBy()");
      return {};
    }
  }

  [[noreturn]] void RunAsVforkChild(int (*function)(void*), void* argument, int) {
    engine_.RunFunction(function, argument);
  }

  Engine& engine_;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_DISPATCH_H_
