#include "mocks/explore/session.h"

#include <cstdio>
#include <utility>

#include "cleanfork/os_call.h"
#include "cleanfork/probe.h"
#include "mocks/explore/hash.h"
#include "mocks/sim/sim_os_access.h"

namespace cleanfork {
namespace explore {
namespace {

thread_local Session* current_session = nullptr;

SimOsOptions Limited(SimOsOptions world, int64_t max_calls) {
  world.most_calls = max_calls;
  return world;
}

void HearProbe(const char* what) {
  if (current_session != nullptr) current_session->ReachProbe(what);
}

}  // namespace

Session::Session(const Scenario& scenario, int64_t max_calls)
    : scenario_(scenario),
      sim_(Limited(scenario.world, max_calls)),
      engine_(sim::SimOsAccess::EngineOf(&sim_)),
      record_(&sim_, &engine_) {}

Session::~Session() = default;

Session* Session::Current() { return current_session; }

bool Session::Run(Choices* choices, bool describes) {
  Session* const before = std::exchange(current_session, this);
  const ProbeListener listener = SetProbeListener(&HearProbe);
  probes_.Clear();
  choices->BeginRun();
  engine_.SetExplorer(choices);
  engine_.SetDescribes(describes);
  record_.Begin();
  const SimRun run = sim_.Run(scenario_.body);
  SetProbeListener(listener);
  current_session = before;
  record_.End(run, choices->deviations(), fault_free_status_);
  return !engine_.abandoned();
}

Violation Session::Check() const {
  for (const std::shared_ptr<const Checker>& checker : scenario_.checkers) {
    std::string what = checker->Check(record_);
    if (!what.empty()) return {checker->name(), std::move(what), checker->HoldsOfRepeatedRuns()};
  }
  return {};
}

// A plan names calls by their numbers. Code that has changed elsewhere keeps these; code that has
// one more call of that name before has not, and would run another plan than was meant.
std::string Session::Fits(const FaultPlan& plan) const {
  Hasher hasher;
  for (const FaultEntry& entry : plan) {
    OsCall before = OsCall::kExit;
    for (const ExecutedCall& call : record_.calls()) {
      if (record_.processes()[static_cast<size_t>(call.process)].path != entry.process) continue;
      if (call.call == entry.call && call.index == entry.index) break;
      before = call.call;
    }
    hasher.Add(entry.process.ToString());
    hasher.Add(std::string(GetOsCallInfo(entry.call).name));
    hasher.Add(std::string(GetOsCallInfo(before).name));
  }
  char text[8];
  std::snprintf(text, sizeof(text), "%04x", static_cast<unsigned>(hasher.value() & 0xffff));
  return text;
}

Picture Session::TakePicture() const { return explore::TakePicture(engine_, record_.deviations()); }

}  // namespace explore

void Note(const std::string& key, int64_t value) {
  explore::Session* const session = explore::Session::Current();
  if (session != nullptr) session->AddNote(key, value);
}

}  // namespace cleanfork
