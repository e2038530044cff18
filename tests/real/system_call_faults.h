// Failures of system calls in processes that know nothing of it, the shipped binary and other
// people's alike: the kernel stops each such call of a process and all its descendants and asks us
// (seccomp_unotify(2)), so that "the second fork" is the second of all of them together. strace(1)
// counts in each process apart.
#ifndef CLEANFORK_TESTS_REAL_SYSTEM_CALL_FAULTS_H_
#define CLEANFORK_TESTS_REAL_SYSTEM_CALL_FAULTS_H_

#include <climits>
#include <string>
#include <vector>

namespace cleanfork {

struct SystemCallFault {
  std::vector<int> calls;  // SYS_openat, ...; none: nothing fails
  int error = 0;
  int first = 1;  // which of them fail, counted from 1 over all processes
  int last = INT_MAX;
  // Not "": only calls count that open this file, or write to a descriptor that leads to it.
  std::string path;
};

// The calls that go by one name, as many of them as this architecture has.
std::vector<int> ForkCalls();
std::vector<int> SetGidCalls();
std::vector<int> SetUidCalls();
std::vector<int> DupCalls();
std::vector<int> OpenCalls();
std::vector<int> WriteCalls();

// For one start: construct, fork(2), and then in the child Install(), in the parent Attach().
class SystemCallFaults {
 public:
  explicit SystemCallFaults(SystemCallFault fault);
  ~SystemCallFaults();
  SystemCallFaults(const SystemCallFaults&) = delete;
  SystemCallFaults& operator=(const SystemCallFaults&) = delete;

  // From here on the calling process, and what it becomes and forks, is asked about. It gets
  // no_new_privs. Where the kernel has no such thing it ends the process.
  void Install();

  // Waits for the other side's Install(). Returns 0 or the errno with which that failed.
  int Attach();

  // To be polled for POLLIN once attached; -1 if no call is to fail.
  int listener() const { return listener_; }

  // Answers one call. Whoever made it is stopped until then.
  void Answer();

  // How many have failed.
  int fired() const { return fired_; }

 private:
  bool Matters(unsigned pid, int call, const unsigned long long* arguments) const;

  const SystemCallFault fault_;
  int socket_[2] = {-1, -1};
  int listener_ = -1;
  int seen_ = 0;
  int fired_ = 0;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_SYSTEM_CALL_FAULTS_H_
