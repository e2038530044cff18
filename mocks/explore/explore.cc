#include "cleanfork/explore.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "cleanfork/explore_report.h"
#include "mocks/explore/chance.h"
#include "mocks/explore/coverage.h"
#include "mocks/explore/crash_report.h"
#include "mocks/explore/picture.h"
#include "mocks/explore/plan_choices.h"
#include "mocks/explore/reached_probes.h"
#include "mocks/explore/search.h"
#include "mocks/explore/session.h"
#include "mocks/explore/validate_options.h"
#include "mocks/sim/fiber.h"
#include "mocks/sim/heap.h"

namespace cleanfork {
namespace explore {
namespace {

constexpr char kFits[] = ";fits=";

// Runs that are tried to show a failure with fewer switches.
constexpr int64_t kMostSimplerRuns = 20'000;

// While it exists, heaps of processes are such as can be saved, or are not.
class SavedHeaps {
 public:
  explicit SavedHeaps(bool saved) : tracker_(sim::HeapTracker::Installed()) {
    if (tracker_ != nullptr) before_ = tracker_->ExchangeSaved(saved && sim::Fiber::kCanBeSaved);
  }
  SavedHeaps(const SavedHeaps&) = delete;
  SavedHeaps& operator=(const SavedHeaps&) = delete;
  ~SavedHeaps() {
    if (tracker_ != nullptr) tracker_->ExchangeSaved(before_);
  }

 private:
  sim::HeapTracker* const tracker_;
  bool before_ = false;
};

class Exploration {
 public:
  Exploration(const Scenario& scenario, const ExploreOptions& options)
      : options_(options),
        crash_report_(scenario, options.max_calls),
        session_(scenario, options.max_calls),
        search_(options),
        start_(std::chrono::steady_clock::now()) {}

  ExploreResult Explore();

 private:
  enum class BoundEnd { kDone, kAgain, kStopped };

  BoundEnd RunBound(int deviations);
  void NoteFirstRun();
  bool KeepsRules();
  void MakeStatics();
  void RunByChance();
  bool IsOver();
  void Count(const Choices& choices, const Violation& violation);
  void Fail(const Violation& violation, const Choices& choices);
  bool Shows(const Violation& violation, const FaultPlan& plan);
  FaultPlan FindSimpler(const Violation& violation, const Choices& choices);
  void Forget();
  void ShowProgress();
  double Done() const;
  double Seconds() const;

  const ExploreOptions options_;
  CrashReport crash_report_;
  Session session_;
  Search search_;
  ExploreResult result_;
  Coverage coverage_;
  ProbeCounts probes_;
  const std::chrono::steady_clock::time_point start_;
  double next_progress_ = 2;
  int64_t looks_ = 0;
  int bound_ = 0;
  int64_t runs_of_bound_ = 0;
};

double Exploration::Seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Exploration::Forget() {
  result_ = ExploreResult();
  coverage_ = Coverage();
  probes_ = ProbeCounts();
}

// Whether a bound of the options ends the exploration, which is looked up now and then.
bool Exploration::IsOver() {
  if (result_.runs >= options_.max_runs) {
    result_.truncated_by = "max_runs";
    return true;
  }
  if ((++looks_ & 0xff) != 0) return false;
  const double seconds = Seconds();
  if (options_.max_seconds > 0 && seconds >= options_.max_seconds) {
    result_.truncated_by = "max_seconds";
    return true;
  }
  if (options_.progress && seconds >= next_progress_) ShowProgress();
  return false;
}

// How much of the bound's runs, from 0 to 1, if a deviation more makes their number grow as the
// last one did. The growth slows down as there are fewer of a kind left, so that this is rather too
// little.
double Exploration::Done() const {
  const std::vector<int64_t>& before = result_.runs_by_deviations;
  const double done = search_.Done();
  if (before.size() < 2 || before.back() == 0) return done;
  const double last = static_cast<double>(before.back());
  const double expected = last * last / static_cast<double>(std::max<int64_t>(before.end()[-2], 1));
  return std::max(done, std::min(static_cast<double>(runs_of_bound_) / expected, 0.99));
}

void Exploration::ShowProgress() {
  const double seconds = Seconds();
  next_progress_ = seconds + 2;
  if (result_.random_runs > 0) {
    std::fprintf(stderr, "explore: %lld of %lld runs by chance\n",
                 static_cast<long long>(result_.random_runs),
                 static_cast<long long>(options_.random_runs));
    return;
  }
  std::fprintf(stderr,
               "explore: %d of %d deviations: %lld runs, %.0f a second, about %.0f %% of this "
               "number done\n",
               bound_, options_.max_faults + options_.max_signals + options_.max_kills,
               static_cast<long long>(result_.runs),
               static_cast<double>(result_.runs + result_.pruned) / seconds, 100 * Done());
}

void Exploration::Count(const Choices& choices, const Violation& violation) {
  const RunRecord& record = session_.record();
  if (options_.outcomes) ++result_.outcomes[record.Outcome()];
  probes_.Count(session_.probes());
  coverage_.Count(choices.deviations(), !violation.rule.empty(),
                  record.processes()[0].wait_status == record.fault_free_status());
}

void Exploration::NoteFirstRun() {
  session_.SetFaultFreeStatus(session_.record().processes()[0].wait_status);
  Coverage::AddSites(session_.record(), &result_.coverage);
}

// Of the run that was just made; whether it keeps the rules.
bool Exploration::KeepsRules() {
  Violation violation = session_.Check();
  if (violation.must_repeat) {
    session_.Run(&search_, false);
    violation = session_.Check();
  }
  Count(search_, violation);
  if (violation.rule.empty()) return true;
  search_.NoteSteps();
  session_.Run(&search_, false);
  Fail(violation, search_);
  return false;
}

Exploration::BoundEnd Exploration::RunBound(int deviations) {
  crash_report_.SetChoices(&search_);
  bound_ = deviations;
  search_.Begin(deviations);
  runs_of_bound_ = 0;
  bool is_first = deviations == 0;  // of all, in which nothing goes wrong: every shard makes it
  do {
    const bool complete = session_.RunNext(&search_);
    if (search_.TakeNewlySignalled()) return BoundEnd::kAgain;
    if (complete && is_first) NoteFirstRun();
    is_first = is_first && !complete;
    if (!complete) {
      ++result_.pruned;
    } else if (search_.IsCounted()) {
      ++runs_of_bound_;
      ++result_.runs;
      if (!KeepsRules()) return BoundEnd::kStopped;
    }
    if (IsOver()) return BoundEnd::kStopped;
  } while (search_.Advance());
  result_.runs_by_deviations.push_back(runs_of_bound_);
  return BoundEnd::kDone;
}

void Exploration::RunByChance() {
  Chance chance(options_);
  chance.NoteSteps();
  crash_report_.SetChoices(&chance);
  for (; result_.random_runs < options_.random_runs; ++result_.random_runs) {
    session_.Run(&chance, false);  // which abandons none
    chance.TakeNewlySignalled();   // the next one has its steps as choices
    Violation violation = session_.Check();
    if (violation.must_repeat) {
      PlanChoices same(chance.plan(), chance.steps());
      session_.Run(&same, false);
      violation = session_.Check();
    }
    Count(chance, violation);
    if (!violation.rule.empty()) return Fail(violation, chance);
    if (IsOver()) return;
  }
}

// Whether a run of the plan breaks the same rule.
bool Exploration::Shows(const Violation& violation, const FaultPlan& plan) {
  PlanChoices choices(plan);
  session_.Run(&choices, false);
  return session_.Check().rule == violation.rule && choices.FirstLeft() == nullptr;
}

// The order of steps in which a failure was found may be any. One with as few preemptions as
// will do is easier to read. And a search leaves out steps that make no difference, before which a
// run of a plan may switch: the plan has to be one of a run that has them, as those are with a
// bound for preemptions.
FaultPlan Exploration::FindSimpler(const Violation& violation, const Choices& choices) {
  PlanChoices same(choices.plan(), choices.steps());
  session_.Run(&same, false);
  const FaultPlan plan = same.plan();
  const bool shows = Shows(violation, plan);
  // Where the plan does not show it, more switches may be needed than it has.
  const int most = shows ? choices.preemptions() : same.preemptions() + 2;
  int64_t runs = 0;
  for (int fewer = 0; fewer < most; ++fewer) {
    ExploreOptions options = options_;
    options.max_preemptions = fewer;
    options.merge_states = false;
    options.shards = 1;
    options.shard = 0;
    Search search(options);
    search.Begin(bound_);
    do {
      if (!session_.Run(&search, false) || !search.IsCounted()) continue;
      if (session_.Check().rule != violation.rule) continue;
      if (Shows(violation, search.plan())) return search.plan();
    } while (++runs < kMostSimplerRuns && search.Advance());
  }
  return plan;
}

void Exploration::Fail(const Violation& violation, const Choices& choices) {
  crash_report_.SetChoices(nullptr);
  ExploreFailure failure;
  const FaultPlan simpler = FindSimpler(violation, choices);
  PlanChoices again(simpler);
  session_.Run(&again, true);
  const Violation shown = session_.Check();
  const bool same = shown.rule == violation.rule && again.FirstLeft() == nullptr;
  failure.rule = violation.rule;
  failure.what = same ? shown.what
                      : violation.what +
                            " (a run of the plan does not show this, as where the body keeps "
                            "something from run to run, or a signal has to come in the midst of "
                            "a wait, after some of its time)";
  failure.plan = FaultPlanToString(simpler) + kFits + session_.Fits(simpler);
  failure.deviations = again.deviations();
  Picture picture = session_.TakePicture();
  failure.picture = DrawPicture(picture);
  failure.processes = std::move(picture.processes);
  failure.rows = std::move(picture.rows);
  result_.failures.push_back(std::move(failure));
  result_.verdict = ExploreResult::Verdict::kFailed;
}

// What a body makes once in a program, as tables in its functions are, belongs to nobody: not to
// the first process that has come there and been put back since.
void Exploration::MakeStatics() {
  sim::HeapTracker* const tracker = sim::HeapTracker::Installed();
  sim::HeapTracker::Install(nullptr);
  PlanChoices nothing({});
  session_.Run(&nothing, false);
  sim::HeapTracker::Install(tracker);
}

ExploreResult Exploration::Explore() {
  if (options_.checkpoints) MakeStatics();
  const SavedHeaps saved_heaps(options_.checkpoints);
  const int most = options_.max_faults + options_.max_signals + options_.max_kills;
  BoundEnd end = BoundEnd::kDone;
  for (int deviations = 0; deviations <= most;) {
    end = RunBound(deviations);
    if (end == BoundEnd::kStopped) break;
    if (end == BoundEnd::kAgain) {
      Forget();
      deviations = 0;
    } else {
      ++deviations;
    }
  }
  if (end == BoundEnd::kDone) {
    result_.verdict = ExploreResult::Verdict::kExhausted;
    RunByChance();
  }
  crash_report_.SetChoices(nullptr);
  coverage_.AddTo(&result_.coverage);
  result_.probes = probes_.counts();
  result_.seconds = Seconds();
  return std::move(result_);
}

}  // namespace
}  // namespace explore

ExploreResult Explore(const Scenario& scenario, const ExploreOptions& options) {
  explore::CheckOptions(scenario, options);
  ExploreResult result = explore::Exploration(scenario, options).Explore();
  result.scenario = scenario.name;
  result.options = options;
  if (options.reports) WriteReports(scenario, result);
  return result;
}

ReplayResult Replay(const Scenario& scenario, const std::string& plan, int64_t max_calls) {
  ReplayResult result;
  const size_t at = plan.rfind(explore::kFits);
  FaultPlanError error;
  const std::optional<FaultPlan> parsed = ParseFaultPlan(plan.substr(0, at), &error);
  if (!parsed.has_value()) {
    result.error = "not a plan:\n" + error.Caret(plan.substr(0, at));
    return result;
  }
  explore::Session session(scenario, max_calls);
  explore::PlanChoices nothing({});
  session.Run(&nothing, false);
  session.SetFaultFreeStatus(session.record().processes()[0].wait_status);
  explore::PlanChoices choices(*parsed);
  session.Run(&choices, true);
  result.run = {session.record().end(), session.record().message()};
  result.picture = explore::DrawPicture(session.TakePicture());
  if (const FaultEntry* left = choices.FirstLeft()) {
    result.error = "the plan does not fit: the run does not come to " + left->ToString();
  } else if (at != std::string::npos &&
             plan.substr(at + sizeof(explore::kFits) - 1) != session.Fits(*parsed)) {
    result.error =
        "the plan does not fit: before a call that it names the code does something else than "
        "when it was made";
  }
  explore::Violation violation = session.Check();
  if (violation.must_repeat) {
    session.Run(&choices, true);
    violation = session.Check();
  }
  result.rule = violation.rule;
  result.what = violation.what;
  return result;
}

}  // namespace cleanfork
