// A plan as it is pasted: with or without what the explorer adds to it.
#ifndef CLEANFORK_TOOLS_PLAN_LINE_H_
#define CLEANFORK_TOOLS_PLAN_LINE_H_

#include <optional>
#include <string>

#include "cleanfork/fault_plan.h"

namespace cleanfork::tools {

struct PlanLine {
  std::optional<FaultPlan> plan;
  std::string error;  // why there is none
  std::string note;   // what was left out
};

PlanLine ReadPlanLine(const std::string& line);

// What of `plan` the real kernel cannot be made to do, and why; empty if it can do all.
std::string WhatOnlyTheSimulatedKernelDoes(const FaultPlan& plan);

}  // namespace cleanfork::tools

#endif  // CLEANFORK_TOOLS_PLAN_LINE_H_
