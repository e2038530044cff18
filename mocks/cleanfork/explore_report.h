// Reports of an exploration (cleanfork/explore.h): a text to read in a terminal, JSON for programs,
// and a page for a browser.
//
//   const cleanfork::ExploreResult result = cleanfork::Explore(scenario);
//   std::cout << cleanfork::ReportText(scenario, result);
//   cleanfork::WriteReports(scenario, result, "/tmp");  // all three, as files
//
// Under `bazel test` there is nothing to do: Explore() writes them among the test's outputs,
// bazel-testlogs/.../test.outputs (in Bazel, TEST_UNDECLARED_OUTPUTS_DIR).
//
// What stands in them, and the schema of the JSON: docs/explorer-report.md.
// Thread safety: none, as Explore(). Allocates: for tests.
#ifndef CLEANFORK_EXPLORE_REPORT_H_
#define CLEANFORK_EXPLORE_REPORT_H_

#include <string>

#include "cleanfork/explore.h"

namespace cleanfork {

// All of the result, in lines of words: what broke, the totals and the bounds, and what became of
// each fault at each call.
std::string ReportText(const Scenario& scenario, const ExploreResult& result);

// The same for programs. Of version kReportVersion of the schema.
std::string ReportJson(const Scenario& scenario, const ExploreResult& result);
constexpr int kReportVersion = 1;

// The same as one page of HTML, which refers to nothing outside it. The failing run is a sequence
// chart.
std::string ReportHtml(const Scenario& scenario, const ExploreResult& result);

// A whole TEST body that makes the run of a failure again: of the first one of `result`, which has
// to have one. `result.scenario` names the test; the function that returns the scenario is yours.
std::string ReplayTest(const ExploreResult& result);

// The name of a scenario as a part of a file's name: letters, digits, '_' and '-', at most 100 of
// them; "scenario" if none is left. Of a shard, with its number.
std::string ReportName(const Scenario& scenario, const ExploreResult& result);

// Writes ReportName() with ".txt", ".json" and ".html" to a directory that exists. What stands
// there is replaced. A file that cannot be written is told on stderr, and makes this return false.
bool WriteReports(const Scenario& scenario, const ExploreResult& result,
                  const std::string& directory);

// The same to the directory that TEST_UNDECLARED_OUTPUTS_DIR names; where that is not set, does
// nothing and returns true. A failure that this process has written stays: a later exploration
// under the same name does not replace it.
bool WriteReports(const Scenario& scenario, const ExploreResult& result);

}  // namespace cleanfork

#endif  // CLEANFORK_EXPLORE_REPORT_H_
