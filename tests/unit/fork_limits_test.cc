#include "src/fork_limits.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

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
using ::testing::Not;
using ::testing::StartsWith;

// A system that consists of a few files. Nothing of the real one shows through: every call that
// the code makes is overridden.
class CannedOs : public OsWrapper {
 public:
  CannedOs() : OsWrapper(RealOs()) {
    files["/proc/self/uid_map"] = "         0          0 4294967295\n";
    files["/proc/self/status"] = "Name:\tx\nCapEff:\t0000000000000000\n";
  }
  ~CannedOs() override { EXPECT_TRUE(open_.empty()) << open_.size() << " descriptors leaked"; }

  void AddProcess(int pid, const std::string& uids, int threads) {
    files["/proc/" + std::to_string(pid) + "/status"] = "Name:\tx\nUmask:\t0022\nUid:\t" + uids +
                                                        "\nGroups:\t4 24 \nThreads:\t" +
                                                        std::to_string(threads) + "\nSigQ:\t0/1\n";
    directory.insert(std::to_string(pid));
  }

  uid_t GetUid() override { return uid; }
  SysResult<ResourceLimit> GetRLimit(int resource) override {
    EXPECT_EQ(resource, RLIMIT_NPROC);
    return processes;
  }
  SysResult<int> Open(const char* path, int, mode_t) override {
    if (std::string(path) != "/proc" && files.count(path) == 0) return SysError(ENOENT);
    open_[next_] = {path, 0};
    return next_++;
  }
  SysResult<void> Close(int fd) override {
    EXPECT_EQ(open_.erase(fd), 1u);
    return {};
  }
  SysResult<size_t> Read(int fd, void* buffer, size_t size) override {
    ++reads;
    if (read_error != 0) return SysError(read_error);
    auto& [path, offset] = open_.at(fd);
    if (endless_files) {
      std::memset(buffer, '1', size);
      return size;
    }
    // A few bytes at a time, so that a reader that takes one read for the whole file is found.
    const size_t count = std::min({size, size_t{100}, files.at(path).size() - offset});
    std::memcpy(buffer, files.at(path).data() + offset, count);
    offset += count;
    return count;
  }
  SysResult<size_t> GetDents(int fd, void* buffer, size_t size) override {
    ++reads;
    if (directory_error != 0) return SysError(directory_error);
    auto& [path, offset] = open_.at(fd);
    EXPECT_EQ(path, "/proc");
    size_t used = 0;
    char* out = static_cast<char*>(buffer);
    for (auto it = std::next(directory.begin(), static_cast<ptrdiff_t>(offset));
         it != directory.end(); ++it, ++offset) {
      const size_t length = (offsetof(dirent64, d_name) + it->size() + 1 + 7) / 8 * 8;
      // At most three to a buffer, so that a second call is needed.
      if (used + length > std::min(size, size_t{72})) break;
      dirent64 entry = {};
      entry.d_reclen = static_cast<unsigned short>(length);
      std::memcpy(entry.d_name, it->c_str(), it->size() + 1);
      std::memcpy(out + used, &entry, length);
      used += length;
    }
    if (endless_directory && offset == directory.size()) offset = 0;
    return used;
  }

  std::map<std::string, std::string> files;
  std::set<std::string> directory = {".", "..", "self", "sys", "1x"};
  uid_t uid = 61001;
  SysResult<ResourceLimit> processes = ResourceLimit{RLIM_INFINITY, RLIM_INFINITY};
  int read_error = 0;
  int directory_error = 0;
  bool endless_files = false;
  bool endless_directory = false;
  int reads = 0;

 private:
  struct OpenFile {
    std::string path;
    size_t offset = 0;
  };
  std::map<int, OpenFile> open_;
  int next_ = 1000;
};

TEST(ForkLimits, ProcessLimitCountsEveryThreadOfTheRealUidAndNoOther) {
  CannedOs os;
  os.processes = ResourceLimit{7, 100};
  os.AddProcess(10, "61001\t0\t0\t0", 1);
  os.AddProcess(11, "61001\t61001\t61001\t61001", 6);
  os.AddProcess(12, "0\t61001\t61001\t61001", 50);
  os.AddProcess(13, "610011\t61001\t61001\t61001", 50);
  EXPECT_EQ(DescribeForkLimits(os), "RLIMIT_NPROC is full: 7 of 7 tasks of uid 61001");
}

TEST(ForkLimits, WhatIsNotFullIsListedWithItsNumbers) {
  CannedOs os;
  os.processes = ResourceLimit{64, 64};
  os.AddProcess(10, "61001\t61001\t61001\t61001", 12);
  os.files["/proc/loadavg"] = "0.04 0.06 0.01 1/214 8304\n";
  os.files["/proc/sys/kernel/threads-max"] = "186000\n";
  os.files["/proc/sys/kernel/pid_max"] = "32768\n";
  EXPECT_EQ(DescribeForkLimits(os),
            "no limit that can be read is full (RLIMIT_NPROC 12 of 64, threads-max 214 of 186000, "
            "pid_max 214 of 32768)");
}

TEST(ForkLimits, OneTaskBelowTheLimitIsNotFull) {
  CannedOs os;
  os.processes = ResourceLimit{8, 8};
  os.AddProcess(10, "61001\t61001\t61001\t61001", 7);
  EXPECT_THAT(DescribeForkLimits(os), StartsWith("no limit that can be read is full"));
}

TEST(ForkLimits, ProcessThatEndsMeanwhileIsNotCounted) {
  CannedOs os;
  os.processes = ResourceLimit{3, 3};
  os.AddProcess(10, "61001\t61001\t61001\t61001", 2);
  os.directory.insert("11");
  EXPECT_THAT(DescribeForkLimits(os), HasSubstr("RLIMIT_NPROC 2 of 3"));
}

TEST(ForkLimits, ProcessLimitDoesNotBindRootOrWhoHasTheCapability) {
  CannedOs os;
  os.processes = ResourceLimit{1, 1};
  os.AddProcess(10, "61001\t61001\t61001\t61001", 5);
  os.files["/proc/self/status"] = "CapPrm:\t0\nCapEff:\t0000000001000000\n";  // CAP_SYS_RESOURCE
  EXPECT_EQ(DescribeForkLimits(os), "no limit can be read");
  os.files["/proc/self/status"] = "CapPrm:\t0\nCapEff:\t0000000000200000\n";  // CAP_SYS_ADMIN
  EXPECT_EQ(DescribeForkLimits(os), "no limit can be read");
  os.files["/proc/self/status"] = "CapPrm:\t1\nCapEff:\t0000000000000400\n";  // another
  EXPECT_EQ(DescribeForkLimits(os), "RLIMIT_NPROC is full: 5 of 1 tasks of uid 61001");

  CannedOs root;
  root.uid = 0;
  root.processes = ResourceLimit{1, 1};
  root.AddProcess(10, "0\t0\t0\t0", 5);
  EXPECT_EQ(DescribeForkLimits(root), "no limit can be read");
}

TEST(ForkLimits, ProcessLimitBindsRootOfAUserNamespace) {
  CannedOs os;
  os.uid = 0;
  os.processes = ResourceLimit{5, 5};
  os.AddProcess(10, "0\t0\t0\t0", 5);
  os.files["/proc/self/uid_map"] = "         0      61001          1\n";
  os.files["/proc/self/status"] = "CapEff:\t000001ffffffffff\n";
  EXPECT_EQ(DescribeForkLimits(os), "RLIMIT_NPROC is full: 5 of 5 tasks of uid 0");
}

TEST(ForkLimits, AnyLevelOfAVersion2HierarchyCanBeFull) {
  CannedOs os;
  os.files["/proc/self/cgroup"] = "0::/user.slice/session.scope\n";
  os.files["/proc/self/mountinfo"] =
      "24 30 0:22 / /proc rw,relatime shared:13 - proc proc rw\n"
      "41 31 0:38 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
  os.files["/sys/fs/cgroup/user.slice/session.scope/pids.max"] = "max\n";
  os.files["/sys/fs/cgroup/user.slice/session.scope/pids.current"] = "3\n";
  os.files["/sys/fs/cgroup/user.slice/pids.max"] = "10\n";
  os.files["/sys/fs/cgroup/user.slice/pids.current"] = "10\n";
  EXPECT_EQ(DescribeForkLimits(os),
            "pids.max of control group /user.slice is full: 10 of 10 tasks");
  os.files["/sys/fs/cgroup/user.slice/pids.current"] = "9\n";
  EXPECT_EQ(DescribeForkLimits(os),
            "no limit that can be read is full (pids.max of control group /user.slice 9 of 10)");
}

TEST(ForkLimits, Version1HierarchyIsReadWhereItIsMountedEvenIfOnlyAPartOfItIs) {
  CannedOs os;
  os.files["/proc/self/cgroup"] =
      "9:name=systemd:/docker/f00\n8:cpu,pids:/docker/f00/job\n0::/docker/f00\n";
  os.files["/proc/self/mountinfo"] =
      "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
      "39 31 0:36 /docker/f00 /sys/fs/cgroup/pids rw - cgroup cgroup rw,cpu,pids\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  os.files["/sys/fs/cgroup/pids/job/pids.max"] = "20\n";
  os.files["/sys/fs/cgroup/pids/job/pids.current"] = "4\n";
  os.files["/sys/fs/cgroup/pids/pids.max"] = "5\n";
  os.files["/sys/fs/cgroup/pids/pids.current"] = "5\n";
  EXPECT_EQ(DescribeForkLimits(os), "pids.max of control group / is full: 5 of 5 tasks");
  os.files["/sys/fs/cgroup/pids/job/pids.current"] = "20\n";
  EXPECT_EQ(DescribeForkLimits(os),
            "pids.max of control group /job is full: 20 of 20 tasks; "
            "pids.max of control group / is full: 5 of 5 tasks");
}

TEST(ForkLimits, ControlGroupOutsideOfWhatIsMountedIsLeftOut) {
  CannedOs os;
  os.files["/proc/self/cgroup"] = "8:pids:/elsewhere\n8:pids:/docker/f001\n";
  os.files["/proc/self/mountinfo"] =
      "39 31 0:36 /docker/f00 /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
  os.files["/sys/fs/cgroup/pids/pids.max"] = "5\n";
  os.files["/sys/fs/cgroup/pids/pids.current"] = "5\n";
  EXPECT_EQ(DescribeForkLimits(os), "no limit can be read");
}

TEST(ForkLimits, SystemWideLimitsAreHeldAgainstAllTasks) {
  CannedOs os;
  os.files["/proc/loadavg"] = "0.04 0.06 0.01 1/700 8304\n";
  os.files["/proc/sys/kernel/threads-max"] = "700\n";
  EXPECT_EQ(DescribeForkLimits(os), "threads-max is full: 700 of 700 tasks");
  os.files["/proc/sys/kernel/threads-max"] = "701\n";
  os.files["/proc/sys/kernel/pid_max"] = "1001\n";
  EXPECT_EQ(DescribeForkLimits(os),
            "no limit that can be read is full (threads-max 700 of 701, pid_max 700 of 1001)");
  os.files["/proc/sys/kernel/pid_max"] = "1000\n";
  EXPECT_EQ(DescribeForkLimits(os),
            "pid_max is full: 700 of 1000 pids, of which the kernel keeps 300 back");
}

TEST(ForkLimits, PidMaxOfANamespaceIsHeldAgainstTheTasksInIt) {
  CannedOs os;
  os.files["/proc/loadavg"] = "0.04 0.06 0.01 1/700 8304\n";
  os.files["/proc/sys/kernel/pid_max"] = "500\n";
  os.AddProcess(10, "61001\t61001\t61001\t61001", 2);
  os.AddProcess(11, "0\t0\t0\t0", 3);
  EXPECT_EQ(DescribeForkLimits(os), "no limit that can be read is full (pid_max 5 of 500)");
}

TEST(ForkLimits, AllThatAreFullAreNamed) {
  CannedOs os;
  os.processes = ResourceLimit{2, 2};
  os.AddProcess(10, "61001\t61001\t61001\t61001", 2);
  os.files["/proc/loadavg"] = "0.04 0.06 0.01 1/700 8304\n";
  os.files["/proc/sys/kernel/threads-max"] = "700\n";
  EXPECT_EQ(DescribeForkLimits(os),
            "RLIMIT_NPROC is full: 2 of 2 tasks of uid 61001; threads-max is full: 700 of 700 "
            "tasks");
}

TEST(ForkLimits, WithoutProcThereIsNothingToTell) {
  CannedOs os;
  os.files.clear();
  os.processes = SysError(EPERM);
  EXPECT_EQ(DescribeForkLimits(os), "no limit can be read");
  os.processes = ResourceLimit{3, 3};
  EXPECT_EQ(DescribeForkLimits(os), "no limit can be read");
}

TEST(ForkLimits, MalformedFilesAreLeftOut) {
  CannedOs os;
  os.files["/proc/self/cgroup"] = ":\nx\n0::\n8:pids:no/slash\n";
  os.files["/proc/self/mountinfo"] = " - \n1 2 3 4 5 - cgroup2\n9 9 0:9 / /c rw - cgroup2 c rw\n";
  os.files["/c/pids.max"] = "99999999999999999999999\n";
  os.files["/c/pids.current"] = "\n";
  os.files["/proc/loadavg"] = "0.04/\n";
  os.files["/proc/sys/kernel/threads-max"] = "\n";
  os.files["/proc/sys/kernel/pid_max"] = "-5\n";
  EXPECT_EQ(DescribeForkLimits(os), "no limit can be read");
}

TEST(ForkLimits, FilesAndDirectoriesWithoutEndDoNotHang) {
  CannedOs os;
  os.processes = ResourceLimit{3, 3};
  os.AddProcess(10, "61001\t61001\t61001\t61001", 2);
  os.directory_error = EINTR;
  DescribeForkLimits(os);
  EXPECT_LT(os.reads, 20'000);

  os.reads = 0;
  os.directory_error = 0;
  os.read_error = EINTR;
  os.endless_directory = true;
  DescribeForkLimits(os);
  EXPECT_GT(os.reads, 10'000) << "the directory was to be read again and again";
  EXPECT_LT(os.reads, 8'000'000);

  os.reads = 0;
  os.read_error = 0;
  os.endless_directory = false;
  os.endless_files = true;
  DescribeForkLimits(os);
  EXPECT_LT(os.reads, 1'000);
}

TEST(ForkLimits, TheRealSystemHasLimitsThatCanBeRead) {
  const std::string text = DescribeForkLimits(RealOs());
  EXPECT_THAT(text, HasSubstr("threads-max")) << text;
}

}  // namespace
}  // namespace cleanfork
