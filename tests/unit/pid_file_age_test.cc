// Which process a pid file without a lock means, by its age: it has written the file when it was
// new. One that is much older has the number in another PID namespace than the writer had it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/pid_file.h"
#include "cleanfork/process_handle.h"

namespace cleanfork {
namespace {

using ::testing::HasSubstr;

// The kernel, on which every process is older than it is.
class OldProcessesOs : public OsWrapper {
 public:
  explicit OldProcessesOs(int64_t seconds) : OsWrapper(RealOs()), seconds_(seconds) {}
  SysResult<int64_t> ClockGetTime(clockid_t clock) override {
    const SysResult<int64_t> now = OsWrapper::ClockGetTime(clock);
    if (!now.ok() || clock != CLOCK_BOOTTIME) return now;
    return now.value() + seconds_ * 1'000'000'000;
  }

 private:
  const int64_t seconds_;
};

// The kernel, with a /proc in which this process is another one, or nobody.
class ForeignProcOs : public OsWrapper {
 public:
  explicit ForeignProcOs(SysResult<size_t> size) : OsWrapper(RealOs()), size_(size) {}
  SysResult<size_t> ReadLink(const char* path, char* buffer, size_t size) override {
    if (std::string(path) != "/proc/self") return OsWrapper::ReadLink(path, buffer, size);
    std::memset(buffer, '9', size);
    return size_;
  }

 private:
  const SysResult<size_t> size_;
};

class PidFileAge : public ::testing::Test {
 protected:
  // A file without a lock that this process has just written.
  PidFileAge() {
    ::umask(022);
    std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/age.XXXXXX";
    path_ = std::string(::mkdtemp(&pattern[0])) + "/service.pid";
    std::ofstream(path_) << ::getpid() << "\n";
  }
  std::string path_;
};

TEST_F(PidFileAge, AProcessThatWasNewWhenTheFileWasWrittenRuns) {
  OldProcessesOs os(30);
  EXPECT_TRUE(ReadPidFile(path_, os)->running());
  EXPECT_TRUE(absl::IsAlreadyExists(PidFile::Claim(path_, os).status()));
}

TEST_F(PidFileAge, AProcessThatWasOldWhenTheFileWasWrittenIsAnotherAndItsFileIsStale) {
  OldProcessesOs os(61);
  EXPECT_FALSE(ReadPidFile(path_, os)->running());
  EXPECT_TRUE(PidFile::Claim(path_, os).ok());
}

TEST_F(PidFileAge, AnOldProcessAndAFileOfTheFutureStayUndecided) {
  const time_t later = ::time(nullptr) + 3600;
  const timespec times[2] = {{later, 0}, {later, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  OldProcessesOs os(61);
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadPidFile(path_, os).status()));
}

TEST_F(PidFileAge, AProcOfAnotherPidNamespaceProvesNothing) {
  for (const SysResult<size_t>& link :
       {SysResult<size_t>(size_t{6}), SysResult<size_t>(SysError(ENOENT))}) {
    ForeignProcOs os(link);
    const absl::Status status = ReadPidFile(path_, os).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("not that of our PID namespace"));
    EXPECT_TRUE(absl::IsAlreadyExists(PidFile::Claim(path_, os).status()));
    EXPECT_TRUE(absl::IsNotFound(ProcessHandle::Open(2147483647, os).status()));
  }
}

TEST_F(PidFileAge, ALinkThatCannotBeReadIsNoSuchProof) {
  ForeignProcOs os(SysError(EACCES));
  EXPECT_TRUE(ReadPidFile(path_, os)->running());
}

}  // namespace
}  // namespace cleanfork
