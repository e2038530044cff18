#include "bench/strace_faults.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace cleanfork {
namespace {

// What the C library makes of a call of Os. A name that this machine's kernel has not is left out,
// by the '?'.
std::string KernelsNames(const std::string& call) {
  static const auto* const names = new std::map<std::string, std::string>{
      {"fork", "?fork,clone,?clone3"}, {"waitpid", "wait4"}, {"sigprocmask", "rt_sigprocmask"},
      {"sigaction", "rt_sigaction"},   {"open", "openat"},   {"dup2", "?dup2,?dup3"},
  };
  const auto found = names->find(call);
  return found == names->end() ? call : found->second;
}

// Runs strace to its end; its output, which it says last what it has injected.
bool Run(const std::vector<std::string>& arguments, std::string* output) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return false;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], 2);
  std::vector<char*> words;
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  pid_t child = -1;
  const int error = ::posix_spawnp(&child, "strace", &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  char bytes[4096];
  ssize_t got = 0;
  while (error == 0 && (got = ::read(pipe[0], bytes, sizeof(bytes))) > 0) {
    output->append(bytes, static_cast<size_t>(got));
  }
  ::close(pipe[0]);
  int status = 0;
  return error == 0 && ::waitpid(child, &status, 0) == child;
}

}  // namespace

std::vector<StraceFault> StraceFaultsOf(
    const std::map<std::string, std::map<std::string, FaultOutcomes>>& coverage) {
  std::vector<StraceFault> faults;
  for (const auto& [site, outcomes] : coverage) {  // "P.1.setgid#1"
    const size_t number = site.rfind('#');
    const size_t call = site.rfind('.', number) + 1;
    for (const auto& outcome : outcomes) {
      if (outcome.first.front() != 'E') continue;
      faults.push_back({KernelsNames(site.substr(call, number - call)), outcome.first,
                        std::atoi(site.c_str() + number + 1)});
    }
  }
  return faults;
}

std::string WhyNoStrace(const std::string& program) {
  if (::geteuid() != 0) return "it takes root";
  if (::access(program.c_str(), X_OK) != 0) return program + " is not there: use bazel run";
  std::string output;
  if (!Run({"strace", "-f", "-e", "trace=setsid", program}, &output)) {
    return "it is not installed";
  }
  if (output.find("setsid()") == std::string::npos) return "it may not trace here: " + output;
  return "";
}

bool RunUnderStrace(const std::string& program, const StraceFault& fault) {
  std::string output;
  const std::string inject =
      "inject=" + fault.calls + ":error=" + fault.error + ":when=" + std::to_string(fault.when);
  Run({"strace", "-f", "-e", "trace=" + fault.calls, "-e", inject, program}, &output);
  return output.find("(INJECTED)") != std::string::npos;
}

}  // namespace cleanfork
