#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "mocks/explore/picture.h"
#include "mocks/explore/report_page.h"

namespace cleanfork::explore {
namespace {

using Kind = ExploreRow::Kind;

// Draws a row at a time: cells from left to right, with lanes behind them, and wires between.
class Chart {
 public:
  explicit Chart(const ExploreFailure& failure);
  std::string Html();

 private:
  std::string Header() const;
  void AddRow(size_t first, const Series* series);
  std::string Cell(size_t row, int process, const std::string& content) const;
  std::string Step(const ExploreRow& row) const;
  std::string Folded(const Series& series) const;
  std::string Tip(const ExploreRow& row) const;
  bool IsLive(size_t row, int process) const;
  bool Starts(const ExploreRow& row) const;

  const ExploreFailure& failure_;
  std::vector<size_t> born_;  // of each process: the row in which it starts, and its last
  std::vector<size_t> ends_;
  std::vector<int> depths_;  // in handlers
  std::string html_;
};

bool Chart::Starts(const ExploreRow& row) const {
  if (row.other < 0) return false;
  return row.kind == Kind::kVfork || (row.kind == Kind::kCall && row.text.rfind("fork(", 0) == 0);
}

Chart::Chart(const ExploreFailure& failure)
    : failure_(failure),
      born_(failure.processes.size(), failure.rows.size()),
      ends_(failure.processes.size(), failure.rows.size()),
      depths_(failure.processes.size(), 0) {
  for (size_t i = 0; i < failure.rows.size(); ++i) {
    const ExploreRow& row = failure.rows[i];
    if (Starts(row)) {
      size_t& born = born_[static_cast<size_t>(row.other)];
      born = std::min(born, i);
    }
    size_t& own = born_[static_cast<size_t>(row.process)];
    own = std::min(own, i);
    if (row.kind == Kind::kEnd) ends_[static_cast<size_t>(row.process)] = i;
  }
  if (!born_.empty()) born_[0] = 0;
}

bool Chart::IsLive(size_t row, int process) const {
  const auto at = static_cast<size_t>(process);
  return row >= born_[at] && row <= ends_[at];
}

std::string Chart::Header() const {
  std::string html = "<thead><tr><th scope=\"col\"><span class=\"sr\">step</span></th>";
  for (const ExploreProcess& process : failure_.processes) {
    html += "<th scope=\"col\">" + Escaped(process.path) + "<small>pid " +
            std::to_string(process.pid) + "</small></th>";
  }
  return html + "</tr></thead>\n";
}

std::string Chart::Step(const ExploreRow& row) const {
  std::string classes = "step";
  std::string inside = "<code>" + Escaped(row.text) + "</code>";
  switch (row.kind) {
    case Kind::kCall:
      inside += " <span class=\"mono\">= " + Escaped(row.result) + "</span>";
      if (!row.fault.empty()) {
        classes += " fault";
        inside += " <span class=\"mark\">\u26a1 fault: " + Escaped(row.fault) + "</span>";
      } else if (row.failed) {
        classes += " failed-call";
      }
      break;
    case Kind::kExec: inside += " <span class=\"mark\">\u21bb runs a program</span>"; break;
    case Kind::kSignal:
      classes += " signal";
      inside = "<span class=\"mark\">\u26a1</span> " + Escaped(row.text);
      break;
    case Kind::kSwitch:
      classes += " switch";
      inside = "<span class=\"mark\">\u21c4 switch</span> " + Escaped(row.text);
      break;
    case Kind::kHandler:
    case Kind::kHandlerEnd:
      classes += " handler";
      inside = row.kind == Kind::kHandler
                   ? Escaped(row.text.substr(0, row.text.find(" {"))) + " begins"
                   : "handler returns";
      break;
    case Kind::kVfork: break;
    case Kind::kExit:
      classes += " exit";
      inside = Escaped(row.text);
      break;
    case Kind::kEnd:
      classes += " end";
      inside = "\u25a0 " + Escaped(row.text);
      break;
  }
  return "<div class=\"" + classes + "\">" + inside + "</div>";
}

// What an arrow says where it ends.
std::string Chart::Tip(const ExploreRow& row) const {
  std::string text = "signal";
  if (Starts(row)) {
    text = failure_.processes[static_cast<size_t>(row.other)].path + " starts";
  } else if (row.kind == Kind::kEnd) {
    text = "told";
  } else if (row.kind == Kind::kSwitch) {
    text = "goes on";
  }
  const bool rightward = row.other > row.process;
  return "<span class=\"tip\">" +
         (rightward ? "\u25b6 " + Escaped(text) : Escaped(text) + " \u25c0") + "</span>";
}

std::string Chart::Folded(const Series& series) const {
  std::string html =
      "<div class=\"step\"><details><summary>" + Escaped(series.text) + "</summary><ol>";
  for (size_t i = series.first; i < series.first + series.count; ++i) {
    html += "<li><code>" + Escaped(failure_.rows[i].text) + " = " +
            Escaped(failure_.rows[i].result) + "</code></li>";
  }
  return html + "</ol></details></div>";
}

std::string Chart::Cell(size_t at, int process, const std::string& content) const {
  const ExploreRow& row = failure_.rows[at];
  std::string classes;
  const auto add = [&classes](const std::string& name) {
    classes += (classes.empty() ? "" : " ") + name;
  };
  if (IsLive(at, process)) add("alive");
  // It begins in the middle of the row in which another one starts it.
  if (born_[static_cast<size_t>(process)] == at && row.process != process) add("born");
  if (ends_[static_cast<size_t>(process)] == at) add("ends");
  if (row.process == process && depths_[static_cast<size_t>(process)] > 0) add("in-handler");
  const int low = std::min(row.process, row.other);
  const int high = std::max(row.process, row.other);
  if (row.other >= 0 && process >= low && process <= high) {
    const bool rightward = row.other > row.process;
    add("wire");
    if (process == row.process) add(rightward ? "from-right" : "from-left");
    if (process == row.other) add(rightward ? "to-right" : "to-left");
  }
  return "<td" + (classes.empty() ? "" : " class=\"" + classes + "\"") + ">" + content + "</td>";
}

// Of a series: its rows as one.
void Chart::AddRow(size_t first, const Series* series) {
  const ExploreRow& row = failure_.rows[first];
  const size_t last = first + (series != nullptr ? series->count : 1);
  const std::string number =
      std::to_string(first + 1) + (last > first + 1 ? "\u2013" + std::to_string(last) : "");
  html_ += "<tr><th scope=\"row\">" + number + "</th>";
  for (int process = 0; process < static_cast<int>(failure_.processes.size()); ++process) {
    std::string content;
    if (process == row.process) content = series != nullptr ? Folded(*series) : Step(row);
    if (process == row.other) content = Tip(row);
    html_ += Cell(first, process, content);
  }
  html_ += "</tr>\n";
  int& depth = depths_[static_cast<size_t>(row.process)];
  if (row.kind == Kind::kHandler) ++depth;
  if (row.kind == Kind::kHandlerEnd) --depth;
}

std::string Chart::Html() {
  html_ =
      "<div class=\"scroll\" role=\"region\" aria-label=\"The failing run\" tabindex=\"0\">\n"
      "<table class=\"chart\"><caption class=\"sr\">The failing run: a column for each process, a "
      "row for each step</caption>\n" +
      Header() + "<tbody>\n";
  std::optional<Series> series;
  for (size_t i = 0; i < failure_.rows.size(); ++i) {
    if (!series.has_value()) series = FindSeries(failure_.rows, i);
    if (series.has_value() && i == series->first) {
      AddRow(i, &*series);
      i += series->count - 1;
      series.reset();
    } else {
      AddRow(i, nullptr);
    }
  }
  return html_ + "</tbody></table></div>\n";
}

}  // namespace

std::string ChartHtml(const ExploreFailure& failure) { return Chart(failure).Html(); }

}  // namespace cleanfork::explore
