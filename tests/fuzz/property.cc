#include "tests/fuzz/property.h"

#include <cstdio>
#include <cstdlib>

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

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string Printable(const std::string& text) {
  std::string printable;
  for (const char c : text) {
    char code[8];
    const auto byte = static_cast<unsigned char>(c);
    std::snprintf(code, sizeof(code), byte < 0x20 || byte > 0x7E ? "\\x%02x" : "%c", byte);
    printable += code;
  }
  return printable;
}

void Require(bool holds, const char* property, const std::string& about) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: it does not hold that %s: \"%s\"\n", property,
               Printable(about).c_str());
  std::abort();
}

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result NoCallsOs::Method parameters { Refuse(#name); }
#include "cleanfork/os_calls.inc"

void NoCallsOs::Exit(int status) { Refuse("_exit"); }

}  // namespace cleanfork::fuzz
