// The environment of one simulated process: memory, so that it is not the kernel's but the
// process's own, and is changed again when the process is replayed.
#ifndef CLEANFORK_MOCKS_SIM_ENVIRONMENT_H_
#define CLEANFORK_MOCKS_SIM_ENVIRONMENT_H_

#include <memory>
#include <string>
#include <vector>

#include "cleanfork/sys_result.h"

namespace cleanfork::sim {

class Environment {
 public:
  explicit Environment(const std::vector<std::string>& variables);

  const char* Get(const char* name) const;
  SysResult<void> Set(const char* name, const char* value);
  char* const* Block() const { return block_; }
  void Install(char** block) { block_ = block; }

 private:
  char* Own(const std::string& variable);

  std::vector<std::unique_ptr<std::string>> texts_;  // never freed: somebody may point to them
  std::vector<char*> pointers_;
  char** block_ = nullptr;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_ENVIRONMENT_H_
