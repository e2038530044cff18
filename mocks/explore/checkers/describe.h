// What checkers say of a run, and ask of it, in the same words.
#ifndef CLEANFORK_MOCKS_EXPLORE_CHECKERS_DESCRIBE_H_
#define CLEANFORK_MOCKS_EXPLORE_CHECKERS_DESCRIBE_H_

#include <string>
#include <vector>

#include "cleanfork/checker.h"
#include "cleanfork/os_types.h"

namespace cleanfork::explore {

std::string Who(const ExecutedProcess& process);          // "P.1 (pid 101)"
std::string HowItEnded(int wait_status);                  // "exit status 1", "an end by SIGKILL"
std::string ErrorText(int error);                         // "EAGAIN"; "error 4711"
std::string SignalText(SignalSet set);                    // "SIGINT, SIGTERM", "none"
std::string NumberText(const std::vector<int>& numbers);  // "0, 1, 2", "none"

// Whether the processes are as the run left them, and not in the midst of something.
inline bool HasEnded(const Execution& run) {
  return (run.end() == SimEnd::kAllEnded || run.end() == SimEnd::kLeftWaiting) &&
         !run.processes().empty();
}

// The first process, if it has returned from the body and not from a program that it exec'd; null.
inline const ExecutedProcess* ReturnedFirst(const Execution& run) {
  if (!HasEnded(run)) return nullptr;
  const ExecutedProcess& first = run.processes().front();
  return first.end == ExecutedProcess::End::kReturned && !first.program ? &first : nullptr;
}

// Whether `process` of `run` has not failed: it has exec'd, succeeded or runs on.
inline bool HasNotFailed(const Execution& run, const ExecutedProcess& process) {
  if (process.program || process.end == ExecutedProcess::End::kRuns) return true;
  if (process.end == ExecutedProcess::End::kKilled) return false;
  const bool is_first = &process == &run.processes().front();
  return process.wait_status == (is_first ? run.fault_free_status() : 0);
}

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_CHECKERS_DESCRIBE_H_
