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

// At once. Each holds on to the memory of processes that may have ended since.
constexpr size_t kMostSaved = 256;
constexpr size_t kMostSavedBytes = size_t{256} << 20;

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

template <typename Make>
bool Session::MakeRun(Choices* choices, const Make& make) {
  Session* const before = std::exchange(current_session, this);
  const ProbeListener listener = SetProbeListener(&HearProbe);
  engine_.SetExplorer(choices);
  const SimRun run = make();
  SetProbeListener(listener);
  current_session = before;
  record_.End(run, choices->deviations(), fault_free_status_);
  return !engine_.abandoned();
}

bool Session::Run(Choices* choices, bool describes) {
  ForgetAll();
  engine_.SetDescribes(describes);
  probes_.Clear();
  record_.Begin();
  choices->BeginRun();
  return MakeRun(choices, [this] { return sim_.Run(scenario_.body); });
}

bool Session::RunNext(Search* search) {
  while (!saved_.empty() && !search->LeadsOn(saved_.back().search)) ForgetLast();
  searching_ = search;
  engine_.SetCheckpointTaker(search->TakesCheckpoints() ? this : nullptr);
  bool complete = false;
  if (saved_.empty()) {
    complete = Run(search, false);
  } else {
    const Saved last = saved_.back();
    search->BeginRunFrom(last.search);
    probes_.ReturnTo(last.probes);
    record_.BeginFrom(last.notes);
    complete = MakeRun(search, [&] { return sim::SimOsAccess::RunFrom(&sim_, *last.checkpoint); });
  }
  engine_.SetCheckpointTaker(nullptr);
  return complete;
}

void Session::TakeCheckpoint() {
  const Search::Saved search = searching_->Save();
  std::shared_ptr<sim::Engine::Checkpoint> checkpoint = engine_.Save();
  if (checkpoint == nullptr) return;
  const size_t bytes = sim::Engine::BytesOf(*checkpoint);
  saved_.push_back({std::move(checkpoint), search, record_.notes().size(), probes_.size(), bytes});
  saved_bytes_ += bytes;
  if (saved_.size() > kMostSaved || saved_bytes_ > kMostSavedBytes) ForgetEveryOther();
}

void Session::ForgetLast() {
  saved_bytes_ -= saved_.back().bytes;
  engine_.Discard(std::move(saved_.back().checkpoint));
  saved_.pop_back();
}

// A run may begin at any checkpoint on its way. Those that stay lie the farther apart the longer
// ago they were taken, which is where few runs begin.
void Session::ForgetEveryOther() {
  std::vector<Saved> all = std::exchange(saved_, {});
  saved_bytes_ = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i % 2 != 0) {
      engine_.Discard(std::move(all[i].checkpoint));
      continue;
    }
    saved_bytes_ += all[i].bytes;
    saved_.push_back(std::move(all[i]));
  }
}

void Session::ForgetAll() {
  while (!saved_.empty()) ForgetLast();
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
