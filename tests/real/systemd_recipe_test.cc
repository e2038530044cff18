// The units of docs/recipes.md under a real systemd: each starts the service, knows its main
// process, and has it reloaded, started again and stopped, as the page says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/real/own_process.h"
#include "tests/real/recipes_page.h"
#include "tests/real/systemd_machine.h"

namespace cleanfork {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Ne;
using ::testing::SizeIs;
using ::testing::StartsWith;

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The unit of the page that is of this type.
std::string UnitOfType(const std::string& type) {
  for (const Block& unit : BlocksOf("ini")) {
    if (Has(unit.text, "\nType=" + type + "\n")) return unit.text;
  }
  return "docs/recipes.md has no such unit";
}

// Who runs the service, by what the unit says.
std::string UserOf(const std::string& unit) {
  // systemd.exec(5), DynamicUser=: 61184 to 65519.
  if (Has(unit, "DynamicUser=yes")) return "6[1-5][0-9]+";
  return Has(unit, "--user=nobody") ? "65534" : "0";
}

class SystemdRecipeTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!HasPrivileges() || !SystemdMachine::WhatIsMissing().empty()) return;
    machine_ = new SystemdMachine("tests/real/recipe_worker");
  }
  static void TearDownTestSuite() {
    delete machine_;
    machine_ = nullptr;
  }

  void SetUp() override {
    CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
    const std::string missing = SystemdMachine::WhatIsMissing();
    if (!missing.empty()) GTEST_SKIP() << "needs " << missing;
    // Not every machine lets cgroups be mounted, and a systemd that none of our units is in yet
    // says nothing of us.
    if (!machine_->has_booted()) {
      GTEST_SKIP() << "no systemd comes up in namespaces of its own here: "
                   << machine_->complaint();
    }
  }

  void TearDown() override {
    if (machine_ == nullptr || !machine_->has_booted()) return;
    Run("systemctl stop worker dependent; systemctl reset-failed worker; rm -rf "
        "/run/worker-is-broken"
        " /run/may-listen /etc/systemd/system/*; systemctl daemon-reload");
    machine_->ForgetWhatWasSaid();
  }

  static std::string Run(const std::string& command) { return machine_->Run(command).printed; }

  static void Install(const std::string& name, const std::string& unit) {
    machine_->Write("/etc/systemd/system/" + name, unit);
    EXPECT_EQ(Run("systemctl daemon-reload"), "");
  }

  // "active running 92"
  static std::string State() {
    return Run(
        "of() { systemctl show worker --value --property=$1; };"
        "printf %s \"$(of ActiveState) $(of SubState) $(of MainPID)\"");
  }

  // Returns the process id of the worker that says as the next that it runs.
  static std::string PidOfNext(const std::string& user) {
    const std::string line = machine_->Said();
    EXPECT_THAT(line, MatchesRegex("user " + user + " runs [0-9]+"));
    return line.substr(line.rfind(' ') + 1);
  }

  // All that was written before is in there: journalctl(1), --sync.
  static std::string Journal(const std::string& selection) {
    return Run("journalctl --sync && journalctl --output=cat " + selection);
  }

  static void ExpectItRuns(const std::string& pid) {
    EXPECT_EQ(State(), "active running " + pid);
    EXPECT_THAT(Run("systemctl status worker; echo $?"),
                AllOf(HasSubstr("Main PID: " + pid + " (worker)"), EndsWith("\n0\n")));
  }

  static void ExpectNothingIsLeftOf(const std::string& pid) {
    EXPECT_EQ(State(), "inactive dead 0");
    EXPECT_FALSE(machine_->Has("/proc/" + pid));
    EXPECT_FALSE(machine_->Has("/run/worker.pid"));
    EXPECT_FALSE(machine_->Has("/sys/fs/cgroup/system.slice/worker.service"));
  }

  // From `systemctl enable` to the stop, with a service that is killed on the way. Returns the
  // process id that it has in the end.
  static std::string LiveWith(const std::string& unit) {
    SCOPED_TRACE(unit);
    Install("worker.service", unit);
    EXPECT_THAT(Run("systemctl enable --now worker; echo $?"), EndsWith("\n0\n"));
    const std::string user = UserOf(unit), first = PidOfNext(user);
    ExpectItRuns(first);
    EXPECT_EQ(Run("systemctl is-enabled worker"), "enabled\n");
    EXPECT_THAT(Journal("--identifier=worker"), HasSubstr(" runs " + first + "\n"));
    if (Has(unit, "\nExecReload=")) {
      EXPECT_EQ(Run("systemctl reload worker; echo $?"), "0\n");
      EXPECT_EQ(machine_->Said(), "reloads " + first);
      ExpectItRuns(first);
    }

    EXPECT_EQ(Run("systemctl kill --kill-whom=main --signal=KILL worker"), "");
    const std::string second = PidOfNext(user);
    EXPECT_THAT(second, Ne(first));
    EXPECT_EQ(Run("systemctl start worker"), "");  // returns when that start is complete
    ExpectItRuns(second);
    EXPECT_EQ(Run("systemctl show worker --property=NRestarts"), "NRestarts=1\n");

    EXPECT_EQ(Run("systemctl stop worker; echo $?"), "0\n");
    ExpectNothingIsLeftOf(second);
    return second;
  }

  static SystemdMachine* machine_;
};

SystemdMachine* SystemdRecipeTest::machine_ = nullptr;

TEST_F(SystemdRecipeTest, AServiceLivesInTheUnitWithoutCleanfork) { LiveWith(UnitOfType("exec")); }

TEST_F(SystemdRecipeTest, AServiceLivesInTheUnitThatNotifies) { LiveWith(UnitOfType("notify")); }

TEST_F(SystemdRecipeTest, AServiceLivesInTheUnitThatForks) {
  const std::string pid = LiveWith(UnitOfType("forking"));
  EXPECT_THAT(Journal("--unit=worker"), HasSubstr("stopped (pid " + pid + ")\n"));
}

TEST_F(SystemdRecipeTest, ThePageHasNoOtherUnit) { EXPECT_THAT(BlocksOf("ini"), SizeIs(3)); }

constexpr char kDependent[] =
    "[Unit]\nRequires=worker.service\nAfter=worker.service\n"
    "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo dependent > /run/said'\n";

TEST_F(SystemdRecipeTest, WhatDependsOnAUnitThatNotifiesIsStartedWhenTheServiceListens) {
  Install("worker.service", UnitOfType("notify"));
  Install("dependent.service", kDependent);
  EXPECT_EQ(Run("mkfifo -m 666 /run/may-listen"), "");
  FILE* const starting = machine_->Begin("systemctl start dependent; echo $?");
  const std::string pid = PidOfNext("0");
  EXPECT_THAT(State(), StartsWith("activating start "));
  EXPECT_EQ(Run("systemctl is-active dependent"), "inactive\n");
  EXPECT_EQ(Run("echo > /run/may-listen"), "");
  EXPECT_EQ(machine_->Said(), "dependent");
  EXPECT_EQ(SystemdMachine::End(starting).printed, "0\n");
  ExpectItRuns(pid);
}

TEST_F(SystemdRecipeTest, AUnitThatNotifiesFailsWhenTheServiceEndsBeforeItListens) {
  Install("worker.service", UnitOfType("notify"));
  Install("dependent.service", kDependent);
  machine_->Write("/run/worker-is-broken", "");
  EXPECT_THAT(
      Run("systemctl start dependent; echo $?"),
      AllOf(HasSubstr("A dependency job for dependent.service failed."), EndsWith("\n1\n")));
  const std::string pid = PidOfNext("0");
  EXPECT_THAT(PidOfNext("0"), Ne(pid));  // by Restart=
  EXPECT_EQ(Run("systemctl stop worker"), "");
  EXPECT_THAT(
      Journal("--unit=worker"),
      AllOf(HasSubstr("it ended before it was ready: No such process (ESRCH) [step ready, child " +
                      pid + "]"),
            HasSubstr("Main process exited, code=exited, status=76"),
            HasSubstr("Failed with result 'exit-code'")));
}

TEST_F(SystemdRecipeTest, AServiceOfAUnitThatForksMayEndByItself) {
  Install("worker.service", UnitOfType("forking"));
  EXPECT_EQ(Run("mkdir /etc/systemd/system/worker.service.d"), "");
  Install("worker.service.d/end.conf", "[Unit]\nOnSuccess=end.service\n");
  Install("end.service",
          "[Service]\nType=oneshot\n"
          "ExecStart=/bin/sh -c 'echo the end of $MONITOR_UNIT > /run/said'\n");
  EXPECT_EQ(Run("systemctl start worker"), "");
  const std::string pid = PidOfNext("65534");
  ExpectItRuns(pid);
  EXPECT_EQ(Run("systemctl kill --kill-whom=main worker"), "");
  EXPECT_EQ(machine_->Said(), "the end of worker.service");
  ExpectNothingIsLeftOf(pid);
  EXPECT_THAT(Journal("--unit=worker"),
              HasSubstr("not running: removed the stale /run/worker.pid"));
}

TEST_F(SystemdRecipeTest, TheEntryPointOfAContainerHandsSignalsOnAndEndsAsTheServiceDoes) {
  const std::vector<Block> images = BlocksOf("dockerfile");
  ASSERT_THAT(images, SizeIs(1));
  // ENTRYPOINT ["word", "word"]
  std::string words = images[0].text.substr(images[0].text.find('[') + 1);
  words.resize(words.rfind(']'));
  words.erase(std::remove(words.begin(), words.end(), ','), words.end());
  const std::string run = "unshare --pid --fork --kill-child --mount-proc " + words + "; echo $?";

  FILE* const container = machine_->Begin(run);
  EXPECT_EQ(machine_->Said(), "user 65534 runs 2");
  // The files of /proc/PID of the one that has this name.
  const std::string of = "cd /proc; cd $(dirname $(grep -lx $name [0-9]*/comm)); ";
  EXPECT_THAT(Run("name=worker; " + of + "cat status"), HasSubstr("NoNewPrivs:\t1\n"));
  const std::string tell = "name=cleanfork; " + of + "kill -s $signal $(basename $PWD)";
  EXPECT_EQ(Run("signal=HUP; " + tell), "");
  EXPECT_EQ(machine_->Said(), "reloads 2");
  EXPECT_EQ(Run("signal=TERM; " + tell), "");
  EXPECT_EQ(SystemdMachine::End(container).printed, "user 65534 runs 2\nreloads 2\n143\n");

  machine_->Write("/run/worker-is-broken", "");
  EXPECT_EQ(Run(run), "user 65534 runs 2\n3\n");
}

TEST_F(SystemdRecipeTest, AContainersScriptStartsTheServiceOnceItsHelperListens) {
  std::string script;
  for (const Block& block : BlocksOf("sh")) {
    if (block.heading == "Containers") script += block.text;
  }
  machine_->Write("/run/entry", script);
  EXPECT_EQ(Run("mkfifo /run/may-listen; mkdir /run/bin; cp /usr/local/bin/worker /run/bin/helper"),
            "");
  FILE* const container = machine_->Begin(
      "PATH=/run/bin:$PATH exec unshare --pid --fork --kill-child --mount-proc sh /run/entry");
  const std::string helper = PidOfNext("0");
  // Nobody listens yet.
  EXPECT_EQ(Run("grep -lx worker /proc/[0-9]*/comm"), "");
  EXPECT_EQ(Run("echo > /run/may-listen; rm /run/may-listen"), "");
  const std::string worker = PidOfNext("65534");
  EXPECT_NE(worker, helper);
  EXPECT_EQ(Run("cat /run/cleanfork-helper.pid"), helper + "\n");
  EXPECT_EQ(Run("cd /proc; kill $(dirname $(grep -lx cleanfork [0-9]*/comm))"), "");
  EXPECT_EQ(SystemdMachine::End(container).printed,
            "started helper (pid " + helper + ")\nuser 65534 runs " + worker + "\n");
  EXPECT_EQ(Run("grep -lx helper /proc/[0-9]*/comm; rm -r /run/bin /run/entry /run/cleanfork-*"),
            "");
}

}  // namespace
}  // namespace cleanfork
