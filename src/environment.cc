#include "src/environment.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/child/frozen_plan.h"
#include "src/invalid_options.h"
#include "src/listen_variables.h"

namespace cleanfork {
namespace {

// Whether `variable` is "name=...".
bool IsNamed(const char* variable, const std::string& name) {
  return std::strncmp(variable, name.c_str(), name.size()) == 0 && variable[name.size()] == '=';
}

bool IsListenVariable(const char* variable) {
  return std::any_of(std::begin(kListenVariables), std::end(kListenVariables),
                     [variable](const char* name) { return IsNamed(variable, name); });
}

void SetVariable(const std::string& name, const std::string& value,
                 std::vector<std::string>* variables) {
  variables->erase(
      std::remove_if(variables->begin(), variables->end(),
                     [&name](const std::string& v) { return IsNamed(v.c_str(), name); }),
      variables->end());
  variables->push_back(absl::StrCat(name, "=", value));
}

absl::Status ValidateVariable(const std::string& name, const std::string& value) {
  if (name.empty() || name.find('=') != std::string::npos) {
    return InvalidOptions(absl::StrCat("environment: \"", name, "\" is no variable's name"));
  }
  if (name.find('\0') != std::string::npos || value.find('\0') != std::string::npos) {
    return InvalidOptions("environment: a name or value holds a NUL byte");
  }
  return absl::OkStatus();
}

}  // namespace

EnvironmentBlock::EnvironmentBlock(std::vector<std::string> variables)
    : variables_(std::move(variables)) {
  for (std::string& variable : variables_) pointers_.push_back(variable.data());
  pointers_.push_back(nullptr);
}

char* EnvironmentBlock::Get(const std::string& name) {
  for (std::string& variable : variables_) {
    if (IsNamed(variable.c_str(), name)) return variable.data() + name.size() + 1;
  }
  return nullptr;
}

absl::StatusOr<EnvironmentBlock> BuildEnvironment(const ForkOptions& options,
                                                  const UserRecord* record, Os& os) {
  const Environment& environment = options.environment;
  bool differs = record != nullptr || !environment.inherit || !environment.set.empty() ||
                 !options.listen_fds.empty();
  std::vector<std::string> variables;
  if (char* const* variable = os.GetEnviron()) {
    for (; *variable != nullptr; ++variable) {
      // They speak of descriptors of the caller's, and LISTEN_PID names it or somebody before it.
      if (IsListenVariable(*variable)) {
        differs = true;
        continue;
      }
      const bool named =
          std::any_of(environment.keep.begin(), environment.keep.end(),
                      [variable](const std::string& name) { return IsNamed(*variable, name); });
      if (environment.inherit || named) variables.push_back(*variable);
    }
  }
  if (record != nullptr) {
    SetVariable("USER", record->name, &variables);
    SetVariable("LOGNAME", record->name, &variables);
    SetVariable("HOME", record->home, &variables);
    SetVariable("SHELL", record->shell, &variables);
  }
  for (const auto& [name, value] : environment.set) {
    absl::Status valid = ValidateVariable(name, value);
    if (!valid.ok()) return valid;
    SetVariable(name, value, &variables);
  }
  if (!options.listen_fds.empty()) {
    SetVariable(kListenFds, absl::StrCat(options.listen_fds.size()), &variables);
    SetVariable(kListenFdNames, JoinListenNames(options.listen_fds), &variables);
    SetVariable(kListenPid, std::string(kPidTextSize - 1, '0'), &variables);
  }
  EnvironmentBlock block(std::move(variables));
  block.differs_ = differs;
  return block;
}

}  // namespace cleanfork
