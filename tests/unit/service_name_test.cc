// Which pid file a name means, and for whom.
#include <unistd.h>

#include <map>
#include <string>

#include "cleanfork/os_wrapper.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/cli/service.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {
namespace {

using ::testing::HasSubstr;

// The kernel with another user and another environment.
class CallerOs : public OsWrapper {
 public:
  CallerOs() : OsWrapper(RealOs()) {}
  uid_t GetEuid() override { return euid; }
  const char* GetEnv(const char* name) override {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  }
  uid_t euid = 1000;
  std::map<std::string, std::string> variables;
};

class ServiceNameTest : public ::testing::Test {
 protected:
  ServiceNameTest() { settings_.name = "web"; }
  std::string PathOf() {
    const absl::StatusOr<std::string> path = RequiredPidFilePath(settings_, os_);
    return path.ok() ? *path : std::string(path.status().message());
  }
  CallerOs os_;
  Settings settings_;
};

TEST_F(ServiceNameTest, RootsFilesAreInRunWhateverTheEnvironmentSays) {
  os_.euid = 0;
  os_.variables["XDG_RUNTIME_DIR"] = "/run/user/1000";  // as sudo may leave it
  EXPECT_EQ(PathOf(), "/run/cleanfork-web.pid");
}

TEST_F(ServiceNameTest, EverybodyElsesAreInTheirOwnRuntimeDirectory) {
  os_.variables["XDG_RUNTIME_DIR"] = "/run/user/1000";
  EXPECT_EQ(PathOf(), "/run/user/1000/cleanfork-web.pid");
}

TEST_F(ServiceNameTest, WithoutADirectoryOfOnesOwnThereIsNoDefault) {
  for (const char* value : {"", "relative"}) {
    os_.variables["XDG_RUNTIME_DIR"] = value;
    EXPECT_THAT(PathOf(), HasSubstr("XDG_RUNTIME_DIR is no absolute path"));
  }
  os_.variables.clear();
  EXPECT_THAT(PathOf(), HasSubstr("give --run-directory or --pidfile"));
}

TEST_F(ServiceNameTest, ARunDirectoryThatIsGivenIsTaken) {
  os_.euid = 0;
  settings_.run_directory = "/srv/run";
  EXPECT_EQ(PathOf(), "/srv/run/cleanfork-web.pid");
}

TEST_F(ServiceNameTest, OneOfNameAndPidFileIsNeededAndBothAreOneTooMany) {
  os_.euid = 0;
  settings_.pid_file = "/run/web.pid";
  EXPECT_THAT(PathOf(), HasSubstr("one too many"));
  settings_.name = "";
  EXPECT_EQ(PathOf(), "/run/web.pid");
  settings_.pid_file = "";
  EXPECT_THAT(PathOf(), HasSubstr("neither --name nor --pidfile"));
  EXPECT_EQ(PidFilePath(settings_, os_).value(), "");
}

TEST_F(ServiceNameTest, TheNameOfAFileIsTheNameThatMadeIt) {
  EXPECT_EQ(NameOfPidFile("cleanfork-web.pid"), "web");
  EXPECT_EQ(NameOfPidFile("cleanfork-web@8080.pid"), "web@8080");
  for (const char* file : {"web.pid", "cleanfork-.pid", "cleanfork-web", "cleanfork-web.pid~",
                           "cleanfork-..pid", "cleanfork-a b.pid", "xcleanfork-web.pid"}) {
    EXPECT_EQ(NameOfPidFile(file), "") << file;
  }
}

}  // namespace
}  // namespace cleanfork::cli
