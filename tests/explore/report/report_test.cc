// What the reports of an exploration say, and that each is a right text of its kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <optional>
#include <string>

#include "cleanfork/explore.h"
#include "cleanfork/explore_report.h"
#include "tests/explore/report/strict_html.h"
#include "tests/explore/report/strict_json.h"
#include "tests/explore/report/worker_scenario.h"

namespace cleanfork {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

size_t CountOf(const std::string& part, const std::string& text) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// One exploration that is exhausted, one that fails by a fault, one that fails by its order.
class Report : public testing::Test {
 protected:
  static const ExploreResult& Exhausted() {
    static const auto* const result =
        new ExploreResult(Explore(StartTheWorkerScenario(), WorkerOptions(2)));
    return *result;
  }
  static const ExploreResult& Forgetful() {
    static const auto* const result =
        new ExploreResult(Explore(ForgetfulWorkerScenario(), WorkerOptions(1)));
    return *result;
  }
  static const ExploreResult& Racing() {
    static const auto* const result =
        new ExploreResult(Explore(RacingWorkersScenario(), WorkerOptions(0)));
    return *result;
  }
};

TEST_F(Report, ExplorationsAreWhatTheyAreMeantToBe) {
  EXPECT_EQ(Exhausted().verdict, ExploreResult::Verdict::kExhausted) << Exhausted();
  ASSERT_THAT(Forgetful().failures, SizeIs(1)) << Forgetful();
  EXPECT_EQ(Forgetful().failures[0].rule, "no descriptor is leaked");
  ASSERT_THAT(Racing().failures, SizeIs(1)) << Racing();
  EXPECT_THAT(Racing().failures[0].deviations, IsEmpty());
}

TEST_F(Report, AVerdictIsPrintedAsAWord) {
  EXPECT_EQ(testing::PrintToString(ExploreResult::Verdict::kExhausted), "exhausted");
  EXPECT_EQ(testing::PrintToString(ExploreResult::Verdict::kTruncated), "truncated");
  EXPECT_EQ(testing::PrintToString(ExploreResult::Verdict::kFailed), "failed");
}

// Rows ---------------------------------------------------------------------------------------

const ExploreRow* FindRow(const ExploreFailure& failure, ExploreRow::Kind kind) {
  for (const ExploreRow& row : failure.rows) {
    if (row.kind == kind) return &row;
  }
  return nullptr;
}

TEST_F(Report, ARowSaysWhatWasInjected) {
  const ExploreFailure& failure = Forgetful().failures.at(0);
  const ExploreRow* fork = nullptr;
  for (const ExploreRow& row : failure.rows) {
    if (row.text == "fork()") fork = &row;
  }
  ASSERT_NE(fork, nullptr);
  EXPECT_TRUE(fork->failed);
  EXPECT_EQ(fork->result, "EAGAIN");
  EXPECT_EQ(fork->fault, "EAGAIN");
  EXPECT_EQ(fork->other, -1);
  EXPECT_THAT(failure.picture, HasSubstr("fork() = EAGAIN <== fault\n"));
}

TEST_F(Report, ARowSaysWhoGoesOnAndWhoIsTold) {
  const ExploreFailure& failure = Racing().failures.at(0);
  ASSERT_THAT(failure.processes, SizeIs(3));
  EXPECT_EQ(failure.processes[2].path, "P.2");
  EXPECT_EQ(failure.processes[2].parent, 0);
  const ExploreRow* change = FindRow(failure, ExploreRow::Kind::kSwitch);
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->process, 1);
  EXPECT_EQ(change->other, 2);
  EXPECT_EQ(change->text, "before write#1");
  const ExploreRow* end = FindRow(failure, ExploreRow::Kind::kEnd);
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->process, 2);
  EXPECT_EQ(end->other, 0);
  EXPECT_THAT(failure.picture, HasSubstr(">>> P.2 goes on before write#1\n"));
  EXPECT_THAT(failure.picture, HasSubstr("ends with 0, tells P\n"));
  EXPECT_THAT(failure.picture, HasSubstr("fork() = 101 -> P.1\n"));
}

// What a run of `plan` looks like.
std::string PictureOf(const Scenario& scenario, const std::string& plan) {
  const ReplayResult replay = Replay(scenario, plan);
  EXPECT_EQ(replay.error, "");
  return replay.picture;
}

TEST_F(Report, APictureShowsSignalsFromOutsideAndHandlers) {
  const Scenario scenario = StartTheWorkerScenario();
  const std::string within = PictureOf(scenario, "cf1;P.1>P@write#1;P!SIGTERM+@read#1");
  EXPECT_THAT(within, HasSubstr("!!! SIGTERM comes within read#1\n"));
  EXPECT_THAT(within, HasSubstr("ends, killed by SIGTERM\n"));
  const std::string before = PictureOf(scenario, "cf1;P.1!SIGKILL@write#1");
  EXPECT_THAT(before, HasSubstr("!!! SIGKILL comes before write#1\n"));
  EXPECT_THAT(before, HasSubstr("handler of SIGCHLD {\n"));
  EXPECT_THAT(before, HasSubstr("ends, killed by SIGKILL, tells P\n"));
}

TEST_F(Report, APictureShortensASeriesOfCallsThatAreAlike) {
  const std::string picture = PictureOf(StartTheWorkerScenario(), "cf1");
  EXPECT_THAT(picture, HasSubstr("... 4 more of sigaction\n"));
  EXPECT_THAT(picture, HasSubstr("sigaction(6"));
  EXPECT_THAT(picture, Not(HasSubstr("sigaction(3")));
}

TEST_F(Report, APictureShortensRoundsOfCallsThatAreAlike) {
  Scenario scenario;
  scenario.body = [](Os& os) {
    for (int i = 0; i < 7; ++i) {
      os.ClockGetTime(CLOCK_MONOTONIC).IgnoreError();
      os.Poll(nullptr, 0, 1).IgnoreError();
    }
    return 0;
  };
  const std::string picture = PictureOf(scenario, "cf1");
  EXPECT_THAT(picture, HasSubstr("... 5 more rounds of clock_gettime, poll\n"));
  EXPECT_EQ(CountOf("clock_gettime(", picture), 2u) << picture;
  EXPECT_EQ(CountOf("poll(", picture), 2u) << picture;
  const std::string fault = PictureOf(scenario, "cf1;P.poll#4=ENOMEM");
  EXPECT_EQ(CountOf("clock_gettime(", fault), 7u) << fault;
}

TEST_F(Report, APictureSaysThatAFaultStays) {
  Scenario scenario;
  scenario.body = [](Os& os) {
    os.Fork().IgnoreError();
    return os.Fork().ok() ? 0 : 1;
  };
  const std::string picture = PictureOf(scenario, "cf1;P.fork#1+=ENOMEM");
  EXPECT_EQ(CountOf("fork() = ENOMEM <== fault: ENOMEM, from now on\n", picture), 2u) << picture;
}

// Text ---------------------------------------------------------------------------------------

TEST_F(Report, TextBeginsWithTheLineThatMakesTheRunAgain) {
  const std::string text = ReportText(ForgetfulWorkerScenario(), Forgetful());
  EXPECT_THAT(text, StartsWith(Forgetful().failures.at(0).plan + "\n"));
  EXPECT_THAT(text, HasSubstr("breaks the rule \"no descriptor is leaked\": "));
  EXPECT_THAT(text, HasSubstr(ReplayTest(Forgetful())));
  EXPECT_THAT(text, HasSubstr("\n  max_faults        1\n"));
}

TEST_F(Report, TextSaysWhatBecameOfEachFault) {
  const std::string text = ReportText(StartTheWorkerScenario(), Exhausted());
  EXPECT_THAT(text, HasSubstr("\"start the worker\": exhausted\n"));
  EXPECT_THAT(text, HasSubstr("  P.fork#1         EAGAIN H"));
  EXPECT_THAT(text, HasSubstr("  P.waitpid#1      EINTR R"));
  EXPECT_THAT(text, HasSubstr("never: ENOSYS\n"));
  for (const auto& [site, faults] : Exhausted().coverage) EXPECT_THAT(text, HasSubstr(site + " "));
}

TEST_F(Report, AReplayTestNamesScenarioAndRule) {
  ExploreResult result = Forgetful();
  result.scenario = "start the worker";
  EXPECT_EQ(ReplayTest(result),
            "TEST(StartTheWorker, KeepsNoDescriptorIsLeaked) {\n"
            "  const cleanfork::ReplayResult replay = cleanfork::Replay(\n"
            "      StartTheWorkerScenario(),  // what was explored\n"
            "      \"" +
                Forgetful().failures.at(0).plan +
                "\");\n"
                "  EXPECT_EQ(replay.error, \"\");\n"
                "  EXPECT_EQ(replay.rule, \"\") << replay.what << \"\\n\" << replay.picture;\n"
                "}\n");
  result.scenario = "2 \xc3\xa4 workers";
  EXPECT_THAT(ReplayTest(result), StartsWith("TEST(Scenario2Workers, "));
  result.options.max_calls = 400;
  EXPECT_THAT(ReplayTest(result), HasSubstr(Forgetful().failures.at(0).plan + "\", 400);\n"));
}

// The code of the test above, but for what it is expected to say.
TEST_F(Report, WhatAReplayTestDoesMakesTheRunAgain) {
  const cleanfork::ReplayResult replay =
      cleanfork::Replay(ForgetfulWorkerScenario(), Forgetful().failures.at(0).plan);
  EXPECT_EQ(replay.error, "");
  EXPECT_EQ(replay.rule, "no descriptor is leaked") << replay.what << "\n" << replay.picture;
  EXPECT_EQ(replay.picture, Forgetful().failures.at(0).picture);
}

// JSON ---------------------------------------------------------------------------------------

JsonValue Json(const Scenario& scenario, const ExploreResult& result) {
  const std::string text = ReportJson(scenario, result);
  const std::optional<JsonValue> value = ReadJson(text);
  EXPECT_TRUE(value.has_value()) << text;
  return value.value_or(JsonValue());
}

TEST_F(Report, JsonHasAVersionAndTheVerdict) {
  const JsonValue json = Json(StartTheWorkerScenario(), Exhausted());
  EXPECT_EQ(json["format"].text, "cleanfork-explore");
  EXPECT_EQ(json["version"].number, kReportVersion);
  EXPECT_EQ(json["scenario"].text, "start the worker");
  EXPECT_EQ(json["verdict"].text, "exhausted");
  EXPECT_EQ(json["totals"]["runs"].number, static_cast<double>(Exhausted().runs));
  EXPECT_THAT(json["totals"]["runs_by_deviations"].list, SizeIs(3));
  EXPECT_EQ(json["bounds"]["max_faults"].number, 2);
  EXPECT_TRUE(json["bounds"]["sticky_faults"].truth);
  EXPECT_THAT(json["failures"].list, IsEmpty());
}

TEST_F(Report, JsonHasEverySiteWithItsOutcomes) {
  const JsonValue json = Json(StartTheWorkerScenario(), Exhausted());
  ASSERT_THAT(json["sites"].list, SizeIs(Exhausted().coverage.size()));
  for (const JsonValue& site : json["sites"].list) {
    const auto found = Exhausted().coverage.find(site["site"].text);
    ASSERT_NE(found, Exhausted().coverage.end()) << site["site"].text;
    ASSERT_THAT(site["faults"].object, SizeIs(found->second.size()));
    for (const auto& [fault, outcomes] : found->second) {
      const JsonValue& counts = site["faults"][fault];
      EXPECT_EQ(counts["absorbed"].number, static_cast<double>(outcomes.absorbed));
      EXPECT_EQ(counts["reported"].number, static_cast<double>(outcomes.reported));
      EXPECT_EQ(counts["violation"].number, static_cast<double>(outcomes.violation));
    }
  }
}

TEST_F(Report, JsonHasTheFailingRunRowByRow) {
  const JsonValue json = Json(RacingWorkersScenario(), Racing());
  ASSERT_THAT(json["failures"].list, SizeIs(1));
  const JsonValue& failure = json["failures"].list[0];
  EXPECT_EQ(failure["plan"].text, Racing().failures[0].plan);
  EXPECT_EQ(failure["processes"].list.at(1)["path"].text, "P.1");
  ASSERT_THAT(failure["rows"].list, SizeIs(Racing().failures[0].rows.size()));
  EXPECT_EQ(failure["rows"].list[0]["text"].text, "pipe2(524288)");
  EXPECT_EQ(failure["rows"].list[0]["kind"].text, "call");
}

TEST_F(Report, JsonEscapesWhateverStandsInNames) {
  ExploreResult result = Racing();
  const std::string hostile = "a\"b\\c\n\t\x01\x1f</script> \xc3\xa4";
  result.failures[0].what = hostile;
  EXPECT_EQ(Json(RacingWorkersScenario(), result)["failures"].list.at(0)["what"].text, hostile);
  result.failures[0].what = "\xff\xc3(\xed\xa0\x80\xf0\x9f\x92\xa9\xc0\xaf\xe2\x82";
  EXPECT_EQ(Json(RacingWorkersScenario(), result)["failures"].list.at(0)["what"].text,
            "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x92\xa9"
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(StrictJson, RefusesWhatIsNone) {
  for (const char* text : {"", "{", "{\"a\":1,}", "[1,]", "{\"a\":1,\"a\":2}", "01", "1.", "\"\n\"",
                           "\"\\x\"", "nul", "[1] 2", "{a:1}", "'a'"}) {
    EXPECT_FALSE(ReadJson(text).has_value()) << text;
  }
  EXPECT_TRUE(ReadJson(" {\"a\": [1, -2.5e+3, true, null, \"\\u000a\"]} ").has_value());
}

// The page -----------------------------------------------------------------------------------

TEST_F(Report, PageIsRightHtmlThatRefersToNothing) {
  EXPECT_THAT(FindHtmlErrors(ReportHtml(StartTheWorkerScenario(), Exhausted())), IsEmpty());
  EXPECT_THAT(FindHtmlErrors(ReportHtml(ForgetfulWorkerScenario(), Forgetful())), IsEmpty());
  EXPECT_THAT(FindHtmlErrors(ReportHtml(RacingWorkersScenario(), Racing())), IsEmpty());
  EXPECT_THAT(FindHtmlErrors(ReportHtml(Scenario(), ExploreResult())), IsEmpty());
}

TEST_F(Report, PageHasBothColourSchemesAndForbidsItselfTheNetwork) {
  const std::string page = ReportHtml(StartTheWorkerScenario(), Exhausted());
  EXPECT_THAT(page, HasSubstr("@media (prefers-color-scheme: dark)"));
  EXPECT_THAT(page, HasSubstr("<meta name=\"color-scheme\" content=\"light dark\">"));
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy\" content=\"default-src 'none';"));
  EXPECT_EQ(CountOf("<script>", page), 1u);
}

TEST_F(Report, PageHasEverySiteAndWhatBecameOfItsFaultsInWords) {
  const std::string page = ReportHtml(StartTheWorkerScenario(), Exhausted());
  for (const auto& [site, faults] : Exhausted().coverage) {
    EXPECT_THAT(page, HasSubstr("<th scope=\"row\"><code>" + site + "</code></th>"));
    for (const auto& [fault, outcomes] : faults) {
      EXPECT_THAT(page, HasSubstr("<th scope=\"col\">" + fault + "</th>"));
      EXPECT_THAT(page, HasSubstr("title=\"" + fault + ": 0 violation, " +
                                  std::to_string(outcomes.reported) + " handled, " +
                                  std::to_string(outcomes.absorbed) + " retried\""));
    }
  }
  EXPECT_THAT(page, HasSubstr("<b aria-hidden=\"true\">H</b><span class=\"sr\">handled</span>"));
  EXPECT_THAT(page, HasSubstr("<b aria-hidden=\"true\">R</b><span class=\"sr\">retried</span>"));
  EXPECT_THAT(page, HasSubstr("<span class=\"sr\">never injected</span>"));
  const std::string failed = ReportHtml(ForgetfulWorkerScenario(), Forgetful());
  EXPECT_THAT(failed,
              HasSubstr("<b aria-hidden=\"true\">V</b><span class=\"sr\">violation</span>"));
}

TEST_F(Report, PageEscapesNamesAndShowsThemAsTheyAre) {
  const std::string page = ReportHtml(ForgetfulWorkerScenario(), Forgetful());
  EXPECT_THAT(page, HasSubstr("<h1>a forgetful &lt;worker&gt; &amp; &quot;friends&quot;</h1>"));
  EXPECT_THAT(TextOfHtml(page), HasSubstr(ForgetfulWorkerScenario().name));
}

TEST_F(Report, PageHasThePlanToCopyAndATestToPaste) {
  const std::string text = TextOfHtml(ReportHtml(RacingWorkersScenario(), Racing()));
  EXPECT_THAT(text, HasSubstr(Racing().failures.at(0).plan));
  EXPECT_THAT(text, HasSubstr(ReplayTest(Racing())));
}

TEST_F(Report, PageShowsTheRunAsOneColumnForEachProcess) {
  const std::string page = ReportHtml(RacingWorkersScenario(), Racing());
  const size_t begin = page.find("<table class=\"chart\">");
  ASSERT_NE(begin, std::string::npos);
  const std::string chart = page.substr(begin, page.find("</table>", begin) - begin);
  EXPECT_EQ(CountOf("<th scope=\"col\">", chart), 1 + Racing().failures[0].processes.size());
  const size_t rows = Racing().failures[0].rows.size();
  EXPECT_EQ(CountOf("<th scope=\"row\">", chart), rows);
  EXPECT_EQ(CountOf("<td", chart), rows * Racing().failures[0].processes.size());
  EXPECT_EQ(CountOf("P.1 starts", chart), 1u);
  EXPECT_EQ(CountOf("goes on", chart), 1u);
  EXPECT_EQ(CountOf(" told ", chart) + CountOf(">told ", chart), 2u);
  EXPECT_EQ(CountOf("class=\"step switch\"", chart), 1u);
}

TEST_F(Report, PageMarksTheFaultInTheRun) {
  const std::string page = ReportHtml(ForgetfulWorkerScenario(), Forgetful());
  EXPECT_EQ(CountOf("class=\"step fault\"", page), 1u);
  EXPECT_THAT(TextOfHtml(page), HasSubstr("fork() = EAGAIN \u26a1 fault: EAGAIN"));
}

TEST(StrictHtml, FindsWhatIsWrong) {
  const std::string start = "<!DOCTYPE html>\n";
  for (const char* page :
       {"<p>", "<p></div>", "<p>a & b</p>", "<p>1 < 2</p>", "<p class=a></p>", "<p>a > b</p>",
        "<p id=\"a\"></p><p id=\"a\"></p>", "<p aria-labelledby=\"b\"></p>",
        "<script src=\"x\"></script>", "<a href=\"x\"></a>", "<style>@import 'x'</style>",
        "<style>a { b: url(x) }</style>", "<p>http://x</p>", "<img alt=\"a\">"}) {
    EXPECT_THAT(FindHtmlErrors(start + page), Not(IsEmpty())) << page;
  }
  EXPECT_THAT(FindHtmlErrors("<p></p>"), Contains(HasSubstr("no doctype")));
  EXPECT_THAT(FindHtmlErrors(start + "<p id=\"a\" hidden>a &amp; b</p>"), IsEmpty());
}

}  // namespace
}  // namespace cleanfork
