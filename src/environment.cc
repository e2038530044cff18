#include "src/environment.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/invalid_options.h"

namespace cleanfork {
namespace {

// Whether `variable` is "name=...".
bool IsNamed(const char* variable, const std::string& name) {
  return std::strncmp(variable, name.c_str(), name.size()) == 0 && variable[name.size()] == '=';
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

const char* EnvironmentBlock::Get(const std::string& name) const {
  for (const std::string& variable : variables_) {
    if (IsNamed(variable.c_str(), name)) return variable.c_str() + name.size() + 1;
  }
  return nullptr;
}

absl::StatusOr<EnvironmentBlock> BuildEnvironment(const Environment& environment,
                                                  const UserRecord* record, Os& os) {
  std::vector<std::string> variables;
  if (char* const* variable = os.GetEnviron()) {
    for (; *variable != nullptr; ++variable) {
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
  return EnvironmentBlock(std::move(variables));
}

}  // namespace cleanfork
