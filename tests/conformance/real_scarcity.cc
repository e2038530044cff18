#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/conformance/scarce_world.h"

namespace cleanfork {

std::string ObserveSmallDiskOnRealKernel(const ObservedBody& body) {
  const std::string size = "mode=1777,size=" + std::to_string(kSmallDisk);
  return ObserveOnRealKernel([&](Os& os, Notes& notes) {
    // In a mount namespace of this one process.
    const bool mounted = unshare(CLONE_NEWNS) == 0 &&
                         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         mount("tmpfs", "/tmp", "tmpfs", 0, size.c_str()) == 0;
    if (mounted) {
      body(os, notes);
    } else {
      notes.Add(kNoSmallDisk);
    }
  });
}

std::string ObserveReaderOnRealKernel(const ObservedBody& body) {
  std::ofstream(kReader, std::ios::binary) << std::ifstream("/bin/cat", std::ios::binary).rdbuf();
  if (chmod(kReader.c_str(), 0755) == -1) return "there is no /bin/cat";
  const std::string seen = ObserveOnRealKernel(body);
  std::remove(kReader.c_str());
  return seen;
}

}  // namespace cleanfork
