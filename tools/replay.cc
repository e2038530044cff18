// replay: starts a child on the real kernel while a fault plan runs, and prints every call.
//
//   ./tools/bazel run //tools:replay -- 'cf1;P.1.setresgid#1=EPERM'
//   ./tools/bazel run //tools:replay -- 'cf1;P.1.fork#1=EAGAIN' daemon
//
// What is started: `body` (RunInChild, the default), `daemon` (the same with a second fork) or
// `program` (Spawn of /bin/true), as the user nobody when run by root.
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cleanfork/fault_os.h"
#include "cleanfork/fault_plan.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"
#include "cleanfork/trace_os.h"

namespace {

constexpr int kUsage = 64;  // EX_USAGE of sysexits.h

int Usage() {
  std::fprintf(stderr,
               "Usage: replay PLAN [body|daemon|program]\n"
               "Starts a child while PLAN, such as 'cf1;P.fork#1=EAGAIN', says what fails, and\n"
               "prints every call of parent and child. 'cf1' alone lets nothing fail.\n");
  return kUsage;
}

absl::StatusOr<cleanfork::Child> Start(const std::string& what, cleanfork::Os& os) {
  cleanfork::ForkOptions options;
  if (::geteuid() == 0) options.identity = cleanfork::Identity::User("nobody");
  if (what == "program") return cleanfork::Spawn({"/bin/true"}, options, os);
  if (what == "daemon") options.session = cleanfork::Session::kDaemon;
  return cleanfork::RunInChild([] { return 0; }, options, os);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc == 3 ? argv[2] : "body";
  if (argc < 2 || argc > 3 || (what != "body" && what != "daemon" && what != "program")) {
    return Usage();
  }
  cleanfork::FaultPlanError error;
  std::optional<cleanfork::FaultPlan> plan = cleanfork::ParseFaultPlan(argv[1], &error);
  if (!plan.has_value()) {
    std::fprintf(stderr, "%s\n", error.Caret(argv[1]).c_str());
    return kUsage;
  }
  for (const cleanfork::FaultEntry& entry : *plan) {
    if (entry.kind == cleanfork::FaultEntry::Kind::kSwitch) {
      std::fprintf(stderr, "replay: %s: on the real kernel nobody can tell who runs\n",
                   entry.ToString().c_str());
      return kUsage;
    }
  }
  std::fflush(nullptr);
  cleanfork::FaultOs faults(cleanfork::RealOs(), *plan);
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
              faults.fired().size(), plan->size());
  return 0;
}
