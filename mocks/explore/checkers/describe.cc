#include "mocks/explore/checkers/describe.h"

#include <sys/wait.h>

#include "cleanfork/names.h"
#include "mocks/os_text.h"

namespace cleanfork::explore {

std::string Who(const ExecutedProcess& process) {
  return process.path.ToString() + " (pid " + std::to_string(process.pid) + ")";
}

std::string HowItEnded(int wait_status) {
  if (WIFEXITED(wait_status)) return "exit status " + std::to_string(WEXITSTATUS(wait_status));
  return "an end by " + cleanfork::SignalText(WTERMSIG(wait_status));
}

std::string ErrorText(int error) {
  const char* name = ErrnoName(error);
  return name != nullptr ? name : "error " + std::to_string(error);
}

std::string SignalText(SignalSet set) {
  std::string text;
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    if (!set.Contains(signal)) continue;
    if (!text.empty()) text += ", ";
    text += cleanfork::SignalText(signal);
  }
  return text.empty() ? "none" : text;
}

std::string NumberText(const std::vector<int>& numbers) {
  std::string text;
  for (int number : numbers) {
    if (!text.empty()) text += ", ";
    text += std::to_string(number);
  }
  return text.empty() ? "none" : text;
}

}  // namespace cleanfork::explore
