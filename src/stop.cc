#include "cleanfork/stop.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cleanfork/names.h"
#include "src/walk_schedule.h"

namespace cleanfork {
namespace {

const absl::Duration kDefaultWait = absl::Seconds(5);

// A year: longer than any schedule means, and far from where the sum of two would overflow.
constexpr int64_t kLongestSeconds = 366 * 24 * 60 * 60;

bool IsDigits(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// "5", "5s" or "500ms".
std::optional<absl::Duration> ParseDuration(const std::string& text) {
  const size_t digits = text.find_first_not_of("0123456789");
  const std::string unit = digits == std::string::npos ? "s" : text.substr(digits);
  int64_t number = 0;
  if (digits == 0 || !absl::SimpleAtoi(text.substr(0, digits), &number)) return std::nullopt;
  const int64_t per_second = unit == "ms" ? 1000 : 1;
  if ((unit != "s" && unit != "ms") || number / per_second > kLongestSeconds) return std::nullopt;
  return unit == "s" ? absl::Seconds(number) : absl::Milliseconds(number);
}

// "TERM", "SIGTERM", "-TERM" or "-15"; 0 if it is none of them.
int ParseSignal(const std::string& text) {
  const std::string name = text[0] == '-' ? text.substr(1) : text;
  int number = 0;
  if (text[0] == '-' && IsDigits(name)) {
    return absl::SimpleAtoi(name, &number) && number >= 1 && number <= SignalSet::kMaxSignal
               ? number
               : 0;
  }
  return SignalFromName(name.c_str());
}

std::string PrintSignal(int signal) {
  const char* name = SignalName(signal);
  if (name == nullptr) return absl::StrCat("-", signal);
  return std::string(name).substr(std::string("SIG").size());
}

std::string PrintDuration(absl::Duration duration) {
  const int64_t milliseconds = absl::ToInt64Milliseconds(duration);
  return milliseconds % 1000 == 0 ? absl::StrCat(milliseconds / 1000, "s")
                                  : absl::StrCat(milliseconds, "ms");
}

// Puts one item at the end of the schedule. False if it is no item.
bool AddItem(const std::string& item, StopSchedule* schedule) {
  std::vector<StopSchedule::Action>& actions = schedule->actions;
  if (item == "forever") {
    if (schedule->repeat_from.has_value()) return false;
    schedule->repeat_from = actions.size();
    return true;
  }
  if (item.empty()) return false;
  if (const std::optional<absl::Duration> wait = ParseDuration(item)) {
    // What is repeated begins with an action of its own.
    if (actions.empty() || schedule->repeat_from == actions.size()) actions.push_back({});
    actions.back().wait += *wait;
    return true;
  }
  const int signal = ParseSignal(item);
  if (signal == 0) return false;
  actions.push_back({signal, absl::ZeroDuration()});
  return true;
}

}  // namespace

absl::StatusOr<StopSchedule> StopSchedule::Parse(const std::string& text) {
  StopSchedule schedule;
  schedule.actions.clear();
  bool ends_in_signal = false;
  int items = 0;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('/', at), text.size());
    const std::string item = text.substr(at, end - at);
    if (!AddItem(item, &schedule)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "schedule \"", text, "\", column ", at + 1, ": \"", item,
          "\" is not a signal (TERM, -15), a duration (5s, 500ms) or one \"forever\""));
    }
    ends_in_signal = item != "forever" && !ParseDuration(item).has_value();
    at = end + 1;
    ++items;
  }
  std::vector<Action>& actions = schedule.actions;
  if (items == 1 && !ends_in_signal && actions.size() == 1) {
    const absl::Duration wait = actions[0].wait;
    if (wait <= absl::ZeroDuration()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "schedule \"", text, "\" would kill at once and not wait for the end: say KILL/5s"));
    }
    actions = {{SIGTERM, wait}, {SIGKILL, wait}};
    return schedule;
  }
  if (ends_in_signal) actions.back().wait = kDefaultWait;
  if (schedule.repeat_from.has_value()) {
    absl::Duration repeated;
    for (size_t i = *schedule.repeat_from; i < actions.size(); ++i) repeated += actions[i].wait;
    if (repeated <= absl::ZeroDuration()) {
      return absl::InvalidArgumentError(
          absl::StrCat("schedule \"", text, "\": after \"forever\" there has to be a wait"));
    }
  }
  return schedule;
}

std::string StopSchedule::ToString() const {
  std::vector<std::string> items;
  for (size_t i = 0; i < actions.size(); ++i) {
    if (repeat_from == i) items.push_back("forever");
    if (actions[i].signal != 0) items.push_back(PrintSignal(actions[i].signal));
    if (actions[i].wait > absl::ZeroDuration() || actions[i].signal == 0 ||
        i + 1 == actions.size()) {
      items.push_back(PrintDuration(actions[i].wait));
    }
  }
  // A wait alone would be read as TERM and KILL with that wait.
  if (items.size() == 1) items.push_back("0s");
  return absl::StrJoin(items, "/");
}

absl::Status StopProcess(ProcessHandle& process, const StopSchedule& schedule, Os& os) {
  const absl::StatusOr<bool> ended = WalkSchedule(
      schedule, os, [&](int signal) { return process.Signal(signal); },
      [&](int64_t deadline) { return process.WaitUntil(deadline); });
  if (!ended.ok()) return ended.status();
  if (*ended) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("process ", process.pid(), " still runs after ", schedule.ToString()));
}

}  // namespace cleanfork
