// Where reports are written to, and under which names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "cleanfork/explore.h"
#include "cleanfork/explore_report.h"
#include "tests/explore/report/worker_scenario.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kVariable[] = "TEST_UNDECLARED_OUTPUTS_DIR";

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

// A directory of its own for each test, named in the environment as Bazel does.
class ReportFiles : public testing::Test {
 protected:
  ReportFiles() {
    std::string path = ::testing::TempDir() + "reports.XXXXXX";
    EXPECT_NE(::mkdtemp(&path[0]), nullptr);
    directory_ = path;
    const char* const before = std::getenv(kVariable);
    before_ = before == nullptr ? "" : before;
    ::setenv(kVariable, directory_.c_str(), 1);
  }
  ~ReportFiles() override { ::setenv(kVariable, before_.c_str(), 1); }

  std::string Report(const std::string& name) const { return Contents(directory_ + "/" + name); }

  std::string directory_;
  std::string before_;
};

Scenario Named(const std::string& name) {
  Scenario scenario = StartTheWorkerScenario();
  scenario.name = name;
  return scenario;
}

ExploreOptions WithReports() {
  ExploreOptions options = WorkerOptions(1);
  options.reports = true;
  return options;
}

TEST_F(ReportFiles, AreWrittenByExploreUnderBazel) {
  const Scenario scenario = Named("written by Explore()");
  const ExploreResult result = Explore(scenario, WithReports());
  EXPECT_EQ(Report("written_by_Explore.txt"), ReportText(scenario, result));
  EXPECT_EQ(Report("written_by_Explore.json"), ReportJson(scenario, result));
  EXPECT_EQ(Report("written_by_Explore.html"), ReportHtml(scenario, result));
}

TEST_F(ReportFiles, AreNotWrittenWhereTheyAreNotAskedFor) {
  ExploreOptions options = WithReports();
  options.reports = false;
  Explore(Named("not asked for"), options);
  EXPECT_THAT(Report("not_asked_for.txt"), IsEmpty());
  ::unsetenv(kVariable);
  const ExploreResult result = Explore(Named("not under bazel"), WithReports());
  EXPECT_TRUE(WriteReports(Named("not under bazel"), result));
  EXPECT_THAT(Report("not_under_bazel.txt"), IsEmpty());
}

TEST_F(ReportFiles, AreWrittenWhereTheyAreAskedFor) {
  ::unsetenv(kVariable);
  const ExploreResult result = Explore(Named("asked for"), WithReports());
  EXPECT_TRUE(WriteReports(Named("asked for"), result, directory_));
  EXPECT_THAT(Report("asked_for.txt"), HasSubstr("exhausted"));
}

TEST_F(ReportFiles, OfAFailureStay) {
  Scenario scenario = ForgetfulWorkerScenario();
  scenario.name = "it failed";
  Explore(scenario, WithReports());
  EXPECT_THAT(Report("it_failed.txt"), StartsWith("cf1;"));
  Explore(Named("it failed"), WithReports());
  EXPECT_THAT(Report("it_failed.txt"), StartsWith("cf1;"));
}

TEST_F(ReportFiles, OfALaterExplorationReplaceThoseOfAnEarlier) {
  ExploreOptions options = WithReports();
  options.max_faults = 0;
  Explore(Named("again"), options);
  EXPECT_THAT(Report("again.txt"), HasSubstr("max_faults        0"));
  options.max_faults = 1;
  Explore(Named("again"), options);
  EXPECT_THAT(Report("again.txt"), HasSubstr("max_faults        1"));
}

TEST_F(ReportFiles, HaveTheNumberOfTheShard) {
  ExploreOptions options = WithReports();
  options.shards = 3;
  options.shard = 1;
  Explore(Named("sharded"), options);
  EXPECT_THAT(Report("sharded-shard-1-of-3.json"), Not(IsEmpty()));
}

TEST_F(ReportFiles, HavePlainNames) {
  const auto name = [](const std::string& scenario) {
    return ReportName(Named(scenario), ExploreResult());
  };
  EXPECT_EQ(name("../../etc/passwd"), "etc_passwd");
  EXPECT_EQ(name("a b-c_d.9"), "a_b-c_d_9");
  EXPECT_EQ(name("\xc3\xa4!"), "scenario");
  EXPECT_EQ(name(""), "scenario");
  EXPECT_EQ(name(std::string(300, 'x')), std::string(100, 'x'));
}

TEST_F(ReportFiles, ThatCannotBeWrittenAreToldAndDoNoHarm) {
  ::setenv(kVariable, (directory_ + "/missing").c_str(), 1);
  testing::internal::CaptureStderr();
  const ExploreResult result = Explore(Named("no such directory"), WithReports());
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("explore: no report: " + directory_ +
                        "/missing/no_such_directory.json: No such file or directory\n"));
  EXPECT_EQ(result.verdict, ExploreResult::Verdict::kExhausted);
  testing::internal::CaptureStderr();
  EXPECT_FALSE(WriteReports(Named("full"), result, "/dev/null"));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("Not a directory\n"));
}

}  // namespace
}  // namespace cleanfork
