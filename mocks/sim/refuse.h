// Refuse: what a simulated kernel does with what it does not model. It never guesses: a test that
// passes on a guess proves nothing.
#ifndef CLEANFORK_MOCKS_SIM_REFUSE_H_
#define CLEANFORK_MOCKS_SIM_REFUSE_H_

#include <string>

namespace cleanfork::sim {

// Who says, for the message, which simulated process makes which call, with which arguments.
class CallDescriber {
 public:
  virtual ~CallDescriber() = default;
  virtual std::string DescribeCurrentCall() const = 0;  // "process 101: open(\"/x\", 64, 0)"

  // The one of this thread; null for none. Returns the one before.
  static const CallDescriber* Install(const CallDescriber* describer);
};

// Aborts with "SimOs: process 101: open("/x", 2097152, 0): `what` is not modelled".
[[noreturn]] void Refuse(const std::string& what);

// Aborts with "SimOs: ...: there is room for `count` `what`".
[[noreturn]] void OutOfRoom(const std::string& what, long count);

// Aborts with "SimOs: ...: `message`".
[[noreturn]] void AbortRun(const std::string& message);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_REFUSE_H_
