#include "tests/tidy/symbol_zones.h"

#include <algorithm>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/tidy/elf_symbols.h"
#include "tests/tidy/system_calls.h"

namespace cleanfork::tidy {
namespace {

// System calls of objects that have a reason to make them themselves.
bool IsExcepted(const std::string& object, const std::string& call) {
  static const auto* const exceptions = new std::set<std::pair<std::string, std::string>>{
      // The plan and the trace that outlive a fork stand in shared memory.
      {"shared_block", "mmap"},
      {"shared_block", "munmap"},
      // A run that crashes or hangs says which it was.
      {"crash_report", "alarm"},
      {"crash_report", "sigaction"},
      {"crash_report", "write"},
      // How long an exploration takes is a matter of the real clock; and Bazel says in the
      // environment where its report is to go.
      {"explore", "ZNSt6chrono3_V212steady_clock3nowEv"},
      {"report_files", "getenv"},
      // A fiber's stack has a guard page, and whoever runs off it is named, on a stack of its own.
      {"arena", "mmap"},
      {"arena", "mprotect"},
      {"fiber_stack", "mmap"},
      {"fiber_stack", "mprotect"},
      {"fiber_stack", "munmap"},
      {"fiber_stack", "sigaction"},
      {"fiber_stack", "sigaltstack"},
      {"fiber_stack", "write"},
  };
  return exceptions->count({object, call}) != 0;
}

// What is safe between fork and exec, and what compilers put in for themselves.
bool IsAllowedInChild(const std::string& symbol) {
  static const auto* const allowed = new std::set<std::string>{
      "memcpy", "memmove", "memset", "memcmp", "memchr", "bcmp", "strlen", "strcmp", "strncmp",
      "strchr", "abort", "_GLOBAL_OFFSET_TABLE_",
      // -fstack-protector
      "__stack_chk_fail", "__stack_chk_guard",
      // Virtual tables, and those of unwinding: a double leaves by an exception.
      "__cxa_pure_virtual", "__gxx_personality_v0", "__gcc_personality_v0", "_Unwind_Resume",
      // The catch-all around a user's body, which lets that exception through.
      "__cxa_begin_catch", "__cxa_end_catch", "__cxa_rethrow"};
  // Our own: cleanfork::..., and the tables of its classes. An instantiation of a standard
  // template over one of our types begins otherwise.
  static const auto* const own = new std::regex("_ZT?[VISvht]*(N[KVrRO]*)?9cleanfork.*");
  // C++'s own virtual tables of type information: the vptr check of UBSan and class hierarchies.
  static const auto* const type_information = new std::regex("_ZTVN10__cxxabiv1.*");
  static const auto* const instrumentation = new std::regex(
      "__(asan|tsan|ubsan|sanitizer|sancov|llvm|odr_asan|odr_asan_gen)_.*|__odr_asan.*|"
      "__gcov_(init|exit|merge_.*|indirect_call.*|time_profiler.*|reset|dump)|__start_.*|__stop_."
      "*");
  if (std::regex_match(symbol, *own) || std::regex_match(symbol, *type_information)) return true;
  if (std::regex_match(symbol, *instrumentation)) return true;
  if (allowed->count(symbol) != 0) return true;
  // -D_FORTIFY_SOURCE: __memcpy_chk and its like.
  const std::string name = CanonicalName(symbol);
  return symbol == "__" + name + "_chk" && allowed->count(name) != 0;
}

bool IsForbidden(Zone zone, const std::string& object, const std::string& symbol) {
  if (zone == Zone::kChild) return !IsAllowedInChild(symbol);
  if (zone == Zone::kLibrary && object == "real_os") return false;
  switch (KindOfSymbol(symbol)) {
    case CallKind::kNone: return false;
    case CallKind::kSystem:
      return zone != Zone::kDoubles || !IsExcepted(object, CanonicalName(symbol));
    case CallKind::kStdio: return zone == Zone::kLibrary;
    case CallKind::kThreading: return zone != Zone::kDoubles;
  }
  return true;
}

}  // namespace

std::vector<std::string> ForbiddenImports(Zone zone, const Object& object) {
  std::vector<std::string> forbidden;
  for (const std::string& symbol : object.imported) {
    if (IsForbidden(zone, object.name, symbol)) forbidden.push_back(symbol);
  }
  std::sort(forbidden.begin(), forbidden.end());
  return forbidden;
}

}  // namespace cleanfork::tidy
