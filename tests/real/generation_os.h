// GenerationOs: an Os that knows in which process it is called: in the one that made it
// (generation 0), in its child (1) or in a second child (2), through Fork() and VforkCall() alike.
// Tests derive from it to do something at chosen calls of the child.
#ifndef CLEANFORK_TESTS_REAL_GENERATION_OS_H_
#define CLEANFORK_TESTS_REAL_GENERATION_OS_H_

#include <sys/types.h>

#include <vector>

#include "cleanfork/os_call.h"
#include "cleanfork/os_wrapper.h"

namespace cleanfork {

// Says each call before it is made.
class CallHookOs : public OsWrapper {
 public:
  using OsWrapper::OsWrapper;
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result Method parameters override {                                                \
    BeforeCall(OsCall::k##Method);                                                   \
    return OsWrapper::Method arguments;                                              \
  }
#include "cleanfork/os_calls.inc"
  [[noreturn]] void Exit(int status) override {
    BeforeCall(OsCall::kExit);
    OsWrapper::Exit(status);
  }

 protected:
  // In a child: no allocation, no lock.
  virtual void BeforeCall(OsCall call) = 0;
};

class GenerationOs : public CallHookOs {
 public:
  explicit GenerationOs(Os& wrapped) : CallHookOs(wrapped) { first_children_.reserve(1024); }

  SysResult<pid_t> Fork() override {
    const SysResult<pid_t> forked = CallHookOs::Fork();
    if (forked.ok() && forked.value() == 0) {
      ++generation_;
      EnteredChild();
    } else if (forked.ok() && generation_ == 0) {
      first_children_.push_back(forked.value());
    }
    return forked;
  }

  SysResult<pid_t> VforkCall(int (*function)(void*), void* argument,
                             int termination_signal) override {
    Start start = {this, function, argument};
    const int generation = generation_;
    const SysResult<pid_t> forked = CallHookOs::VforkCall(&RunStart, &start, termination_signal);
    // The child has counted in memory that it shared with this process.
    generation_ = generation;
    LeftVforkChild();
    if (forked.ok() && generation_ == 0) first_children_.push_back(forked.value());
    return forked;
  }

  // The pids of the children of generation 0's process, as fork returned them.
  const std::vector<pid_t>& first_children() const { return first_children_; }

 protected:
  int generation() const { return generation_; }

  // In the child, as its first act.
  virtual void EnteredChild() {}
  // In the parent, after a VforkCall(): undo what EnteredChild() did to shared memory.
  virtual void LeftVforkChild() {}

 private:
  struct Start {
    GenerationOs* os;
    int (*function)(void*);
    void* argument;
  };
  static int RunStart(void* argument) {
    const Start* start = static_cast<const Start*>(argument);
    ++start->os->generation_;
    start->os->EnteredChild();
    return start->function(start->argument);
  }

  int generation_ = 0;
  std::vector<pid_t> first_children_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_GENERATION_OS_H_
