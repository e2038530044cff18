#include "mocks/sim/refuse.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace cleanfork::sim {
namespace {

thread_local const CallDescriber* current_describer = nullptr;

}  // namespace

const CallDescriber* CallDescriber::Install(const CallDescriber* describer) {
  const CallDescriber* const before = current_describer;
  current_describer = describer;
  return before;
}

void AbortRun(const std::string& message) {
  const std::string call =
      current_describer != nullptr ? current_describer->DescribeCurrentCall() + ": " : "";
  std::fprintf(stderr, "SimOs: %s%s\n", call.c_str(), message.c_str());
  std::abort();
}

void Refuse(const std::string& what) { AbortRun(what + " is not modelled"); }

void OutOfRoom(const std::string& what, long count) {
  AbortRun("there is room for " + std::to_string(count) + " " + what);
}

}  // namespace cleanfork::sim
