#include "src/cli/stopping.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cleanfork/names.h"
#include "cleanfork/stop.h"
#include "src/cli/duration.h"

namespace cleanfork::cli {
namespace {

const absl::Duration kFirstWord = absl::Seconds(2);
const absl::Duration kNextWord = absl::Seconds(10);

// "; SIGKILL in 3s": what the action `next` of the schedule begins with. "" where that is nothing.
std::string WhatComesNext(const StopSchedule& schedule, size_t next, absl::Duration left) {
  if (left == absl::InfiniteDuration()) return "";
  if (next == schedule.actions.size()) {
    if (!schedule.repeat_from.has_value()) return absl::StrCat("; for ", PrintDuration(left));
    next = *schedule.repeat_from;
  }
  const int signal = schedule.actions[next].signal;
  if (signal == 0) return "";
  const char* name = SignalName(signal);
  return absl::StrCat("; ", name != nullptr ? name : absl::StrCat("signal ", signal), " in ",
                      PrintDuration(left));
}

}  // namespace

// The schedule in pieces, each of them up to the next word.
absl::Status StopAndSay(ProcessHandle& process, const Settings& settings,
                        const std::string& subcommand, Context& context) {
  const StopSchedule& schedule = settings.schedule;
  absl::Duration waited, until_word = kFirstWord;
  for (size_t i = 0; i < schedule.actions.size();) {
    StopSchedule piece;
    piece.actions = {schedule.actions[i++]};
    StopSchedule::Action& action = piece.actions[0];
    for (absl::Duration left = action.wait;; action.signal = 0) {
      action.wait = std::min(left, until_word);
      const absl::Status stopped = StopProcess(process, piece, context.os);
      if (!absl::IsDeadlineExceeded(stopped)) return stopped;
      left -= action.wait;
      waited += action.wait;
      until_word -= action.wait;
      const bool is_time = until_word <= absl::ZeroDuration();
      // The next signal may end it: what is waited for afterwards is another thing.
      if (is_time) until_word = kFirstWord;
      if (left <= absl::ZeroDuration()) break;
      if (!is_time) continue;
      if (!settings.verbose && !context.os.IsATty(2).ok()) {
        until_word = absl::InfiniteDuration();
        continue;
      }
      until_word = kNextWord;
      context.err << "cleanfork: " << subcommand << ": waiting for the end of process "
                  << process.pid() << ", " << PrintDuration(waited) << " so far"
                  << WhatComesNext(schedule, i, left) << std::endl;
    }
    if (i == schedule.actions.size() && schedule.repeat_from.has_value()) i = *schedule.repeat_from;
  }
  return absl::DeadlineExceededError(
      absl::StrCat("process ", process.pid(), " still runs after ", schedule.ToString()));
}

}  // namespace cleanfork::cli
