#include "tools/plan_line.h"

#include <cstddef>

#include "cleanfork/os_call.h"

namespace cleanfork::tools {

PlanLine ReadPlanLine(const std::string& line) {
  PlanLine read;
  const size_t fits = line.rfind(";fits=");
  const std::string plan = line.substr(0, fits);
  if (fits != std::string::npos) {
    read.note = "\"" + line.substr(fits + 1) +
                "\" tells whether the code that was explored is still the same; only Replay() of "
                "cleanfork/explore.h looks: it is left out here";
  }
  FaultPlanError error;
  read.plan = ParseFaultPlan(plan, &error);
  if (!read.plan.has_value()) read.error = error.Caret(plan);
  return read;
}

std::string WhatOnlyTheSimulatedKernelDoes(const FaultPlan& plan) {
  for (const FaultEntry& entry : plan) {
    const char* why = nullptr;
    if (entry.kind == FaultEntry::Kind::kSwitch) {
      why = "on the real kernel nobody can tell who runs";
    } else if (entry.call == OsCall::kExit && entry.index > 1) {
      why = "on the real kernel an end has no steps to come between";
    } else if (entry.kind == FaultEntry::Kind::kSignal && entry.sticky) {
      why = "on the real kernel nobody can tell when a process waits within a call";
    }
    if (why != nullptr) {
      return entry.ToString() + ": " + why +
             ". Replay() of cleanfork/explore.h runs it, with the scenario that was explored; for "
             "one of this library's own: --scenario=NAME";
    }
  }
  return "";
}

}  // namespace cleanfork::tools
