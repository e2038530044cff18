// The page in a browser: it is drawn without an error and without a request, in dark and in light.
// By hand, where there is a Chromium; screenshots are among the test's outputs.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "cleanfork/explore.h"
#include "cleanfork/explore_report.h"
#include "tests/explore/report/worker_scenario.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

// The exit status; -1 if it could not be started or was killed.
int RunProgram(const std::vector<std::string>& words, const std::string& out,
               const std::string& error) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, error.c_str(), flags, 0600);
  pid_t child = -1;
  const int failed = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return -1;
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

std::string Outputs() {
  const char* const directory = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  return directory == nullptr ? ::testing::TempDir() : std::string(directory) + "/";
}

std::string FindBrowser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    const std::string nothing = ::testing::TempDir() + "version";
    if (RunProgram({name, "--version"}, nothing, nothing) == 0) return name;
  }
  return "";
}

// What the page says of itself once it is drawn, in a copy of it.
constexpr char kLook[] = R"js(
<script>
  var look = [
    "background " + getComputedStyle(document.body).backgroundColor,
    "requests " + performance.getEntriesByType("resource").length,
    "wider " + (document.documentElement.scrollWidth > window.innerWidth),
    "steps " + Array.from(document.querySelectorAll(".step")).filter(function (step) {
      return step.getBoundingClientRect().height > 10;
    }).length,
    "button " + (document.getElementById("copy") && !document.getElementById("copy").hidden)
  ];
  document.title = look.join(", ");
</script>
)js";

class Browser : public testing::TestWithParam<bool> {
 protected:
  // What the page is like with its scheme; `dom` and `errors` are left behind.
  void Draw(const std::string& name, const std::string& page) {
    const std::string base = Outputs() + name + (GetParam() ? "-dark" : "-light");
    const size_t end = page.find("</body>");
    ASSERT_NE(end, std::string::npos);
    std::ofstream(base + ".html") << page.substr(0, end) << kLook << page.substr(end);
    const std::string scheme = GetParam() ? "0" : "1";
    const std::vector<std::string> words = {"timeout",
                                            "-s",
                                            "KILL",
                                            "120",
                                            browser_,
                                            "--headless",
                                            "--no-sandbox",
                                            "--disable-gpu",
                                            "--disable-dev-shm-usage",
                                            "--hide-scrollbars",
                                            "--window-size=1200,1600",
                                            "--enable-logging=stderr",
                                            "--blink-settings=preferredColorScheme=" + scheme,
                                            "--user-data-dir=" + ::testing::TempDir() + "profile",
                                            "--host-resolver-rules=MAP * ~NOTFOUND"};
    std::vector<std::string> dump = words, shoot = words;
    dump.insert(dump.end(), {"--dump-dom", "file://" + base + ".html"});
    shoot.insert(shoot.end(), {"--screenshot=" + base + ".png", "file://" + base + ".html"});
    ASSERT_EQ(RunProgram(dump, base + ".dom", base + ".errors"), 0) << Contents(base + ".errors");
    ASSERT_EQ(RunProgram(shoot, base + ".out", base + ".shot"), 0) << Contents(base + ".shot");
    dom_ = Contents(base + ".dom");
    EXPECT_THAT(Contents(base + ".errors"), Not(HasSubstr("CONSOLE")));
    EXPECT_GT(Contents(base + ".png").size(), 10'000u);
    EXPECT_THAT(dom_, HasSubstr(GetParam() ? "background rgb(20, 23, 27)"
                                           : "background rgb(253, 253, 252)"));
    EXPECT_THAT(dom_, HasSubstr("requests 0, wider false, "));
  }

  const std::string browser_ = FindBrowser();
  std::string dom_;
};

INSTANTIATE_TEST_SUITE_P(DarkAndLight, Browser, testing::Bool());

TEST_P(Browser, DrawsAPageThatIsExhausted) {
  if (browser_.empty()) GTEST_SKIP() << "needs Chromium: apt-get install chromium";
  const Scenario scenario = StartTheWorkerScenario();
  Draw("exhausted", ReportHtml(scenario, Explore(scenario, WorkerOptions(2))));
}

TEST_P(Browser, DrawsAPageWithAFailingRun) {
  if (browser_.empty()) GTEST_SKIP() << "needs Chromium: apt-get install chromium";
  const Scenario scenario = RacingWorkersScenario();
  const ExploreResult result = Explore(scenario, WorkerOptions(0));
  ASSERT_FALSE(result.failures.empty());
  Draw("failed", ReportHtml(scenario, result));
  EXPECT_THAT(dom_, HasSubstr("steps " + std::to_string(result.failures[0].rows.size()) + ","));
  EXPECT_THAT(dom_, HasSubstr("button true"));
}

// Else nobody knows that a page with an error would be noticed.
TEST_P(Browser, TellsOfAPageWithAnError) {
  if (browser_.empty()) GTEST_SKIP() << "needs Chromium: apt-get install chromium";
  const std::string base = ::testing::TempDir() + "wrong";
  std::ofstream(base + ".html") << "<!DOCTYPE html><script>nothing.of.that()</script>";
  RunProgram({"timeout", "-s", "KILL", "120", browser_, "--headless", "--no-sandbox",
              "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
              "--user-data-dir=" + ::testing::TempDir() + "profile", "--dump-dom",
              "file://" + base + ".html"},
             base + ".dom", base + ".errors");
  EXPECT_THAT(Contents(base + ".errors"), HasSubstr("CONSOLE"));
}

}  // namespace
}  // namespace cleanfork
