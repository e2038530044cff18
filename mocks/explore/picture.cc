#include "mocks/explore/picture.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "cleanfork/names.h"
#include "cleanfork/os_call.h"
#include "mocks/os_text.h"
#include "mocks/sim/arguments.h"

namespace cleanfork::explore {
namespace {

using Kind = ExploreRow::Kind;

constexpr size_t kWidest = 48;  // of a column, where a call stands in it

std::string CallName(OsCall call) { return GetOsCallInfo(call).name; }

std::string PlaceText(const sim::TraceRecord& record) {
  return CallName(record.call) + "#" + std::to_string(record.index);
}

std::string EndText(int wait_status) {
  if (!WIFSIGNALED(wait_status)) return "ends with " + std::to_string(WEXITSTATUS(wait_status));
  return "ends, killed by " + SignalText(WTERMSIG(wait_status));
}

// What an injected fault is, as a plan says it: "EAGAIN", "short:1".
std::string FaultText(const FaultPlan& deviations, const ProcessPath& process,
                      const sim::TraceRecord& record) {
  for (const FaultEntry& entry : deviations) {
    if (entry.kind == FaultEntry::Kind::kSignal || entry.kind == FaultEntry::Kind::kSwitch)
      continue;
    if (entry.process != process || entry.call != record.call) continue;
    if (entry.sticky ? record.index < entry.index : record.index != entry.index) continue;
    const std::string text = entry.ToString();
    return text.substr(text.find('=') + 1) + (entry.sticky ? ", from now on" : "");
  }
  return ErrnoName(record.error) != nullptr ? ErrnoName(record.error) : "fault";
}

// Makes rows of the engine's records.
class PictureTaker {
 public:
  PictureTaker(const sim::Engine& engine, const FaultPlan& deviations)
      : engine_(engine), deviations_(deviations), forks_(engine.births().size(), 0) {}

  Picture Take();

 private:
  ExploreRow RowOf(const sim::TraceRecord& record);
  void AddCall(const sim::TraceRecord& record, ExploreRow* row);
  int TargetOf(const sim::TraceRecord& record);
  int NextChild(int parent);
  int Living(pid_t pid) const;
  int64_t FirstNumber(const sim::TraceRecord& record) const;

  const sim::Engine& engine_;
  const FaultPlan& deviations_;
  Picture picture_;
  std::vector<int> forks_;  // that each has made so far
  std::vector<bool> gone_;
  std::map<std::pair<int, int64_t>, pid_t> pidfds_;  // by whom, and which
};

// The child of the next fork of `parent` that succeeds.
int PictureTaker::NextChild(int parent) {
  int left = ++forks_[static_cast<size_t>(parent)];
  for (size_t i = 0; i < engine_.births().size(); ++i) {
    if (engine_.births()[i].parent == parent && --left == 0) return static_cast<int>(i);
  }
  return -1;
}

int PictureTaker::Living(pid_t pid) const {
  for (size_t i = 0; i < gone_.size(); ++i) {
    if (!gone_[i] && engine_.births()[i].pid == pid) return static_cast<int>(i);
  }
  return -1;
}

// 0 where the first argument is no number.
int64_t PictureTaker::FirstNumber(const sim::TraceRecord& record) const {
  int64_t number = 0;
  const char* const bytes = engine_.trace_bytes() + record.at;
  if (record.arguments < 1 + sizeof(number) || bytes[0] != 'i') return 0;
  std::memcpy(&number, bytes + 1, sizeof(number));
  return number;
}

// Another process that a successful call has to do with, where that is plain.
int PictureTaker::TargetOf(const sim::TraceRecord& record) {
  const int64_t first = FirstNumber(record);
  switch (record.call) {
    case OsCall::kFork: return NextChild(record.birth);
    case OsCall::kKill: return first > 0 ? Living(static_cast<pid_t>(first)) : -1;
    case OsCall::kPidFdOpen:
      pidfds_[{record.birth, record.value}] = static_cast<pid_t>(first);
      return -1;
    case OsCall::kPidFdSendSignal: {
      const auto found = pidfds_.find({record.birth, first});
      return found == pidfds_.end() ? -1 : Living(found->second);
    }
    default: return -1;
  }
}

void PictureTaker::AddCall(const sim::TraceRecord& record, ExploreRow* row) {
  row->text = CallName(record.call) + "(" +
              sim::ArgumentText(engine_.trace_bytes() + record.at, record.arguments) + ")";
  const char* const error = record.error == 0 ? nullptr : ErrnoName(record.error);
  row->failed = record.error != 0;
  row->result =
      error != nullptr ? error : std::to_string(row->failed ? record.error : record.value);
  const sim::Birth& birth = engine_.births()[static_cast<size_t>(record.birth)];
  if (record.injected) row->fault = FaultText(deviations_, birth.path, record);
  if (!row->failed && record.call != OsCall::kVforkCall) row->other = TargetOf(record);
  if (row->other == record.birth) row->other = -1;  // itself
}

ExploreRow PictureTaker::RowOf(const sim::TraceRecord& record) {
  using Record = sim::TraceRecord::Kind;
  ExploreRow row;
  row.process = record.birth;
  const int value = static_cast<int>(record.value);
  switch (record.kind) {
    case Record::kCall: AddCall(record, &row); break;
    case Record::kVfork:
      row = {Kind::kVfork, record.birth, NextChild(record.birth), "vfork begins", "", false, ""};
      break;
    case Record::kExec:
      AddCall(record, &row);
      row.kind = Kind::kExec;
      row.text = "execve" + row.text.substr(row.text.find('('));
      row.result = "";
      break;
    case Record::kHandler:
      row.kind = Kind::kHandler;
      row.text = "handler of " + SignalText(value) + " {";
      break;
    case Record::kHandlerEnd:
      row.kind = Kind::kHandlerEnd;
      row.text = "}";
      break;
    case Record::kSwitch:
      row.kind = Kind::kSwitch;
      row.other = value;
      row.text = "before " + PlaceText(record);
      break;
    case Record::kSignal:
    case Record::kSignalWithin:
      row.kind = Kind::kSignal;
      row.fault = SignalText(value);
      row.text = row.fault +
                 (record.kind == Record::kSignal ? " comes before " : " comes within ") +
                 PlaceText(record);
      break;
    case Record::kEnd:
      row.kind = Kind::kExit;
      row.text = "closes its descriptors";
      break;
    case Record::kGone: {
      const int parent = picture_.processes[static_cast<size_t>(record.birth)].parent;
      gone_[static_cast<size_t>(record.birth)] = true;
      row.kind = Kind::kEnd;
      row.text = EndText(value);
      if (parent >= 0 && !gone_[static_cast<size_t>(parent)]) row.other = parent;
      break;
    }
  }
  return row;
}

Picture PictureTaker::Take() {
  for (const sim::Birth& birth : engine_.births()) {
    picture_.processes.push_back({birth.path.ToString(), birth.pid, birth.parent});
  }
  gone_.assign(picture_.processes.size(), false);
  for (const sim::TraceRecord& record : engine_.trace()) picture_.rows.push_back(RowOf(record));
  return std::move(picture_);
}

// Text -------------------------------------------------------------------------------------------

std::string Shortened(std::string text, size_t width) {
  if (text.size() <= width) return text;
  text.resize(width - 3);
  return text + "...";
}

std::string CellText(const Picture& picture, const ExploreRow& row) {
  const auto path = [&picture](int process) {
    return picture.processes[static_cast<size_t>(process)].path;
  };
  switch (row.kind) {
    case Kind::kSwitch: return ">>> " + path(row.other) + " goes on " + row.text;
    case Kind::kSignal: return "!!! " + row.text;
    case Kind::kVfork: return row.text + (row.other < 0 ? "" : " " + path(row.other));
    case Kind::kEnd: return row.text + (row.other < 0 ? "" : ", tells " + path(row.other));
    case Kind::kCall: break;
    default: return Shortened(row.text, kWidest);
  }
  std::string tail = " = " + row.result;
  if (row.other >= 0) tail += " -> " + path(row.other);
  if (!row.fault.empty()) {
    tail += " <== fault" + (row.fault == row.result ? "" : ": " + row.fault);
  }
  return Shortened(row.text, kWidest - std::min(kWidest - 12, tail.size())) + tail;
}

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string NameOf(const ExploreRow& call) { return call.text.substr(0, call.text.find('(')); }

// A call that nothing happens in but itself.
bool IsPlain(const ExploreRow& row) {
  return row.kind == Kind::kCall && row.other < 0 && row.fault.empty();
}

bool AreAlike(const ExploreRow& a, const ExploreRow& b) {
  return a.failed == b.failed && NameOf(a) == NameOf(b);
}

}  // namespace

Picture TakePicture(const sim::Engine& engine, const FaultPlan& deviations) {
  return PictureTaker(engine, deviations).Take();
}

std::optional<Series> FindSeries(const std::vector<ExploreRow>& rows, size_t begin) {
  for (size_t period = 1; period <= kLongestRound; ++period) {
    size_t end = begin;
    while (end < rows.size() && IsPlain(rows[end]) && rows[end].process == rows[begin].process &&
           (end < begin + period || AreAlike(rows[end], rows[end - period]))) {
      ++end;
    }
    const size_t rounds = (end - begin) / period;
    if (rounds < kShortestSeries) continue;
    const size_t hidden = rounds - 2;
    std::string of;
    for (size_t i = begin; i < begin + period; ++i) {
      of += (i == begin ? "" : ", ") + NameOf(rows[i]);
    }
    return Series{begin + period, hidden * period,
                  std::to_string(hidden) + (period == 1 ? " more of " : " more rounds of ") + of};
  }
  return std::nullopt;
}

std::string DrawPicture(const Picture& picture) {
  struct Line {
    size_t column;
    std::string cell;
  };
  std::vector<Line> lines;
  std::vector<size_t> depths(picture.processes.size(), 0);  // in handlers
  const auto add = [&](const ExploreRow& row, std::string cell) {
    size_t& depth = depths[static_cast<size_t>(row.process)];
    if (row.kind == Kind::kHandlerEnd && depth > 0) --depth;
    lines.push_back({static_cast<size_t>(row.process), std::string(2 * depth, ' ') + cell});
    if (row.kind == Kind::kHandler) ++depth;
  };
  std::optional<Series> series;
  for (size_t i = 0; i < picture.rows.size(); ++i) {
    if (!series.has_value()) series = FindSeries(picture.rows, i);
    const ExploreRow& row = picture.rows[i];
    if (series.has_value() && i == series->first) {
      add(row, "... " + series->text);
      i += series->count - 1;
      series.reset();
    } else {
      add(row, CellText(picture, row));
    }
  }
  std::vector<std::string> names;
  std::vector<size_t> widths;
  for (const ExploreProcess& process : picture.processes) {
    names.push_back(process.path + " (pid " + std::to_string(process.pid) + ")");
    widths.push_back(names.back().size());
  }
  for (const Line& line : lines) {
    widths[line.column] = std::max(widths[line.column], line.cell.size());
  }
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text += i + 1 == names.size() ? names[i] + "\n" : Padded(names[i], widths[i]) + " | ";
  }
  for (const Line& line : lines) {
    for (size_t i = 0; i < line.column; ++i) text += Padded("", widths[i]) + " | ";
    text += line.cell + "\n";
  }
  return text;
}

}  // namespace cleanfork::explore
