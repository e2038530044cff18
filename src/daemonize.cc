#include "cleanfork/daemonize.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cleanfork/child.h"
#include "cleanfork/child_error.h"
#include "cleanfork/child_report.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/probe.h"
#include "src/await_ready.h"
#include "src/child_plan.h"
#include "src/enter_child.h"
#include "src/invalid_options.h"
#include "src/launch.h"
#include "src/proc_files.h"

namespace cleanfork {
namespace {

static_assert(Daemon::kLongestMessage == kLongestText, "what is sent is what is read");
static_assert(sizeof(ChildReport) + kLongestText <= 4096, "more is not written at once: pipe(7)");

absl::Status Refused(const std::string& what, int error = 0) {
  ChildError child_error;
  child_error.step = Step::kValidate;
  child_error.error = error;
  const absl::Status status = ChildErrorStatus(what, child_error);
  absl::Status refused(absl::StatusCode::kFailedPrecondition, status.message());
  status.ForEachPayload(
      [&refused](const auto& url, const absl::Cord& payload) { refused.SetPayload(url, payload); });
  return refused;
}

// The twentieth field of proc_pid_stat(5) is the number of threads. Who cannot tell is refused as
// well: the deadlock that threads may lead to comes later, seldom, and without a message.
absl::Status RefuseThreads(Os& os) {
  constexpr const char* kPath = "/proc/self/stat";
  constexpr size_t kThreads = 20 - 3;  // counted from behind the name, which may hold anything
  std::string text;
  const int error = ReadProcFile(os, kPath, &text);
  const std::string unknown = absl::StrCat("whether there are other threads cannot be told from ",
                                           kPath, " (allow_threads)");
  if (error != 0) return Refused(unknown, error);
  const size_t parenthesis = text.rfind(')');
  std::vector<std::string> fields;
  if (parenthesis != std::string::npos) {
    fields = absl::StrSplit(text.substr(parenthesis + 1), ' ', absl::SkipEmpty());
  }
  int threads = 0;
  if (fields.size() <= kThreads || !absl::SimpleAtoi(fields[kThreads], &threads)) {
    return Refused(unknown);
  }
  if (threads == 1) return absl::OkStatus();
  return Refused(absl::StrCat("a process with ", threads,
                              " threads is not to become a daemon: it would have but one of them "
                              "(allow_threads)"));
}

absl::Status Validate(const DaemonizeOptions& options) {
  for (const Stream* stream : {&options.fork.in, &options.fork.out, &options.fork.err}) {
    if (stream->kind() == Stream::Kind::kPipe) {
      return InvalidOptions("Daemonize() has no way to return a stream's pipe");
    }
  }
  if (options.ready_timeout <= absl::ZeroDuration()) {
    return InvalidOptions("ready_timeout is not above zero");
  }
  if (options.fork.parent_death_signal.has_value() && !options.keep_parent) {
    return InvalidOptions("parent_death_signal: the daemon's parent ends when the daemon is ready");
  }
  return absl::OkStatus();
}

// At most kLongestText bytes, of which the last show that something is missing.
std::string Shortened(const std::string& text) {
  constexpr char kCut[] = "... [cut]";
  if (text.size() <= kLongestText) return text;
  size_t end = kLongestText - std::strlen(kCut);
  // Not within a character of UTF-8, whose bytes after the first are 10xxxxxx.
  const auto is_inside = [&](size_t at) { return (text[at] & 0xc0) == 0x80; };
  for (int back = 0; back < 3 && is_inside(end); ++back) --end;
  return text.substr(0, end) + kCut;
}

}  // namespace

Daemon::Daemon(Os& os, State state, pid_t pid, UniqueFd report, UniqueFd supervisor)
    : os_(&os),
      state_(state),
      pid_(pid),
      exceptions_(std::uncaught_exceptions()),
      report_(std::move(report)),
      supervisor_(std::move(supervisor)) {}

Daemon::Daemon(Daemon&& other) noexcept
    : os_(other.os_),
      state_(other.state_),
      pid_(other.pid_),
      exceptions_(other.exceptions_),
      report_(std::move(other.report_)),
      supervisor_(std::move(other.supervisor_)) {}

Daemon& Daemon::operator=(Daemon&& other) noexcept {
  if (this != &other) {
    EndOfLife();
    os_ = other.os_;
    state_ = other.state_;
    pid_ = other.pid_;
    exceptions_ = other.exceptions_;
    report_ = std::move(other.report_);
    supervisor_ = std::move(other.supervisor_);
  }
  return *this;
}

Daemon::~Daemon() { EndOfLife(); }

void Daemon::EndOfLife() {
  if (!MayTell()) return;
  CLEANFORK_PROBE("a daemon is left before it was ready");
  const bool thrown = std::uncaught_exceptions() > exceptions_;
  Fail(absl::AbortedError(thrown ? "the daemon was left by an exception before it was ready"
                                 : "the daemon gave up before it was ready"))
      .IgnoreError();
}

// Whether the starter waits for this process's word. One that it has forked has the same handle.
bool Daemon::MayTell() const {
  return state_ == State::kStarting && report_.valid() && os_->GetPid() == pid_;
}

// A write(2) to a pipe without a reader fails with EPIPE and sends a SIGPIPE to the thread, whose
// default action is to end the process: blocked meanwhile, and taken back.
SysResult<void> Daemon::Write(int fd, const void* bytes, size_t size) {
  const SignalSet sigpipe = SignalSet::Of(SIGPIPE);
  const SysResult<SignalSet> mask = os_->SigProcMask(SIG_BLOCK, &sigpipe);
  if (!mask.ok()) return SysError(mask.error());
  const SysResult<void> written = WriteFully(*os_, fd, bytes, size);
  // EAGAIN: it is ignored, and so not pending.
  if (!written.ok() && written.error() == EPIPE) {
    CLEANFORK_PROBE("a SIGPIPE is taken back");
    os_->SigTimedWait(sigpipe, 0).IgnoreError();
  }
  const SignalSet before = mask.value();
  os_->SigProcMask(SIG_SETMASK, &before).IgnoreError();  // cannot fail: sigprocmask(2)
  return written;
}

// EPIPE: the starter has ended, and with it the use of the first child.
SysResult<void> Daemon::Tell(const void* bytes, size_t size) {
  const SysResult<void> told = Write(report_.get(), bytes, size);
  if (!told.ok() && told.error() == EPIPE) {
    CLEANFORK_PROBE("a daemon has lost its starter");
    ReleaseFirstChild();
  }
  return told;
}

// In so many words: a process that was forked meanwhile may hold the pipe open for ever. A starter
// that is still there ends the first child as well.
void Daemon::ReleaseFirstChild() {
  if (!supervisor_.valid()) return;
  const ChildReport report = ChildReport::Started(pid_);
  Write(supervisor_.get(), &report, sizeof(report)).IgnoreError();
  supervisor_.Reset();
}

absl::Status Daemon::Ready() {
  if (state_ == State::kReady && os_->GetPid() == pid_) return absl::OkStatus();
  if (!MayTell()) {
    return absl::FailedPreconditionError(
        state_ == State::kStarter  ? "Ready() is for the daemon to call, and this is its starter"
        : state_ == State::kFailed ? "Ready() after Fail()"
                                   : "Ready() in a process that is not the daemon itself");
  }
  const ChildReport report = ChildReport::Ready(pid_);
  const SysResult<void> told = Tell(&report, sizeof(report));
  if (!told.ok()) {
    const absl::Status status = StatusFromErrno(told.error(), "the daemon's word to its starter");
    // A code of its own, since nothing can be done about it but to leave.
    return told.error() == EPIPE ? absl::CancelledError(status.message()) : status;
  }
  state_ = State::kReady;
  ReleaseFirstChild();
  report_.Reset();
  return absl::OkStatus();
}

absl::Status Daemon::Fail(const absl::Status& why) {
  if (!MayTell()) return why;
  state_ = State::kFailed;
  const std::string text = Shortened(std::string(why.message()));
  const int code = static_cast<int>(why.ok() ? absl::StatusCode::kUnknown : why.code());
  const ChildReport report = ChildReport::GaveUp(code, pid_, static_cast<int32_t>(text.size()));
  std::string bytes(reinterpret_cast<const char*>(&report), sizeof(report));
  bytes += text;
  // Who cannot tell it can only leave: then the starter sees that.
  Tell(bytes.data(), bytes.size()).IgnoreError();
  report_.Reset();
  return why;
}

absl::StatusOr<Daemon> Daemonize(const DaemonizeOptions& options, Os& os) {
  absl::Status valid = Validate(options);
  if (valid.ok() && !options.allow_threads) valid = RefuseThreads(os);
  if (!valid.ok()) return valid;
  absl::StatusOr<std::unique_ptr<ChildPlan>> plan = ChildPlan::Build(options.fork, nullptr, os);
  if (!plan.ok()) return plan.status();
  (*plan)->AwaitReady();
  Launch launch(options.fork, **plan, os);
  absl::StatusOr<std::optional<Child>> child = launch.Run();
  if (!child.ok()) return child.status();
  if (!child->has_value()) {
    Daemon daemon(os, Daemon::State::kStarting, os.GetPid(),
                  UniqueFd(os, (*plan)->frozen().report_write), UniqueFd(os, launch.supervisor()));
    EnterChild(options.fork, *std::move(plan), os);
    return daemon;
  }
  absl::Status ready = launch.AwaitReady(options.ready_timeout);
  if (!ready.ok()) return ready;
  const pid_t pid = (*child)->pid();
  if (options.fork.in_parent) options.fork.in_parent(pid);
  if (!options.keep_parent) os.Exit(0);
  return Daemon(os, Daemon::State::kStarter, pid, UniqueFd(), UniqueFd());
}

}  // namespace cleanfork
