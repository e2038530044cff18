#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "cleanfork/explore_report.h"
#include "cleanfork/names.h"
#include "mocks/explore/report_matrix.h"
#include "mocks/explore/report_words.h"
#include "mocks/explore/utf8.h"

namespace cleanfork {
namespace explore {
namespace {

// RFC 8259: a quote, a backslash and control characters have to be escaped.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (char c : ValidUtf8(text)) {
    switch (c) {
      case '"': quoted += "\\\""; break;
      case '\\': quoted += "\\\\"; break;
      case '\n': quoted += "\\n"; break;
      case '\t': quoted += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) {
          quoted += c;
        } else {
          char escape[8];
          std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned char>(c));
          quoted += escape;
        }
    }
  }
  return quoted + "\"";
}

// Writes values with their commas and indentation.
class JsonWriter {
 public:
  JsonWriter& Begin(char bracket) {
    Separate();
    text_ += bracket;
    closing_ += bracket == '{' ? '}' : ']';
    is_first_ = true;
    return *this;
  }
  JsonWriter& End() {
    const bool is_empty = is_first_;
    const char bracket = closing_.back();
    closing_.pop_back();
    is_first_ = false;
    if (!is_empty) NewLine();
    text_ += bracket;
    return *this;
  }
  JsonWriter& Key(const std::string& key) {
    Separate();
    text_ += Quoted(key) + ": ";
    after_key_ = true;
    return *this;
  }
  JsonWriter& Text(const std::string& value) { return Add(Quoted(value)); }
  JsonWriter& Number(int64_t value) { return Add(std::to_string(value)); }
  JsonWriter& Unsigned(uint64_t value) { return Add(std::to_string(value)); }
  JsonWriter& Bool(bool value) { return Add(value ? "true" : "false"); }
  JsonWriter& Real(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.6f", std::isfinite(value) ? value : 0.0);
    return Add(text);
  }
  std::string Take() { return text_ + "\n"; }

 private:
  void NewLine() { text_ += "\n" + std::string(2 * closing_.size(), ' '); }
  void Separate() {
    if (after_key_) {
      after_key_ = false;
      return;
    }
    if (closing_.empty()) return;
    if (!is_first_) text_ += ",";
    is_first_ = false;
    NewLine();
  }
  JsonWriter& Add(const std::string& value) {
    Separate();
    text_ += value;
    return *this;
  }

  std::string text_;
  std::string closing_;
  bool is_first_ = true;
  bool after_key_ = false;
};

void AddBounds(const ExploreOptions& options, JsonWriter* json) {
  json->Key("bounds").Begin('{');
  json->Key("max_faults").Number(options.max_faults);
  json->Key("sticky_faults").Bool(options.sticky_faults);
  json->Key("short_transfers").Bool(options.short_transfers);
  json->Key("lies").Bool(options.lies);
  json->Key("fault_filter").Bool(options.fault_filter != nullptr);
  json->Key("signals").Begin('[');
  for (int signal : options.signals) {
    const char* const name = SignalName(signal);
    json->Text(name != nullptr ? name : std::to_string(signal));
  }
  json->End();
  json->Key("max_signals").Number(options.max_signals);
  json->Key("max_kills").Number(options.max_kills);
  json->Key("max_preemptions").Number(options.max_preemptions);
  json->Key("reduce").Bool(options.reduce);
  json->Key("merge_states").Bool(options.merge_states);
  json->Key("checkpoints").Bool(options.checkpoints);
  json->Key("max_calls").Number(options.max_calls);
  json->Key("max_runs").Number(options.max_runs);
  json->Key("max_seconds").Real(options.max_seconds);
  json->Key("random_runs").Number(options.random_runs);
  json->Key("random_deviations").Number(options.random_deviations);
  json->Key("seed").Text(std::to_string(options.seed));  // 64 bits do not fit a double
  json->Key("shard").Number(options.shard);
  json->Key("shards").Number(options.shards);
  json->End();
}

void AddTotals(const ExploreResult& result, JsonWriter* json) {
  json->Key("totals").Begin('{');
  json->Key("runs").Number(result.runs);
  json->Key("pruned").Number(result.pruned);
  json->Key("random_runs").Number(result.random_runs);
  json->Key("runs_by_deviations").Begin('[');
  for (int64_t runs : result.runs_by_deviations) json->Number(runs);
  json->End();
  json->Key("seconds").Real(result.seconds);
  json->End();
}

const char* RowKindName(ExploreRow::Kind kind) {
  switch (kind) {
    case ExploreRow::Kind::kCall: return "call";
    case ExploreRow::Kind::kVfork: return "vfork";
    case ExploreRow::Kind::kExec: return "exec";
    case ExploreRow::Kind::kHandler: return "handler";
    case ExploreRow::Kind::kHandlerEnd: return "handler_end";
    case ExploreRow::Kind::kSwitch: return "switch";
    case ExploreRow::Kind::kSignal: return "signal";
    case ExploreRow::Kind::kExit: return "exit";
    case ExploreRow::Kind::kEnd: break;
  }
  return "end";
}

void AddRow(const ExploreRow& row, JsonWriter* json) {
  json->Begin('{');
  json->Key("kind").Text(RowKindName(row.kind));
  json->Key("process").Number(row.process);
  if (row.other >= 0) json->Key("other").Number(row.other);
  json->Key("text").Text(row.text);
  if (row.kind == ExploreRow::Kind::kCall) {
    json->Key("result").Text(row.result);
    json->Key("failed").Bool(row.failed);
  }
  if (!row.fault.empty()) json->Key("fault").Text(row.fault);
  json->End();
}

void AddFailure(const ExploreFailure& failure, JsonWriter* json) {
  json->Begin('{');
  json->Key("rule").Text(failure.rule);
  json->Key("what").Text(failure.what);
  json->Key("plan").Text(failure.plan);
  json->Key("deviations").Begin('[');
  for (const FaultEntry& entry : failure.deviations) json->Text(entry.ToString());
  json->End();
  json->Key("processes").Begin('[');
  for (const ExploreProcess& process : failure.processes) {
    json->Begin('{');
    json->Key("path").Text(process.path);
    json->Key("pid").Number(process.pid);
    json->Key("parent").Number(process.parent);
    json->End();
  }
  json->End();
  json->Key("rows").Begin('[');
  for (const ExploreRow& row : failure.rows) AddRow(row, json);
  json->End();
  json->End();
}

void AddSites(const ExploreResult& result, JsonWriter* json) {
  const Matrix matrix = MakeMatrix(result);
  json->Key("sites").Begin('[');
  for (const MatrixRow& row : matrix.rows) {
    json->Begin('{');
    json->Key("site").Text(row.process + "." + row.call);
    json->Key("faults").Begin('{');
    std::vector<std::string> never = row.also_never;
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const MatrixCell& cell = row.cells[i];
      if (cell.kind == CellKind::kNeverInjected) never.push_back(matrix.faults[i]);
      if (cell.kind == CellKind::kNeverInjected || cell.kind == CellKind::kNotListed) continue;
      json->Key(matrix.faults[i]).Begin('{');
      json->Key("absorbed").Number(cell.outcomes.absorbed);
      json->Key("reported").Number(cell.outcomes.reported);
      json->Key("violation").Number(cell.outcomes.violation);
      json->End();
    }
    json->End();
    json->Key("never_injected").Begin('[');
    for (const std::string& fault : never) json->Text(fault);
    json->End();
    json->End();
  }
  json->End();
}

}  // namespace
}  // namespace explore

std::string ReportJson(const Scenario& scenario, const ExploreResult& result) {
  explore::JsonWriter json;
  json.Begin('{');
  json.Key("format").Text("cleanfork-explore");
  json.Key("version").Number(kReportVersion);
  json.Key("scenario").Text(scenario.name);
  json.Key("verdict").Text(explore::VerdictWord(result.verdict));
  json.Key("truncated_by").Text(result.truncated_by);
  explore::AddTotals(result, &json);
  explore::AddBounds(result.options, &json);
  json.Key("failures").Begin('[');
  for (const ExploreFailure& failure : result.failures) explore::AddFailure(failure, &json);
  json.End();
  explore::AddSites(result, &json);
  json.Key("probes").Begin('{');
  for (const auto& [name, runs] : result.probes) json.Key(name).Number(runs);
  json.End();
  json.End();
  return json.Take();
}

}  // namespace cleanfork
