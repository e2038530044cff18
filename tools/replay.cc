// replay: runs a line of the explorer again, with the scenario that it is of; or starts a child on
// the real kernel while a fault plan runs, and prints every call; or turns a plan into a test.
//
//   ./tools/bazel run //tools:replay -- --scenario=Spawn 'cf1;P.pipe2#1=EMFILE;fits=d93c'
//   ./tools/bazel run //tools:replay -- --list
//   ./tools/bazel run //tools:replay -- 'cf1;P.1.setresgid#1=EPERM'
//   ./tools/bazel run //tools:replay -- 'cf1;P.1.fork#1=EAGAIN' daemon
//   ./tools/bazel run //tools:replay -- --mock 'cf1;P.fork#1=EAGAIN'
//
// With --scenario the run is made on SimOs; --list names the scenarios, which are those that the
// library itself is explored with. Else what is started is `body` (RunInChild, the default),
// `daemon` (the same with a second fork) or `program` (Spawn of /bin/true), as the user nobody when
// run by root. With --mock nothing is started: it prints a test with a MockOs, to be filled in.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cleanfork/fault_os.h"
#include "cleanfork/fault_plan.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"
#include "cleanfork/trace_os.h"
#include "tools/mock_skeleton.h"
#include "tools/plan_line.h"
#include "tools/scenario_replay.h"

namespace {

constexpr int kUsage = 64;  // EX_USAGE of sysexits.h

int Usage() {
  std::fprintf(
      stderr,
      "Usage: replay --scenario=NAME PLAN\n"
      "       replay --list\n"
      "       replay PLAN [body|daemon|program]\n"
      "       replay --mock PLAN\n"
      "--scenario runs a scenario of the library as PLAN, a line of the explorer, says; --list\n"
      "names the scenarios. Exit status 1: it breaks a rule.\n"
      "Without: starts a child while PLAN, such as 'cf1;P.fork#1=EAGAIN', says what fails, and\n"
      "prints every call of parent and child. 'cf1' alone lets nothing fail.\n"
      "--mock prints a test with a MockOs in which the same calls fail.\n");
  return kUsage;
}

absl::StatusOr<cleanfork::Child> Start(const std::string& what, cleanfork::Os& os) {
  cleanfork::ForkOptions options;
  if (::geteuid() == 0) options.identity = cleanfork::Identity::User("nobody");
  if (what == "program") return cleanfork::Spawn({"/bin/true"}, options, os);
  if (what == "daemon") options.session = cleanfork::Session::kDaemon;
  return cleanfork::RunInChild([] { return 0; }, options, os);
}

int PrintMock(const cleanfork::FaultPlan& plan) {
  std::string error;
  const std::optional<std::string> skeleton = cleanfork::tools::MockSkeleton(plan, &error);
  if (!skeleton.has_value()) {
    std::fprintf(stderr, "replay: %s\n", error.c_str());
    return kUsage;
  }
  std::fputs(skeleton->c_str(), stdout);
  return 0;
}

int Replay(const cleanfork::FaultPlan& plan, const std::string& what) {
  const std::string refused = cleanfork::tools::WhatOnlyTheSimulatedKernelDoes(plan);
  if (!refused.empty()) {
    std::fprintf(stderr, "replay: %s\n", refused.c_str());
    return kUsage;
  }
  std::fflush(nullptr);
  cleanfork::FaultOs faults(cleanfork::RealOs(), plan);
  cleanfork::TraceOs trace(faults);
  std::string outcome;
  {
    absl::StatusOr<cleanfork::Child> child = Start(what, trace);
    outcome = child.ok() ? "started" : std::string(child.status().message());
    if (child.ok() && what != "daemon") {
      absl::StatusOr<cleanfork::ExitStatus> ended = child->Wait();
      outcome += ended.ok() ? ", " + ended->ToString() : ", " + ended.status().ToString();
    }
  }
  std::printf("%s\n%s\n%zu of %zu faults fired\n", trace.Text().c_str(), outcome.c_str(),
              faults.fired().size(), plan.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  const std::string by_name = "--scenario=";
  if (argc == 2 && first == "--list") return cleanfork::tools::ListScenarios(std::cout);
  if (argc == 3 && first.rfind(by_name, 0) == 0) {
    return cleanfork::tools::ReplayScenario(first.substr(by_name.size()), argv[2], std::cout,
                                            std::cerr);
  }
  const bool mocks = argc == 3 && first == "--mock";
  const std::string what = argc == 3 && !mocks ? argv[2] : "body";
  if (argc < 2 || argc > 3 || (what != "body" && what != "daemon" && what != "program")) {
    return Usage();
  }
  const cleanfork::tools::PlanLine line = cleanfork::tools::ReadPlanLine(argv[mocks ? 2 : 1]);
  if (!line.plan.has_value()) {
    std::fprintf(stderr, "%s\n", line.error.c_str());
    return kUsage;
  }
  if (!line.note.empty()) std::fprintf(stderr, "replay: %s\n", line.note.c_str());
  return mocks ? PrintMock(*line.plan) : Replay(*line.plan, what);
}
