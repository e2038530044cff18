// The environment of one simulated process: memory, so that it is not the kernel's but the
// process's own, and is changed again when the process is replayed.
#ifndef CLEANFORK_MOCKS_SIM_ENVIRONMENT_H_
#define CLEANFORK_MOCKS_SIM_ENVIRONMENT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cleanfork/sys_result.h"
#include "mocks/sim/bytes.h"

namespace cleanfork::sim {

class Environment {
 public:
  explicit Environment(const std::vector<std::string>& variables);

  // The calls of Os of these names; Dispatch finds them by that.
  const char* GetEnv(const char* name) const;
  SysResult<void> SetEnv(const char* name, const char* value);
  SysResult<void> UnsetEnv(const char* name);
  char* const* GetEnviron() const { return block_; }
  void SetEnviron(char** block) { block_ = block; }

  // What it is at some moment; and back to that.
  struct Image {
    size_t texts = 0;
    size_t blocks = 0;
    char** block = nullptr;
    Bytes bytes;  // of both: GetEnviron() lets its caller change them
  };
  void Save(Image* image) const;
  void Restore(const Image& image);

 private:
  // Puts `variable` in the place of those of that name, or at the end; null takes them out.
  void Replace(const char* name, char* variable);
  char* Own(const std::string& variable);
  void Install(std::vector<char*> block);

  // Never freed nor moved: somebody may point to them.
  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<std::vector<char*>> blocks_;
  char** block_ = nullptr;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_ENVIRONMENT_H_
