#include "src/cli/respawn.h"

#include <algorithm>
#include <csignal>
#include <string>

#include "src/cli/duration.h"

namespace cleanfork::cli {
namespace {

absl::Status Wrong(const char* what) { return absl::InvalidArgumentError(what); }

absl::Status ApplyRespawn(const char* argument, Settings* settings) {
  const std::string when = argument;
  settings->respawn.when =
      when == "always" ? RespawnSettings::When::kAlways : RespawnSettings::When::kOnFailure;
  if (when == "always" || when == "on-failure") return absl::OkStatus();
  return Wrong("is neither on-failure nor always");
}

absl::Status ApplyBackoff(const char* argument, Settings* settings) {
  const std::string text = argument;
  const size_t dots = text.find("..");
  const std::string last = dots == std::string::npos ? text : text.substr(dots + 2);
  const std::optional<absl::Duration> first = ParseDuration(text.substr(0, dots));
  const std::optional<absl::Duration> longest = ParseDuration(last);
  settings->respawn.is_detailed = true;
  if (!first.has_value() || !longest.has_value() || *first > *longest) {
    return Wrong("is no FIRST..LONGEST of two durations, such as 1s..1min");
  }
  settings->respawn.first_delay = *first;
  settings->respawn.longest_delay = *longest;
  return absl::OkStatus();
}

absl::Status ApplyLimit(const char* argument, Settings* settings) {
  const std::string text = argument;
  const size_t slash = text.find('/');
  const std::string count = text.substr(0, slash);
  const std::optional<absl::Duration> interval =
      slash == std::string::npos ? std::nullopt : ParseDuration(text.substr(slash + 1));
  settings->respawn.is_detailed = true;
  int limit = 0;
  // Within no time there is never more than one respawn: such a limit would be none.
  if (interval.value_or(absl::ZeroDuration()) == absl::ZeroDuration() ||
      !ParseNumberBetween(count, 1, 1000, &limit)) {
    return Wrong("is no NUMBER/DURATION, such as 5/1min");
  }
  settings->respawn.limit = static_cast<size_t>(limit);
  settings->respawn.interval = *interval;
  return absl::OkStatus();
}

}  // namespace

std::vector<Option> RespawnOptions() {
  return {
      {"respawn", 0, "WHEN",
       "Start the program again when it ends: on-failure, if its status is not 0 or a signal ended "
       "it other than HUP, INT, TERM and PIPE; or always. A supervisor stays for it.",
       ApplyRespawn},
      {"backoff", 0, "FIRST[..LONGEST]",
       "How long to wait before a respawn: doubled each time up to LONGEST, or FIRST without one, "
       "and of that a random part from a half up. Default: 1s..1min.",
       ApplyBackoff},
      {"respawn-limit", 0, "NUMBER/DURATION",
       "Give up when it ends once more after this many respawns within this time. Default: 5/1min.",
       ApplyLimit},
  };
}

absl::Status CheckRespawn(const Settings& settings) {
  if (settings.respawn.when != RespawnSettings::When::kNever || !settings.respawn.is_detailed) {
    return absl::OkStatus();
  }
  return Wrong("--backoff and --respawn-limit need --respawn");
}

bool IsWantedAgain(RespawnSettings::When when, const ExitStatus& ended) {
  if (when == RespawnSettings::When::kAlways) return true;
  if (when == RespawnSettings::When::kNever || ended.success()) return false;
  const int signal = ended.term_signal();
  return signal != SIGHUP && signal != SIGINT && signal != SIGTERM && signal != SIGPIPE;
}

std::optional<int64_t> RespawnSchedule::Next(int64_t now, uint32_t random) {
  const int64_t interval = absl::ToInt64Nanoseconds(settings_.interval);
  while (!respawns_.empty() && now - respawns_.front() >= interval) respawns_.pop_front();
  if (respawns_.size() >= settings_.limit) return std::nullopt;
  const int64_t longest = absl::ToInt64Nanoseconds(settings_.longest_delay);
  int64_t delay = absl::ToInt64Nanoseconds(settings_.first_delay);
  for (size_t i = 0; i < respawns_.size() && delay < longest; ++i) delay *= 2;
  delay = std::min(delay, longest);
  constexpr int64_t kParts = 1 << 16;
  delay -= delay / 2 / kParts * static_cast<int64_t>(random % kParts);
  respawns_.push_back(now);
  return delay;
}

}  // namespace cleanfork::cli
