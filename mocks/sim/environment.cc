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
  std::vector<char*> pointers;
  for (const std::string& variable : variables) pointers.push_back(Own(variable));
  Install(std::move(pointers));
}

void Environment::Install(std::vector<char*> block) {
  block.push_back(nullptr);
  blocks_.push_back(std::move(block));
  block_ = blocks_.back().data();
}

void Environment::Save(Image* image) const {
  image->texts = texts_.size();
  image->blocks = blocks_.size();
  image->block = block_;
  image->bytes.clear();
  for (const auto& text : texts_) image->bytes.Append(text->data(), text->size());
  for (const std::vector<char*>& block : blocks_) {
    image->bytes.Append(block.data(), block.size() * sizeof(char*));
  }
}

void Environment::Restore(const Image& image) {
  texts_.resize(image.texts);
  blocks_.resize(image.blocks);
  block_ = image.block;
  const char* at = image.bytes.data();
  for (const auto& text : texts_) {
    std::memcpy(&(*text)[0], at, text->size());
    at += text->size();
  }
  for (std::vector<char*>& block : blocks_) {
    std::memcpy(block.data(), at, block.size() * sizeof(char*));
    at += block.size() * sizeof(char*);
  }
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
  Install(std::move(pointers));
}

}  // namespace cleanfork::sim
