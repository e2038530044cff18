// Which failures of fork(2) waiting does not cure, told from those that it does: on a system that
// consists of a few files. tests/real/fork_failure_test.cc has the real ones.
#include "src/fork_obstacle.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;

// "NSpid" has the pids in the namespaces from the caller's on down; "7 1" is an init, one below.
struct Process {
  std::string nspid;
  std::string name_space;
  std::string state = "S (sleeping)";
  int threads = 1;
};

class ProcOs : public OsWrapper {
 public:
  ProcOs() : OsWrapper(RealOs()) {
    links["/proc/thread-self/ns/pid"] = "pid:[100]";
    links["/proc/thread-self/ns/pid_for_children"] = "pid:[200]";
    files["/proc/self/status"] = Status({"50", "pid:[100]"});
    files["/proc/self/mountinfo"] =
        "20 1 0:5 / /proc rw,nosuid - proc proc rw\n21 1 0:6 / /sys rw - sysfs sysfs rw\n";
    Add(1, {"1", "pid:[100]"});
    Add(50, {"50", "pid:[100]"});
  }
  ~ProcOs() override { EXPECT_TRUE(open_.empty()) << open_.size() << " descriptors leaked"; }

  static std::string Status(const Process& process) {
    std::string nspid = process.nspid;
    std::replace(nspid.begin(), nspid.end(), ' ', '\t');
    return "Name:\tx\nState:\t" + process.state + "\nNStgid:\t1\nNSpid:\t" + nspid +
           "\nNSpgid:\t1\nThreads:\t" + std::to_string(process.threads) + "\n";
  }
  void Add(int pid, const Process& process) {
    const std::string directory = "/proc/" + std::to_string(pid);
    pids.insert(std::to_string(pid));
    files[directory + "/status"] = Status(process);
    links[directory + "/ns/pid"] = process.name_space;
  }

  SysResult<int> SchedGetScheduler(pid_t pid) override {
    EXPECT_EQ(pid, 0) << "0 is the calling thread; getpid() would be the first one";
    return policy;
  }
  SysResult<size_t> ReadLink(const char* path, char* buffer, size_t size) override {
    if (errors.count(path) != 0) return SysError(errors[path]);
    if (links.count(path) == 0) return SysError(ENOENT);
    const size_t count = std::min(size, links[path].size());
    std::memcpy(buffer, links[path].data(), count);
    return count;
  }
  SysResult<int> Open(const char* path, int, mode_t) override {
    ++opened;
    if (errors.count(path) != 0) return SysError(errors[path]);
    if (std::string(path) != "/proc" && files.count(path) == 0) return SysError(ENOENT);
    open_[next_] = {path, 0};
    return next_++;
  }
  SysResult<void> Close(int fd) override {
    EXPECT_EQ(open_.erase(fd), 1u);
    return {};
  }
  SysResult<size_t> Read(int fd, void* buffer, size_t size) override {
    auto& [path, offset] = open_.at(fd);
    const size_t count = std::min(size, files.at(path).size() - offset);
    std::memcpy(buffer, files.at(path).data() + offset, count);
    offset += count;
    return count;
  }
  SysResult<size_t> GetDents(int fd, void* buffer, size_t size) override {
    if (directory_error != 0) return SysError(directory_error);
    auto& [path, offset] = open_.at(fd);
    if (offset == pids.size()) return size_t{0};
    const std::string& name = *std::next(pids.begin(), static_cast<ptrdiff_t>(offset++));
    dirent64 entry = {};
    entry.d_reclen = static_cast<unsigned short>(offsetof(dirent64, d_name) + name.size() + 1);
    std::memcpy(entry.d_name, name.c_str(), name.size() + 1);
    EXPECT_LE(entry.d_reclen, size);
    std::memcpy(buffer, &entry, entry.d_reclen);
    return size_t{entry.d_reclen};
  }

  SysResult<int> policy = SCHED_OTHER;
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> links;
  std::map<std::string, int> errors;  // what a path cannot be opened or read with
  std::set<std::string> pids;
  int directory_error = 0;
  int opened = 0;

 private:
  struct OpenFile {
    std::string path;
    size_t offset = 0;
  };
  std::map<int, OpenFile> open_;
  int next_ = 1000;
};

// Permanent, and says that the namespace is dead.
testing::Matcher<const ForkObstacle&> IsDeadNamespace() {
  return testing::AllOf(testing::Field(&ForkObstacle::permanent, true),
                        testing::Field(&ForkObstacle::cause, HasSubstr("is dead, since its init")));
}
// Tried again, with nothing or something to be said of it.
testing::Matcher<const ForkObstacle&> IsNone() {
  return testing::AllOf(testing::Field(&ForkObstacle::permanent, false),
                        testing::Field(&ForkObstacle::cause, ""));
}
testing::Matcher<const ForkObstacle&> IsUncertain(const std::string& text) {
  return testing::AllOf(testing::Field(&ForkObstacle::permanent, false),
                        testing::Field(&ForkObstacle::cause, HasSubstr(text)));
}

TEST(ForkObstacleTest, ANamespaceWithoutItsInitIsDead) {
  ProcOs os;
  const ForkObstacle obstacle = FindForkObstacle(os, ENOMEM);
  EXPECT_THAT(obstacle, IsDeadNamespace());
  EXPECT_THAT(obstacle.cause, HasSubstr("setns(2)")) << "the remedy is named";
}

TEST(ForkObstacleTest, ANamespaceWhoseInitLivesIsShortOfMemoryForTheMoment) {
  ProcOs os;
  os.Add(70, {"70 1", "pid:[200]"});
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsNone());
}

TEST(ForkObstacleTest, TheInitOfAnotherNamespaceAndAnotherProcessOfThisOneDoNotCount) {
  ProcOs os;
  os.Add(70, {"70 1", "pid:[300]"});
  os.Add(71, {"71 2", "pid:[200]"});  // about to be killed by the end of its init
  os.Add(72, {"72 5 1", "pid:[400]"});
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsDeadNamespace());
}

TEST(ForkObstacleTest, AnInitSeveralNamespacesBelowIsFound) {
  ProcOs os;
  os.Add(72, {"72 5 1", "pid:[200]"});
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsNone());
}

TEST(ForkObstacleTest, AnInitThatNobodyHasReapedIsAsGoodAsNone) {
  ProcOs os;
  os.Add(70, {"70 1", "pid:[200]", "Z (zombie)"});
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsDeadNamespace());
}

TEST(ForkObstacleTest, AnInitWhoseFirstThreadHasEndedBeforeTheOthersLives) {
  ProcOs os;
  os.Add(70, {"70 1", "pid:[200]", "Z (zombie)", 2});
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsNone());
}

TEST(ForkObstacleTest, InOnesOwnNamespaceNothingIsLookedFor) {
  ProcOs os;
  os.links["/proc/thread-self/ns/pid_for_children"] = "pid:[100]";
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsNone());
  EXPECT_EQ(os.opened, 0) << "memory is short: two calls, and no file";
}

TEST(ForkObstacleTest, ANamespaceWithoutAnyProcessYetIsTriedAgain) {
  ProcOs os;
  os.links.erase("/proc/thread-self/ns/pid_for_children");
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsUncertain("has had no process yet"));
}

TEST(ForkObstacleTest, WithoutProcThereIsNothingToTell) {
  ProcOs os;
  os.links.clear();
  os.files.clear();
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsNone());
  ProcOs other;
  other.errors["/proc/thread-self/ns/pid_for_children"] = EACCES;
  EXPECT_THAT(FindForkObstacle(other, ENOMEM), IsNone());
}

TEST(ForkObstacleTest, WhatCannotBeSeenIsNotTakenForDead) {
  for (const char* path :
       {"/proc/self/status", "/proc/self/mountinfo", "/proc", "/proc/1/status"}) {
    ProcOs os;
    os.errors[path] = EMFILE;
    EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsUncertain("does not show whether it has")) << path;
  }
  ProcOs os;
  os.directory_error = ENOMEM;
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsUncertain("does not show whether it has"));
}

TEST(ForkObstacleTest, AnInitOfSomebodyElseMayBeTheOne) {
  ProcOs os;
  os.Add(70, {"70 1", "pid:[200]"});
  os.errors["/proc/70/ns/pid"] = EACCES;
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsUncertain("does not show whether it has"));
}

TEST(ForkObstacleTest, TheInitOfOnesOwnNamespaceNeedNotBeReadable) {
  ProcOs os;
  os.errors["/proc/1/ns/pid"] = EACCES;
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsDeadNamespace());
}

TEST(ForkObstacleTest, AProcThatHidesProcessesProvesNothing) {
  for (const char* option : {"hidepid=2", "hidepid=1,gid=5", "hidepid=invisible"}) {
    ProcOs os;
    os.files["/proc/self/mountinfo"] =
        "20 1 0:5 / /proc rw - proc proc rw," + std::string(option) + "\n";
    EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsUncertain("does not show whether it has"))
        << option;
  }
  for (const char* line : {"20 1 0:5 / /proc rw - proc proc rw,hidepid=0\n",
                           "20 1 0:5 / /proc rw - proc proc rw,hidepid=off\n",
                           "20 1 0:5 / /srv/proc rw - proc proc rw,hidepid=2\n"}) {
    ProcOs os;
    os.files["/proc/self/mountinfo"] = line;
    EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsDeadNamespace()) << line;
  }
}

TEST(ForkObstacleTest, AProcessThatEndsMeanwhileIsNotTheInit) {
  ProcOs os;
  os.Add(70, {"70 1", "pid:[200]"});
  os.errors["/proc/70/ns/pid"] = ESRCH;
  os.Add(71, {"71 1", "pid:[200]"});
  os.errors["/proc/71/status"] = ENOENT;
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsDeadNamespace());
}

TEST(ForkObstacleTest, AKernelWithoutNamespacesInStatusProvesNothing) {
  ProcOs os;
  os.files["/proc/self/status"] = "Name:\tx\n";
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsUncertain("does not show whether it has"));
}

TEST(ForkObstacleTest, DeadlineSchedulingWithoutItsFlagIsPermanent) {
  ProcOs os;
  os.policy = 6;  // SCHED_DEADLINE
  const ForkObstacle obstacle = FindForkObstacle(os, EAGAIN);
  EXPECT_TRUE(obstacle.permanent);
  EXPECT_THAT(obstacle.cause, HasSubstr("the scheduling policy is SCHED_DEADLINE"));
  EXPECT_THAT(obstacle.cause, HasSubstr("SCHED_FLAG_RESET_ON_FORK")) << "the remedy is named";
}

TEST(ForkObstacleTest, AnyOtherPolicyAndAnUnknownOneAreNoObstacle) {
  for (const SysResult<int>& policy :
       {SysResult<int>(SCHED_OTHER), SysResult<int>(SCHED_FIFO),
        SysResult<int>(6 | SCHED_RESET_ON_FORK), SysResult<int>(SysError(EINVAL))}) {
    ProcOs os;
    os.policy = policy;
    EXPECT_THAT(FindForkObstacle(os, EAGAIN), IsNone());
    EXPECT_EQ(os.opened, 0);
  }
}

TEST(ForkObstacleTest, EachErrnoHasItsOwnCause) {
  ProcOs os;
  os.policy = 6;
  EXPECT_THAT(FindForkObstacle(os, ENOMEM), IsDeadNamespace());
  os.policy = SCHED_OTHER;
  EXPECT_THAT(FindForkObstacle(os, EAGAIN), IsNone());
  EXPECT_THAT(FindForkObstacle(os, ENOSYS), IsNone());
}

}  // namespace
}  // namespace cleanfork
