#include "cleanfork/os_call.h"

#include <cerrno>
#include <cstring>

namespace cleanfork {
namespace {

// Each row's errnos need an array of their own, with a name; those of a call that cannot fail
// are {0}.
#define CLEANFORK_ERRNOS(...) \
  { __VA_ARGS__ }
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  constexpr int k##Method##Errnos[] = CLEANFORK_ERRNOS errnos;
#include "cleanfork/os_calls.inc"
#undef CLEANFORK_ERRNOS

template <size_t kSize>
constexpr ConstantArray<int> Errnos(const int (&errnos)[kSize]) {
  return errnos[0] == 0 ? ConstantArray<int>() : ConstantArray<int>(errnos, kSize);
}

constexpr OsCallInfo kCalls[] = {
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  {OsCall::k##Method, #Method, #name, #parameters, page, Errnos(k##Method##Errnos)},
#include "cleanfork/os_calls.inc"
    {OsCall::kExit, "Exit", "_exit", "(int status)", "_exit(2)", {}},
};

static_assert(sizeof(kCalls) / sizeof(kCalls[0]) == kOsCallCount, "one row a call");

}  // namespace

ConstantArray<OsCallInfo> OsCalls() { return {kCalls, kOsCallCount}; }

const OsCallInfo& GetOsCallInfo(OsCall call) { return kCalls[static_cast<int>(call)]; }

const OsCallInfo* FindOsCall(const char* name) {
  for (const OsCallInfo& info : kCalls) {
    if (std::strcmp(info.name, name) == 0) return &info;
  }
  return nullptr;
}

}  // namespace cleanfork
