#include "mocks/sim/environment.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace cleanfork::sim {
namespace {

// setenv(3): of a variable.
bool IsName(const char* name) {
  return name != nullptr && *name != '\0' && std::strchr(name, '=') == nullptr;
}

bool IsNamed(const char* variable, const char* name) {
  const size_t size = std::strlen(name);
  return std::strncmp(variable, name, size) == 0 && variable[size] == '=';
}

}  // namespace

Environment::Environment(const std::vector<std::string>& variables) {
  for (const std::string& variable : variables) pointers_.push_back(Own(variable));
  pointers_.push_back(nullptr);
  block_ = pointers_.data();
}

char* Environment::Own(const std::string& variable) {
  texts_.push_back(std::make_unique<std::string>(variable));
  return &(*texts_.back())[0];
}

const char* Environment::GetEnv(const char* name) const {
  if (block_ == nullptr || *name == '\0') return nullptr;
  for (char** variable = block_; *variable != nullptr; ++variable) {
    if (IsNamed(*variable, name)) return *variable + std::strlen(name) + 1;
  }
  return nullptr;
}

SysResult<void> Environment::SetEnv(const char* name, const char* value) {
  if (!IsName(name)) return SysError(EINVAL);
  Replace(name, Own(std::string(name) + "=" + value));
  return {};
}

SysResult<void> Environment::UnsetEnv(const char* name) {
  if (!IsName(name)) return SysError(EINVAL);
  Replace(name, nullptr);
  return {};
}

void Environment::Replace(const char* name, char* replacement) {
  // A block of our own, as the C library makes one: the one that is installed may be anybody's.
  // Where a variable is there twice, it replaces the first, and removes all.
  std::vector<char*> pointers;
  const bool removes = replacement == nullptr;
  for (char** variable = block_; variable != nullptr && *variable != nullptr; ++variable) {
    if (!IsNamed(*variable, name)) {
      pointers.push_back(*variable);
    } else if (!removes) {
      pointers.push_back(replacement != nullptr ? replacement : *variable);
      replacement = nullptr;
    }
  }
  if (replacement != nullptr) pointers.push_back(replacement);
  pointers.push_back(nullptr);
  pointers_ = std::move(pointers);
  block_ = pointers_.data();
}

}  // namespace cleanfork::sim
