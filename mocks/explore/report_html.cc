#include <string>

#include "cleanfork/explore_report.h"
#include "mocks/explore/report_matrix.h"
#include "mocks/explore/report_page.h"
#include "mocks/explore/report_words.h"
#include "mocks/explore/utf8.h"

namespace cleanfork {
namespace explore {

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (char c : ValidUtf8(text)) {
    const bool is_control =
        (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += is_control ? std::string("\xef\xbf\xbd") : std::string(1, c);
    }
  }
  return escaped;
}

namespace {

// Nothing is to be loaded from anywhere: the browser holds the page to it.
constexpr char kPolicy[] =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

const char* VerdictSymbol(const ExploreResult& result) {
  switch (result.verdict) {
    case ExploreResult::Verdict::kExhausted: return "\u2713";
    case ExploreResult::Verdict::kTruncated: return "\u2026";
    case ExploreResult::Verdict::kFailed: break;
  }
  return "\u2717";
}

std::string HeadHtml(const std::string& title) {
  return std::string("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n") +
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"" +
         kPolicy + "\">\n<title>" + Escaped(title) + "</title>\n<style>" + kPageStyle +
         "</style>\n</head>\n<body>\n<main>\n";
}

std::string HeaderHtml(const Scenario& scenario, const ExploreResult& result) {
  const std::string verdict = VerdictWord(result.verdict);
  return "<header>\n<p class=\"kicker\">cleanfork explorer</p>\n<h1>" + Escaped(scenario.name) +
         "</h1>\n<p><span class=\"badge " + verdict + "\">" + VerdictSymbol(result) + " " +
         verdict + "</span> " + Escaped(VerdictSentence(result)) + "</p>\n</header>\n";
}

std::string FailureHtml(const ExploreResult& result, const ExploreFailure& failure) {
  std::string html = "<section aria-labelledby=\"failure\">\n<h2 id=\"failure\">Rule broken: " +
                     Escaped(failure.rule) + "</h2>\n<p>" + Escaped(failure.what) + "</p>\n";
  html += "<div class=\"plan\"><pre><code id=\"plan\">" + Escaped(failure.plan) +
          "</code></pre><button type=\"button\" id=\"copy\" hidden>Copy</button></div>\n"
          "<p class=\"note\">The run in one line, for <code>Replay()</code>.</p>\n"
          "<details><summary>A test that makes this run again</summary><pre><code>" +
          Escaped(ReplayTest(result)) + "</code></pre></details>\n";
  html +=
      "<h2>The run</h2>\n<p class=\"note\">A lane for each process, a row for each step, in the "
      "order in which they were made. \u26a1 is what was injected; \u21c4 is where another process "
      "goes on than would have; arrows are forks, signals and ends.</p>\n";
  return html + ChartHtml(failure) + "</section>\n";
}

std::string Figure(const std::string& name, const std::string& value) {
  return "<div><dt>" + Escaped(name) + "</dt><dd>" + Escaped(value) + "</dd></div>";
}

std::string TotalsHtml(const ExploreResult& result) {
  std::string html =
      "<section aria-labelledby=\"totals\">\n<h2 id=\"totals\">Totals</h2>\n<dl "
      "class=\"figures\">" +
      Figure("runs", Thousands(result.runs)) +
      Figure("given up as like another", Thousands(result.pruned));
  if (result.random_runs > 0) html += Figure("runs by chance", Thousands(result.random_runs));
  html += Figure("time", SecondsText(result.seconds)) + "</dl>\n";
  if (result.runs_by_deviations.empty()) return html + "</section>\n";
  html +=
      "<div class=\"scroll\"><table class=\"plain\"><caption class=\"sr\">Runs by the number of "
      "deviations</caption><thead><tr><th scope=\"col\">deviations</th><th scope=\"col\">runs, all "
      "there are</th></tr></thead><tbody>";
  for (size_t i = 0; i < result.runs_by_deviations.size(); ++i) {
    html += "<tr><th scope=\"row\">" + std::to_string(i) + "</th><td>" +
            Thousands(result.runs_by_deviations[i]) + "</td></tr>";
  }
  return html +
         "</tbody></table></div>\n<p class=\"note\">A deviation is a fault, a signal or a kill. A "
         "number that is missing here was not completed.</p>\n</section>\n";
}

const char* CellClass(CellKind kind) {
  switch (kind) {
    case CellKind::kViolation: return "violation";
    case CellKind::kHandled: return "handled";
    case CellKind::kRetried: return "retried";
    case CellKind::kNeverInjected: return "never";
    case CellKind::kNotListed: break;
  }
  return "";
}

std::string CellHtml(const std::string& fault, const MatrixCell& cell) {
  if (cell.kind == CellKind::kNotListed) return "<td></td>";
  const FaultOutcomes& counts = cell.outcomes;
  std::string all = CellName(cell.kind);
  std::string count;
  if (cell.kind != CellKind::kNeverInjected) {
    all = Thousands(counts.violation) + " violation, " + Thousands(counts.reported) + " handled, " +
          Thousands(counts.absorbed) + " retried";
    count = " <span class=\"count\">" +
            Thousands(counts.violation + counts.reported + counts.absorbed) + "</span>";
  }
  const std::string letter = cell.kind == CellKind::kNeverInjected
                                 ? std::string("\u2013")
                                 : std::string(1, CellLetter(cell.kind));
  return std::string("<td class=\"") + CellClass(cell.kind) + "\" title=\"" +
         Escaped(fault + ": " + all) + "\"><b aria-hidden=\"true\">" + letter +
         "</b><span class=\"sr\">" + CellName(cell.kind) + "</span>" + count + "</td>";
}

std::string LegendHtml() {
  const auto entry = [](CellKind kind, const std::string& letter, const std::string& text) {
    return "<li><span class=\"" + std::string(CellClass(kind)) + "\">" + letter + "</span>" + text +
           "</li>";
  };
  return "<ul class=\"legend\">" +
         entry(CellKind::kViolation, "V", "violation: a rule was broken in some run") +
         entry(CellKind::kHandled, "H", "handled: some run reported an error") +
         entry(CellKind::kRetried, "R", "retried: absorbed, as if nothing had been") +
         entry(CellKind::kNeverInjected, "\u2013",
               "never injected, though the call\u2019s manual page lists it") +
         "</ul>\n";
}

std::string MatrixHtml(const ExploreResult& result) {
  const Matrix matrix = MakeMatrix(result);
  std::string html =
      "<section aria-labelledby=\"matrix\">\n<h2 id=\"matrix\">Calls and faults</h2>\n"
      "<p class=\"note\">What became of the runs in which a call failed in some way. The number is "
      "that of the runs.</p>\n" +
      LegendHtml() +
      "<div class=\"scroll\" role=\"region\" aria-label=\"Calls and faults\" tabindex=\"0\">\n"
      "<table class=\"matrix\"><caption class=\"sr\">Call sites by fault</caption>\n"
      "<thead><tr><th scope=\"col\">call</th>";
  for (const std::string& fault : matrix.faults) {
    html += "<th scope=\"col\">" + Escaped(fault) + "</th>";
  }
  html += "<th scope=\"col\">listed too, injected nowhere</th></tr></thead>\n";
  const std::string columns = std::to_string(matrix.faults.size() + 2);
  for (size_t i = 0; i < matrix.rows.size(); ++i) {
    const MatrixRow& row = matrix.rows[i];
    if (i == 0 || matrix.rows[i - 1].process != row.process) {
      html += (i == 0 ? "<tbody>\n" : "</tbody><tbody>\n");
      html += "<tr class=\"process\"><th scope=\"rowgroup\" colspan=\"" + columns + "\">" +
              Escaped(row.process) + "</th></tr>\n";
    }
    html += "<tr><th scope=\"row\"><code>" + Escaped(row.process + "." + row.call) + "</code></th>";
    for (size_t j = 0; j < row.cells.size(); ++j) html += CellHtml(matrix.faults[j], row.cells[j]);
    std::string also;
    for (const std::string& fault : row.also_never) also += (also.empty() ? "" : " ") + fault;
    html += "<td class=\"also\">" + Escaped(also) + "</td></tr>\n";
  }
  if (!matrix.rows.empty()) html += "</tbody>";
  return html + "</table></div>\n</section>\n";
}

std::string BoundsHtml(const ExploreResult& result) {
  std::string html =
      "<section aria-labelledby=\"bounds\">\n<h2 id=\"bounds\">Bounds</h2>\n<div class=\"scroll\">"
      "<table class=\"plain\"><caption class=\"sr\">Bounds of the exploration</caption><tbody>";
  for (const auto& [name, value] : BoundsOf(result.options)) {
    html += "<tr><th scope=\"row\"><code>" + Escaped(name) + "</code></th><td>" + Escaped(value) +
            "</td></tr>";
  }
  html += "</tbody></table></div>\n</section>\n";
  if (result.probes.empty()) return html;
  html +=
      "<section aria-labelledby=\"probes\">\n<h2 id=\"probes\">Probes</h2>\n<div class=\"scroll\">"
      "<table class=\"plain\"><caption class=\"sr\">Probes and the runs that came to them"
      "</caption><thead><tr><th scope=\"col\">probe</th><th scope=\"col\">runs</th></tr></thead>"
      "<tbody>";
  for (const auto& [name, runs] : result.probes) {
    html += "<tr><th scope=\"row\"><code>" + Escaped(name) + "</code></th><td>" + Thousands(runs) +
            "</td></tr>";
  }
  return html + "</tbody></table></div>\n</section>\n";
}

}  // namespace
}  // namespace explore

std::string ReportHtml(const Scenario& scenario, const ExploreResult& result) {
  std::string html =
      explore::HeadHtml(scenario.name + ": " + explore::VerdictWord(result.verdict)) +
      explore::HeaderHtml(scenario, result);
  for (const ExploreFailure& failure : result.failures) {
    html += explore::FailureHtml(result, failure);
  }
  html += explore::TotalsHtml(result) + explore::MatrixHtml(result) + explore::BoundsHtml(result);
  return html +
         "<footer><p class=\"note\">This page is one file, and refers to nothing outside it.</p>"
         "</footer>\n</main>\n<script>" +
         explore::kPageScript + "</script>\n</body>\n</html>\n";
}

}  // namespace cleanfork
