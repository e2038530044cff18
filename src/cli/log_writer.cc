#include "src/cli/log_writer.h"

#include <fcntl.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/probe.h"

namespace cleanfork::cli {
namespace {

// By their numbers: syslog(3), and RFC 5424, tables 1 and 2.
constexpr const char* kFacilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "",       "",       "",       "",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
constexpr const char* kLevels[] = {"emerg",   "alert",  "crit", "err",
                                   "warning", "notice", "info", "debug"};
constexpr int kDaemon = 3, kError = 3, kInfo = 6;

constexpr absl::Duration kTimeToFinish = absl::Seconds(1);

template <size_t kCount>
int Find(const char* const (&names)[kCount], const std::string& name) {
  for (size_t i = 0; i < kCount; ++i) {
    if (!name.empty() && name == names[i]) return static_cast<int>(i);
  }
  return -1;
}

absl::Status OpenFailed(int stream, const std::string& what, int error_number) {
  ChildError error;
  error.step = Step::kOpenStream;
  error.error = error_number;
  error.stream = stream;
  return ChildErrorStatus(what, error);
}

std::string TagOf(const Settings& settings) {
  if (!settings.name.empty()) return settings.name;
  const std::string& program = settings.command[0];
  return program.substr(program.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

bool IsSyslog(const std::string& text) {
  return text == "syslog" || text.compare(0, 7, "syslog:") == 0;
}

bool NeedsLogWriter(const Settings& settings) {
  return settings.reopen_logs || IsSyslog(settings.out) || IsSyslog(settings.err);
}

absl::StatusOr<int> ParseSyslog(const std::string& text, int level) {
  int facility = kDaemon;
  if (text != "syslog") {
    const std::string names = text.substr(7);
    const size_t dot = names.find('.');
    facility = Find(kFacilities, names.substr(0, dot));
    if (dot != std::string::npos) level = Find(kLevels, names.substr(dot + 1));
  }
  if (facility < 0 || level < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no FACILITY[.LEVEL] of syslog(3), such as daemon.info"));
  }
  return facility * 8 + level;
}

absl::Status LogWriters::Fork(Writer* writer) {
  ForkOptions options;
  options.session = Session::kKeep;
  options.err = Stream::Null();
  // Until it has its handler: a hang-up would end it.
  options.signal_mask = SignalSet::Of(SIGHUP);
  options.keep_descriptors = {writer->read_end.get()};
  if (writer->file.valid()) options.keep_descriptors.push_back(writer->file.get());
  Os& os = os_;
  absl::StatusOr<Child> child = RunInChild(
      [&os, writer] {
        return WriteLog(os, writer->read_end.get(), writer->file.valid() ? writer->file.get() : -1,
                        writer->target);
      },
      options, os_);
  if (!child.ok()) return child.status();
  writer->child = *std::move(child);
  return absl::OkStatus();
}

absl::Status LogWriters::Add(const LogTarget& target, int stream) {
  auto writer = std::make_unique<Writer>();
  writer->target = target;
  if (!target.path.empty()) {
    files_.Make(Stream::File(target.path, target.mode));
    const SysResult<int> opened = OpenLog(os_, target.path.c_str(), target.mode);
    if (!opened.ok()) {
      return OpenFailed(stream, absl::StrCat("open(\"", target.path, "\")"), opened.error());
    }
    writer->file = UniqueFd(os_, opened.value());
  }
  const SysResult<PipeEnds> ends = os_.Pipe2(O_CLOEXEC);
  if (!ends.ok()) return OpenFailed(stream, "pipe", ends.error());
  writer->read_end = UniqueFd(os_, ends.value().read_end);
  writer->write_end = UniqueFd(os_, ends.value().write_end);
  writers_.push_back(std::move(writer));
  return Fork(writers_.back().get());
}

absl::Status LogWriters::Start(const Settings& settings, Launch* launch) {
  const std::string* const texts[] = {&settings.out, &settings.err};
  Stream* const streams[] = {&launch->options.out, &launch->options.err};
  std::optional<LogTarget> first;
  for (int i = 0; i < 2; ++i) {
    LogTarget target;
    if (IsSyslog(*texts[i])) {
      const absl::StatusOr<int> priority = ParseSyslog(*texts[i], i == 0 ? kInfo : kError);
      if (!priority.ok()) return priority.status();
      target.priority = *priority;
      target.tag = TagOf(settings);
    } else if (settings.reopen_logs && streams[i]->kind() == Stream::Kind::kFile) {
      target.path = streams[i]->path();
      target.mode = streams[i]->mode();
    } else {
      continue;
    }
    const bool is_same = first.has_value() && first->path == target.path &&
                         first->priority == target.priority && !writers_.empty();
    if (!is_same) {
      const absl::Status added = Add(target, i + 1);
      if (!added.ok()) return added;
    }
    if (i == 0) first = target;
    if (i == 1) error_log_ = writers_.back()->write_end.get();
    *streams[i] = Stream::Descriptor(writers_.back()->write_end.get());
  }
  return absl::OkStatus();
}

void LogWriters::HangUp() {
  for (const auto& writer : writers_) {
    if (writer->child.has_value()) writer->child->Signal(SIGHUP).IgnoreError();
  }
}

void LogWriters::Look() {
  for (const auto& writer : writers_) {
    if (writer->child.has_value()) {
      const absl::StatusOr<std::optional<ExitStatus>> ended = writer->child->TryWait();
      if (ended.ok() && !ended->has_value()) continue;
      writer->child.reset();
    }
    CLEANFORK_PROBE("a log writer has ended and is replaced");
    // With a file of now: it may have been rotated since.
    if (writer->file.valid()) {
      const LogTarget& target = writer->target;
      const SysResult<int> opened = OpenLog(os_, target.path.c_str(), target.mode);
      if (opened.ok()) writer->file = UniqueFd(os_, opened.value());
    }
    // If it cannot be had now, then at the next look.
    Fork(writer.get()).IgnoreError();
  }
}

void LogWriters::Finish() {
  Look();  // what the pipe of one that has ended still holds is not to be lost
  for (const auto& writer : writers_) writer->write_end.Reset();
  for (const auto& writer : writers_) {
    if (!writer->child.has_value()) continue;
    if (writer->child->Wait(kTimeToFinish).ok()) continue;
    CLEANFORK_PROBE("a log writer does not finish in time");
    writer->child->Detach();
  }
  writers_.clear();
}

}  // namespace cleanfork::cli
