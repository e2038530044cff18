// The script of docs/recipes.md under a real OpenRC: it starts the service and says when it is
// ready, and has it reloaded, started again and stopped, as the page says.
//
// OpenRC is that of the machine, or what CLEANFORK_OPENRC names: a directory in which its packages
// are unpacked (dpkg-deb -x). For to install it beside another init would replace that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <regex>
#include <string>
#include <vector>

#include "tests/real/command_runner.h"
#include "tests/real/own_process.h"
#include "tests/real/recipes_page.h"

namespace cleanfork {
namespace {

using ::testing::SizeIs;

class OpenrcRecipeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
    const char* unpacked = std::getenv("CLEANFORK_OPENRC");
    if (unpacked != nullptr) openrc_ = unpacked;
    if (::access((openrc_ + "/sbin/openrc-run").c_str(), X_OK) != 0) {
      GTEST_SKIP() << "needs OpenRC: CLEANFORK_OPENRC=DIRECTORY, in which openrc, librc1 and "
                      "libeinfo1 are unpacked by dpkg-deb -x";
    }
    const std::string at = directory_.path();
    const std::string make =
        "mkdir " + at + "/bin " + at + "/root && cp src/cli/cleanfork " + at + "/bin";
    ASSERT_EQ(std::system(make.c_str()), 0);
    SetWorker("echo ready >&$1; exec sleep 600");
    const std::vector<Block> scripts = BlocksOf("openrc");
    ASSERT_THAT(scripts, SizeIs(1));
    directory_.Write("service", scripts[0].text, 0644);
  }
  void TearDown() override {
    ASSERT_EQ(std::system(("rm -rf '" + directory_.path() + "'/*").c_str()), 0);
  }

  // `script`: what it does once it ignores HUP.
  void SetWorker(const std::string& script) {
    directory_.Write("bin/worker", "#!/bin/sh\ntrap '' HUP\n" + script + "\n", 0755);
  }

  // What the commands print there, with pids as N.
  std::string Run(const std::string& commands) const {
    const std::string line =
        "exec timeout -s KILL 60 unshare --mount --pid --fork --kill-child --propagation=private"
        " sh tests/real/openrc_machine.sh '" +
        directory_.path() + "' '" + openrc_ + "' '" + commands + "' 2>&1 </dev/null";
    std::string printed;
    FILE* pipe = ::popen(line.c_str(), "re");
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) printed += static_cast<char>(c);
    const int status = ::pclose(pipe);
    if (status != 0) printed += "wait status " + std::to_string(status) + "\n";
    static const std::regex pid("(pid|child) [0-9]+"), caching(" \\* Caching service.*\n");
    return std::regex_replace(std::regex_replace(printed, pid, "$1 N"), caching, "");
  }

  std::string openrc_;
  TestDirectory directory_;
};

TEST_F(OpenrcRecipeTest, AServiceLivesAsTheScriptSays) {
  EXPECT_EQ(Run("s() { rc-service worker $1; echo \"$1: $?\"; }\n"
                "s status; s start; s status; ps -o user= -p $(cat /run/worker.pid)\n"
                "s start; s reload; s restart; s status; s stop; s status; ls /run"),
            "not running: no /run/worker.pid\nstatus: 3\n"
            " * Starting worker ... [ ok ]\nstart: 0\n"
            "running (pid N)\nstatus: 0\n"
            "nobody\n"
            " * WARNING: worker has already been started\nstart: 0\n"
            " * Reloading worker ... [ ok ]\nreload: 0\n"
            " * Stopping worker ... [ ok ]\n * Starting worker ... [ ok ]\nrestart: 0\n"
            "running (pid N)\nstatus: 0\n"
            " * Stopping worker ... [ ok ]\nstop: 0\n"
            "not running: no /run/worker.pid\nstatus: 3\n"
            "openrc\n");
}

TEST_F(OpenrcRecipeTest, AServiceThatEndsBeforeItIsReadyHasNotBeenStarted) {
  SetWorker("exit 3");
  EXPECT_EQ(Run("rc-service worker start 2>&1 | sed \"s/ESRCH.*/ESRCH/\"\n"
                "rc-service worker status; echo $?; ls /run"),
            " * Starting worker ..."
            "cleanfork: start: it ended before it was ready: No such process (ESRCH\n [ !! ]\n"
            " * ERROR: worker failed to start\n"
            "not running: no /run/worker.pid\n3\nopenrc\n");
}

TEST_F(OpenrcRecipeTest, AServiceThatIsDeadIsSaidToBeAndCanBeRestarted) {
  EXPECT_EQ(Run("rc-service worker start; kill -KILL $(cat /run/worker.pid)\n"
                "rc-service worker status; echo $?; rc-service worker restart; echo $?\n"
                "rc-service worker status; rc-service worker stop"),
            " * Starting worker ... [ ok ]\n"
            "dead: /run/worker.pid is still there, of pid N\n1\n"
            " * Stopping worker ... [ ok ]\n * Starting worker ... [ ok ]\n0\n"
            "running (pid N)\n"
            " * Stopping worker ... [ ok ]\n");
}

}  // namespace
}  // namespace cleanfork
