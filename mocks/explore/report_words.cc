#include "mocks/explore/report_words.h"

#include <cstdio>

#include "cleanfork/names.h"

namespace cleanfork::explore {

std::string Thousands(int64_t number) {
  std::string text = std::to_string(number);
  const size_t first = text[0] == '-' ? 1 : 0;
  for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
  return text;
}

std::string SecondsText(double seconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f s", seconds);
  return text;
}

std::string VerdictWord(ExploreResult::Verdict verdict) {
  switch (verdict) {
    case ExploreResult::Verdict::kExhausted: return "exhausted";
    case ExploreResult::Verdict::kTruncated: return "truncated";
    case ExploreResult::Verdict::kFailed: break;
  }
  return "failed";
}

std::string VerdictSentence(const ExploreResult& result) {
  switch (result.verdict) {
    case ExploreResult::Verdict::kExhausted:
      return "Every run within the bounds was made, and none breaks a rule.";
    case ExploreResult::Verdict::kTruncated:
      return "No run that was made breaks a rule, but not every run within the bounds was made: " +
             (result.truncated_by.empty() ? std::string("stopped") : result.truncated_by) + ".";
    case ExploreResult::Verdict::kFailed: break;
  }
  if (result.failures.empty()) return "A run breaks a rule.";
  const auto deviations = static_cast<int64_t>(result.failures[0].deviations.size());
  const std::string with = deviations == 0 ? "A run without a fault"
                           : deviations == 1
                               ? "A run with one deviation"
                               : "A run with " + Thousands(deviations) + " deviations";
  return with + " breaks a rule: " + result.failures[0].rule + ".";
}

std::string TotalsText(const ExploreResult& result) {
  std::string text =
      Thousands(result.runs) + " runs, " + Thousands(result.pruned) + " given up as like another, ";
  if (result.random_runs > 0) text += Thousands(result.random_runs) + " by chance, ";
  return text + SecondsText(result.seconds);
}

std::vector<std::pair<std::string, std::string>> BoundsOf(const ExploreOptions& options) {
  const auto yes = [](bool value) { return std::string(value ? "yes" : "no"); };
  std::string signals;
  for (int signal : options.signals) {
    const char* const name = SignalName(signal);
    signals += (signals.empty() ? "" : " ") + (name != nullptr ? name : std::to_string(signal));
  }
  std::vector<std::pair<std::string, std::string>> bounds = {
      {"max_faults", std::to_string(options.max_faults)},
      {"sticky_faults", yes(options.sticky_faults)},
      {"short_transfers", yes(options.short_transfers)},
      {"lies", yes(options.lies)},
      {"fault_filter", yes(options.fault_filter != nullptr)},
      {"signals", signals.empty() ? "none" : signals},
      {"max_signals", std::to_string(options.max_signals)},
      {"max_kills", std::to_string(options.max_kills)},
      {"max_preemptions",
       options.max_preemptions < 0 ? "any" : std::to_string(options.max_preemptions)},
      {"reduce", yes(options.reduce)},
      {"merge_states", yes(options.merge_states)},
      {"checkpoints", yes(options.checkpoints)},
      {"max_calls", Thousands(options.max_calls)},
      {"max_runs", Thousands(options.max_runs)},
      {"max_seconds", options.max_seconds > 0 ? SecondsText(options.max_seconds) : "any"},
  };
  if (options.random_runs > 0) {
    bounds.emplace_back("random_runs", Thousands(options.random_runs));
    bounds.emplace_back("random_deviations", std::to_string(options.random_deviations));
    bounds.emplace_back("seed", std::to_string(options.seed));
  }
  if (options.shards > 1) {
    bounds.emplace_back("shard",
                        std::to_string(options.shard) + " of " + std::to_string(options.shards));
  }
  return bounds;
}

}  // namespace cleanfork::explore
