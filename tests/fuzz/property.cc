#include "tests/fuzz/property.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/escaping.h"

// The parameters that the table of calls names are not looked at here.
#pragma GCC diagnostic ignored "-Wunused-parameter"

namespace cleanfork::fuzz {
namespace {

[[noreturn]] void Refuse(const char* call) {
  std::fprintf(stderr, "fuzz: the call %s is not to be made here\n", call);
  std::abort();
}

}  // namespace

std::string ToText(const uint8_t* data, size_t size) {
  return std::string(reinterpret_cast<const char*>(data), size);
}

void Require(bool holds, const char* property, const std::string& about) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: it does not hold that %s: \"%s\"\n", property,
               absl::CHexEscape(about).c_str());
  std::abort();
}

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result NoCallsOs::Method parameters { Refuse(#name); }
#include "cleanfork/os_calls.inc"

void NoCallsOs::Exit(int status) { Refuse("_exit"); }

}  // namespace cleanfork::fuzz
