#include "mocks/explore/picture.h"

#include <sys/wait.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cleanfork/names.h"
#include "cleanfork/os_call.h"
#include "mocks/sim/arguments.h"

namespace cleanfork::explore {
namespace {

constexpr size_t kWidest = 44;  // of a column

std::string EndText(int wait_status) {
  if (!WIFSIGNALED(wait_status)) return "ends with " + std::to_string(WEXITSTATUS(wait_status));
  const char* const name = SignalName(WTERMSIG(wait_status));
  return "is killed by " +
         (name != nullptr ? std::string(name) : std::to_string(WTERMSIG(wait_status)));
}

std::string CellText(const sim::Engine& engine, const sim::TraceRecord& record) {
  if (record.kind == sim::TraceRecord::Kind::kEnd) {
    return EndText(static_cast<int>(record.value));
  }
  std::string text = GetOsCallInfo(record.call).name;
  text += "(" + sim::ArgumentText(engine.trace_bytes() + record.at, record.arguments) + ")";
  const char* const error = record.error == 0 ? nullptr : ErrnoName(record.error);
  const std::string result = error != nullptr ? error : std::to_string(record.value);
  const std::string tail = " = " + result + (record.injected ? " <- fault" : "");
  if (text.size() + tail.size() > kWidest) {
    text.resize(kWidest - std::min(kWidest - 4, tail.size()) - 3);
    text += "...";
  }
  return text + tail;
}

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

}  // namespace

std::string DrawRun(const sim::Engine& engine) {
  const std::vector<sim::Birth>& births = engine.births();
  std::vector<size_t> widths;
  for (const sim::Birth& birth : births) {
    widths.push_back((birth.path.ToString() + " " + std::to_string(birth.pid)).size());
  }
  std::vector<std::string> cells;
  for (const sim::TraceRecord& record : engine.trace()) {
    cells.push_back(CellText(engine, record));
    size_t& width = widths[static_cast<size_t>(record.birth)];
    width = std::max(width, cells.back().size());
  }
  const auto line = [&](size_t column, const std::string& cell) {
    std::string text;
    for (size_t i = 0; i < column; ++i) text += Padded("", widths[i]) + " | ";
    return text + cell + "\n";
  };
  std::string text;
  for (size_t i = 0; i < births.size(); ++i) {
    const std::string name = births[i].path.ToString() + " " + std::to_string(births[i].pid);
    text += i + 1 == births.size() ? name + "\n" : Padded(name, widths[i]) + " | ";
  }
  for (size_t i = 0; i < cells.size(); ++i) {
    text += line(static_cast<size_t>(engine.trace()[i].birth), cells[i]);
  }
  return text;
}

}  // namespace cleanfork::explore
