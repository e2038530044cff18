#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "cleanfork/explore_report.h"
#include "mocks/explore/report_matrix.h"
#include "mocks/explore/report_words.h"

namespace cleanfork {
namespace explore {
namespace {

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string FailureText(const ExploreFailure& failure) {
  return failure.plan + "\n  breaks the rule \"" + failure.rule + "\": " + failure.what + "\n\n" +
         failure.picture;
}

std::string RunsText(const ExploreResult& result) {
  std::string text;
  for (size_t i = 0; i < result.runs_by_deviations.size(); ++i) {
    text += "  with " + std::to_string(i) + (i == 1 ? " deviation:  " : " deviations: ") +
            Thousands(result.runs_by_deviations[i]) + " runs, all there are\n";
  }
  return text;
}

// A line for each call site: "P.1.setgid#1    EPERM H 12   EINVAL R 3   never: ENOMEM".
std::string SitesText(const ExploreResult& result) {
  const Matrix matrix = MakeMatrix(result);
  size_t width = 0;
  for (const MatrixRow& row : matrix.rows) {
    width = std::max(width, row.process.size() + 1 + row.call.size());
  }
  std::string text;
  for (const MatrixRow& row : matrix.rows) {
    std::string line, never;
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const MatrixCell& cell = row.cells[i];
      const FaultOutcomes& counts = cell.outcomes;
      if (cell.kind == CellKind::kNotListed) continue;
      if (cell.kind == CellKind::kNeverInjected) {
        never += " " + matrix.faults[i];
        continue;
      }
      line += "  " + matrix.faults[i];
      if (counts.violation > 0) line += " V" + Thousands(counts.violation);
      if (counts.reported > 0) line += " H" + Thousands(counts.reported);
      if (counts.absorbed > 0) line += " R" + Thousands(counts.absorbed);
    }
    for (const std::string& fault : row.also_never) never += " " + fault;
    text += "  " + Padded(row.process + "." + row.call, width) + line +
            (never.empty() ? "" : "  never:" + never) + "\n";
  }
  return text;
}

// "start the worker" as StartTheWorker.
std::string TypeName(const std::string& words) {
  std::string name;
  bool begins = true;
  for (char c : words) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte) == 0) {
      begins = true;
      continue;
    }
    name += begins ? static_cast<char>(std::toupper(byte)) : c;
    begins = false;
  }
  const bool may_begin = !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0;
  return may_begin ? name : "Scenario" + name;
}

}  // namespace
}  // namespace explore

std::string ExploreResult::ToString() const {
  std::string text;
  for (const ExploreFailure& failure : failures) text += explore::FailureText(failure) + "\n";
  text += explore::VerdictWord(verdict);
  if (verdict == Verdict::kTruncated) text += " by " + truncated_by;
  return text + ": " + explore::TotalsText(*this) + "\n" + explore::RunsText(*this);
}

std::ostream& operator<<(std::ostream& out, const ExploreResult& result) {
  // On a line of its own, the plan is easier to copy.
  if (!result.failures.empty()) out << "\n";
  return out << result.ToString();
}

std::ostream& operator<<(std::ostream& out, ExploreResult::Verdict verdict) {
  return out << explore::VerdictWord(verdict);
}

std::string ReplayTest(const ExploreResult& result) {
  const std::string scenario = explore::TypeName(result.scenario);
  const ExploreFailure& failure = result.failures.front();
  const int64_t max_calls = result.options.max_calls;
  const std::string bound =
      max_calls == ExploreOptions().max_calls ? "" : ", " + std::to_string(max_calls);
  return "TEST(" + scenario + ", Keeps" + explore::TypeName(failure.rule) +
         ") {\n"
         "  const cleanfork::ReplayResult replay = cleanfork::Replay(\n"
         "      " +
         scenario + "Scenario(),  // what was explored\n      \"" + failure.plan + "\"" + bound +
         ");\n"
         "  EXPECT_EQ(replay.error, \"\");\n"
         "  EXPECT_EQ(replay.rule, \"\") << replay.what << \"\\n\" << replay.picture;\n"
         "}\n";
}

std::string ReportText(const Scenario& scenario, const ExploreResult& result) {
  std::string text;
  for (const ExploreFailure& failure : result.failures) {
    text += explore::FailureText(failure) + "\nTo run it again:\n\n" + ReplayTest(result) + "\n";
  }
  text += "\"" + scenario.name + "\": " + explore::VerdictWord(result.verdict) + "\n" +
          explore::VerdictSentence(result) + "\n" + explore::TotalsText(result) + "\n" +
          explore::RunsText(result);
  text += "\nBounds\n";
  for (const auto& [name, value] : explore::BoundsOf(result.options)) {
    text += "  " + explore::Padded(name, 18) + value + "\n";
  }
  text +=
      "\nCalls, and in how many runs a fault there was handled (H: reported), retried (R: "
      "absorbed), "
      "or ended\nin a violation (V); never: listed by the call's manual page, but not injected\n" +
      explore::SitesText(result);
  if (result.probes.empty()) return text;
  text += "\nProbes, and how many runs came to them\n";
  for (const auto& [name, runs] : result.probes) {
    text += "  " + name + "  " + explore::Thousands(runs) + "\n";
  }
  return text;
}

}  // namespace cleanfork
