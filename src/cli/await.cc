#include "src/cli/await.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/names.h"
#include "cleanfork/process_handle.h"
#include "src/cli/duration.h"
#include "src/cli/stopping.h"
#include "src/look_schedule.h"

namespace cleanfork::cli {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kFirstWord = 2 * kSecond;
constexpr int64_t kNextWord = 10 * kSecond;

class Waiter {
 public:
  Waiter(Readiness& readiness, Child& child, SignalSet held, const Settings& settings,
         const std::string& subcommand, Context& context)
      : readiness_(readiness),
        child_(child),
        pid_(child.pid()),
        held_(held),
        settings_(settings),
        subcommand_(subcommand),
        context_(context),
        os_(context.os) {}

  absl::Status Wait();

 private:
  absl::Status Watch(pid_t pid);
  absl::StatusOr<bool> LookOnce();
  bool HasEndedSoon();
  absl::Status Ended() const;
  absl::Status LookForSignals();
  void SayWhatIsWaitedFor(int64_t now);
  void Pause(int64_t now);
  absl::Status WaitOn();
  absl::Status Failed(const std::string& what, int error) const;
  absl::Status Stop(const absl::Status& why);
  std::string LastStatus() const {
    return readiness_.status().empty()
               ? ""
               : absl::StrCat(" (its status: ", OneLine(readiness_.status()), ")");
  }

  Readiness& readiness_;
  Child& child_;
  const pid_t pid_;
  const SignalSet held_;
  const Settings& settings_;
  const std::string& subcommand_;
  Context& context_;
  Os& os_;
  std::vector<ProcessHandle> processes_;  // the last is the one that has to live
  bool has_no_handle_ = false;            // of pid_, which may live
  int64_t begun_ = 0;
  int64_t deadline_ = 0;
  int64_t next_word_ = 0;
  LookSchedule looks_;  // for the end of the service, for signals and for what tells nobody
};

absl::Status Waiter::Failed(const std::string& what, int error_number) const {
  ChildError error;
  error.step = Step::kReady;
  error.error = error_number;
  error.pid = pid_;
  return ChildErrorStatus(what, error);
}

absl::Status Waiter::Watch(pid_t pid) {
  absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(pid, os_);
  if (process.ok()) {
    processes_.push_back(*std::move(process));
    looks_ = LookSchedule();  // of this one nobody knows for how long it has lived
    return absl::OkStatus();
  }
  if (absl::IsNotFound(process.status())) return Ended();
  has_no_handle_ = has_no_handle_ || pid == pid_;
  return process.status();
}

absl::Status Waiter::Ended() const {
  return Failed(absl::StrCat("it ended before it was ready", LastStatus()), ESRCH);
}

// A process that ends closes its descriptors a moment before.
bool Waiter::HasEndedSoon() {
  const SysResult<int64_t> now = os_.ClockGetTime(CLOCK_MONOTONIC);
  return now.ok() && processes_.back().WaitUntil(Later(now.value(), kSecond)).value_or(false);
}

// True: ready. An error: it will never be.
absl::StatusOr<bool> Waiter::LookOnce() {
  absl::StatusOr<bool> ready = readiness_.Look();
  if (ready.ok() && *ready) return ready;
  if (!ready.ok()) return HasEndedSoon() ? Ended() : ready.status();
  const pid_t main_pid = readiness_.main_pid();
  if (main_pid != 0 && main_pid != processes_.back().pid()) {
    const absl::Status watched = Watch(main_pid);
    if (!watched.ok()) return watched;
  }
  const absl::StatusOr<bool> ended = processes_.back().WaitUntil(0);
  if (!ended.ok()) return ended.status();
  if (!*ended) return false;
  // What it said before it ended counts, if it is about another process than itself.
  ready = readiness_.Look();
  const pid_t last = readiness_.main_pid();
  if (ready.ok() && last != 0 && last != processes_.back().pid()) {
    const absl::Status watched = Watch(last);
    return watched.ok() ? ready : watched;
  }
  return Ended();
}

absl::Status Waiter::LookForSignals() {
  const SysResult<SignalInfo> taken = os_.SigTimedWait(held_, 0);
  if (!taken.ok()) return absl::OkStatus();
  const int signal = taken.value().signal;
  // It is blocked: it takes effect when all is told.
  os_.Kill(os_.GetPid(), signal).IgnoreError();
  const char* name = SignalName(signal);
  return Failed(absl::StrCat(name != nullptr ? name : "a signal", " came before it was ready"),
                EINTR);
}

void Waiter::SayWhatIsWaitedFor(int64_t now) {
  if (now < next_word_) return;
  next_word_ = now + kNextWord;
  if (!settings_.verbose && !os_.IsATty(2).ok()) {
    next_word_ = std::numeric_limits<int64_t>::max();
    return;
  }
  context_.err << "cleanfork: " << subcommand_ << ": waiting for " << readiness_.What()
               << " from process " << pid_ << ", " << (now - begun_) / kSecond << "s of "
               << (settings_.timeout == absl::InfiniteDuration() ? "as long as it takes"
                                                                 : PrintDuration(settings_.timeout))
               << LastStatus() << std::endl;
}

// It has just been looked, at `now` at the latest. What the service says, or a signal, ends the
// pause early, and leaves the next look where it is.
void Waiter::Pause(int64_t now) {
  looks_.Looked(now);
  struct pollfd ready = {readiness_.descriptor(), POLLIN, 0};
  const int64_t until = looks_.Next(now, std::min(deadline_, next_word_));
  os_.Poll(&ready, 1, until - now).IgnoreError();
}

absl::Status Waiter::WaitOn() {
  const absl::Status watched = Watch(pid_);
  if (!watched.ok()) {
    // It may have named another before it ended.
    const absl::StatusOr<bool> ready = readiness_.Look();
    const pid_t main_pid = readiness_.main_pid();
    if (!ready.ok() || main_pid == 0) return watched;
    const absl::Status instead = Watch(main_pid);
    if (!instead.ok() || *ready) return instead;
  }
  for (;;) {
    const absl::StatusOr<bool> ready = LookOnce();
    if (!ready.ok()) return ready.status();
    if (*ready) return absl::OkStatus();
    absl::Status signalled = LookForSignals();
    if (!signalled.ok()) return signalled;
    const SysResult<int64_t> now = os_.ClockGetTime(CLOCK_MONOTONIC);
    if (!now.ok()) return Failed("clock_gettime", now.error());
    if (now.value() >= deadline_) {
      return Failed(absl::StrCat("not ready within ", PrintDuration(settings_.timeout),
                                 ", waiting for ", readiness_.What(), LastStatus()),
                    ETIME);
    }
    SayWhatIsWaitedFor(now.value());
    Pause(now.value());
  }
}

// Of what has ended already nothing is said.
absl::Status Waiter::Stop(const absl::Status& why) {
  std::string text;
  for (ProcessHandle& process : processes_) {
    const absl::Status stopped = StopAndSay(process, settings_, subcommand_, context_);
    if (!stopped.ok()) absl::StrAppend(&text, "; ", std::string(stopped.message()));
  }
  // For want of descriptors, say, none could be opened; its start has left one.
  if (has_no_handle_) {
    const absl::Status stopped = child_.Stop(settings_.schedule).status();
    if (!stopped.ok()) absl::StrAppend(&text, "; ", std::string(stopped.message()));
  }
  if (text.empty()) return why;
  absl::Status both(why.code(), absl::StrCat(std::string(why.message()), text));
  why.ForEachPayload([&both](auto url, const auto& payload) { both.SetPayload(url, payload); });
  return both;
}

absl::Status Waiter::Wait() {
  const SysResult<int64_t> now = os_.ClockGetTime(CLOCK_MONOTONIC);
  begun_ = now.value_or(0);
  deadline_ = settings_.timeout == absl::InfiniteDuration()
                  ? std::numeric_limits<int64_t>::max()
                  : Later(begun_, absl::ToInt64Nanoseconds(settings_.timeout));
  next_word_ = settings_.verbose ? begun_ : begun_ + kFirstWord;
  const absl::Status waited = WaitOn();
  return waited.ok() ? waited : Stop(waited);
}

}  // namespace

absl::Status AwaitReadiness(Readiness& readiness, Child& child, SignalSet held,
                            const Settings& settings, const std::string& subcommand,
                            Context& context) {
  return Waiter(readiness, child, held, settings, subcommand, context).Wait();
}

}  // namespace cleanfork::cli
