// To be preloaded (LD_PRELOAD): whoever asks for the limit on descriptors is told the number in
// LIMIT_SEEN, since few systems let it really be raised to 1e9. What is closed is closed.
#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

namespace {

rlim_t SeenLimit() {
  const char* const seen = std::getenv("LIMIT_SEEN");
  return seen == nullptr ? 1024 : std::strtoull(seen, nullptr, 10);
}

}  // namespace

extern "C" {

int getrlimit(__rlimit_resource_t resource, struct rlimit* limit) noexcept {
  if (syscall(SYS_prlimit64, 0, resource, nullptr, limit) != 0) return -1;
  if (resource == RLIMIT_NOFILE) limit->rlim_cur = limit->rlim_max = SeenLimit();
  return 0;
}

int getrlimit64(__rlimit_resource_t resource, struct rlimit64* limit) noexcept {
  return getrlimit(resource, reinterpret_cast<struct rlimit*>(limit));
}

long sysconf(int name) noexcept {
  using Function = long (*)(int);
  static Function next = nullptr;  // without a guard, which would be one of the C++ library
  if (next == nullptr) next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "sysconf"));
  return name == _SC_OPEN_MAX ? static_cast<long>(SeenLimit()) : next(name);
}

int getdtablesize() noexcept { return static_cast<int>(SeenLimit()); }

}  // extern "C"
