// Fault plans: what is to go wrong in a run, in one line that can be pasted. FaultOs runs one,
// FaultSweep finds them, reports print them, tools/replay takes one.
//
//   const std::string line = "cf1;P.fork#1=EAGAIN;P.1.setgid#1=EPERM";
//   cleanfork::FaultPlanError error;
//   std::optional<cleanfork::FaultPlan> plan = cleanfork::ParseFaultPlan(line, &error);
//   if (!plan) std::cerr << error.Caret(line);
//
// A plan is "cf1" and entries, each after a ';':
//
//     P.fork#1=EAGAIN         P's first fork fails, and is not made
//     P.1.setgid#1=EPERM      the first setgid of P's first child fails
//     P.fork#1+=ENOMEM        sticky: that call and all later ones fail
//     P.write#1=short:3       at most 3 bytes of that read or write pass
//     P.setuid#1=lie          it says that it succeeded, and does nothing
//     P!SIGTERM@read#1        P gets the signal just before that call; SIGKILL kills it there
//     P!34@read#1             likewise a real-time signal, which has no name here
//     P!SIGTERM+@read#1       P gets it while it waits within that call (simulated kernel)
//     P>P.1@waitpid#1         P.1 runs on instead of P just before that call (simulated kernel)
//
// Explore() adds ";fits=5d1c", which tells Replay() (cleanfork/explore.h) of changed code. It is no
// part of the plan: here it is refused.
//
// Processes are named by how they were forked: P is the first, P.1 its first child, P.1.2 the
// second child of that one. Calls have the names of OsCallInfo::name, and are counted from 1 in
// each process, failed ones included. A signal and a switch may come before an end, too: on the
// simulated kernel _exit#1 closes the descriptors, _exit#2 tells the parent. Any errno that
// errno(3) names may be given, also one that the call's manual page does not list.
//
// Thread-compatible. Parsing and printing allocate; ProcessPath alone may be used in a child.
#ifndef CLEANFORK_FAULT_PLAN_H_
#define CLEANFORK_FAULT_PLAN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cleanfork/os_call.h"

namespace cleanfork {

// The name of a process: by which fork of which process it came. Plain data, no heap.
class ProcessPath {
 public:
  // Deeper processes are all TooDeep(): no plan names them.
  static constexpr int kMaxDepth = 8;

  constexpr ProcessPath() = default;  // P

  static constexpr ProcessPath TooDeep() {
    ProcessPath path;
    path.depth_ = kMaxDepth + 1;
    return path;
  }

  // The child of this process's `ordinal`th successful fork, from 1.
  constexpr ProcessPath Child(uint32_t ordinal) const {
    if (depth_ >= kMaxDepth) return TooDeep();
    ProcessPath child = *this;
    child.ordinals_[static_cast<size_t>(child.depth_++)] = ordinal;
    return child;
  }

  constexpr int depth() const { return depth_; }  // 0 for P
  constexpr bool too_deep() const { return depth_ > kMaxDepth; }
  std::string ToString() const;  // "P.1.2"; "P..." for TooDeep()

  friend constexpr bool operator==(const ProcessPath& a, const ProcessPath& b) {
    if (a.depth_ != b.depth_) return false;
    for (size_t i = 0; i < kMaxDepth; ++i) {
      if (a.ordinals_[i] != b.ordinals_[i]) return false;
    }
    return true;
  }
  friend constexpr bool operator!=(const ProcessPath& a, const ProcessPath& b) { return !(a == b); }
  friend constexpr bool operator<(const ProcessPath& a, const ProcessPath& b) {
    for (size_t i = 0; i < kMaxDepth; ++i) {
      if (a.ordinals_[i] != b.ordinals_[i]) return a.ordinals_[i] < b.ordinals_[i];
    }
    return a.depth_ < b.depth_;
  }

 private:
  std::array<uint32_t, kMaxDepth> ordinals_ = {};
  int32_t depth_ = 0;
};

struct FaultEntry {
  enum class Kind {
    kErrno,   // the call fails with `error`
    kShort,   // of a read or write, at most `bytes` bytes pass
    kLie,     // the call says that it succeeded
    kSignal,  // `signal` comes just before the call; if sticky, while the process waits within it
    kSwitch,  // `next` runs on just before the call
  };

  Kind kind = Kind::kErrno;
  ProcessPath process;
  OsCall call = OsCall::kFork;
  uint32_t index = 1;   // which of the process's calls of that name, from 1
  bool sticky = false;  // and all later ones; for kErrno, kShort and kLie. Of kSignal: see there
  int error = 0;        // for kErrno
  uint64_t bytes = 0;   // for kShort, from 1
  int signal = 0;       // for kSignal
  ProcessPath next;     // for kSwitch

  std::string ToString() const;  // "P.fork#1=EAGAIN"
};

bool operator==(const FaultEntry& a, const FaultEntry& b);
inline bool operator!=(const FaultEntry& a, const FaultEntry& b) { return !(a == b); }

using FaultPlan = std::vector<FaultEntry>;

struct FaultPlanError {
  size_t column = 0;    // of the line, from 1
  std::string message;  // what was expected there, what was found, and what may have been meant

  // The line, a caret below the column, and the message:
  //
  //   cf1;P.frok#1=EAGAIN
  //         ^ column 7: expected a call, found "frok"; did you mean "fork"?
  std::string Caret(const std::string& line) const;
};

// The plan that `line` says, or nothing, and then *error says why. `error` may be null.
std::optional<FaultPlan> ParseFaultPlan(const std::string& line, FaultPlanError* error);

// The line that says `plan`: ParseFaultPlan() gives back an equal one. Of two names of one errno
// it prints the first, EAGAIN for EWOULDBLOCK.
std::string FaultPlanToString(const FaultPlan& plan);

// Whether `short:` may be said of the call: it moves bytes, and says how many.
bool MayBeShort(OsCall call);

// Whether `lie` may be said of the call. Not of fork, vfork and execve, whose success is that
// they return elsewhere, and not of a call that cannot fail.
bool MayLie(OsCall call);

}  // namespace cleanfork

#endif  // CLEANFORK_FAULT_PLAN_H_
