#include "cleanfork/pid_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "cleanfork/child_error.h"
#include "cleanfork/os_wrapper.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cleanfork {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The kernel, but for what a test sets.
class BentOs : public OsWrapper {
 public:
  BentOs() : OsWrapper(RealOs()) {}

  SysResult<FileStatus> FStat(int fd) override {
    SysResult<FileStatus> result = OsWrapper::FStat(fd);
    if (fstat_error != 0) {
      const int error = fstat_error;
      fstat_error = 0;
      return SysError(error);
    }
    if (!result.ok() || owner == 0) return result;
    FileStatus status = result.value();
    status.uid = owner;
    return status;
  }
  SysResult<void> FcntlSetLock(int fd, short type) override {
    if (lock_error != 0) return SysError(lock_error);
    return OsWrapper::FcntlSetLock(fd, type);
  }
  SysResult<void> FTruncate(int fd, int64_t size) override {
    if (truncate_error != 0) return SysError(truncate_error);
    return OsWrapper::FTruncate(fd, size);
  }
  SysResult<FileStatus> Stat(const char* path) override {
    if (!unlink_before_stat.empty() && unlink_before_stat == path) {
      ::unlink(path);
      unlink_before_stat.clear();
    }
    return OsWrapper::Stat(path);
  }
  SysResult<int> PidFdOpen(pid_t pid, unsigned flags) override {
    if (pidfd_error != 0) return SysError(pidfd_error);
    return OsWrapper::PidFdOpen(pid, flags);
  }

  SysResult<int> Open(const char* path, int flags, mode_t mode) override {
    if (!hidden.empty() && hidden == path) return SysError(ENOENT);
    return OsWrapper::Open(path, flags, mode);
  }

  SysResult<size_t> PRead(int fd, void* buffer, size_t size, int64_t offset) override {
    ++reads;
    if (torn_reads.empty() || offset != 0) return OsWrapper::PRead(fd, buffer, size, offset);
    const std::string torn = torn_reads.back();
    torn_reads.pop_back();
    std::memcpy(buffer, torn.data(), torn.size());
    return torn.size();
  }

  std::vector<std::string> torn_reads;  // what the next calls see, the last one first
  int reads = 0;
  std::string hidden;   // a path that is not there
  int fstat_error = 0;  // of the next call
  int lock_error = 0;
  int truncate_error = 0;
  int pidfd_error = 0;
  uid_t owner = 0;                 // of every file, if not 0
  std::string unlink_before_stat;  // the path that vanishes once, just before it is looked at
};

class PidFileTest : public ::testing::Test {
 protected:
  PidFileTest() {
    ::umask(022);
    std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/pid_file.XXXXXX";
    directory_ = ::mkdtemp(&pattern[0]);
    path_ = directory_ + "/service.pid";
  }

  bool Exists() const {
    struct stat status;
    return ::lstat(path_.c_str(), &status) == 0;
  }
  std::string Content() const {
    std::stringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  void Put(const std::string& content, mode_t mode = 0644) const {
    std::ofstream(path_) << content;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  // Makes the file look as if it had been written long before this process started.
  void Age() const {
    const timespec times[2] = {{1, 0}, {1, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  }
  static std::string Own() { return std::to_string(::getpid()) + "\n"; }
  static void WriteOwn(const PidFile& file) {
    ASSERT_EQ(::pwrite(file.descriptor(), Own().data(), Own().size(), 0),
              static_cast<ssize_t>(Own().size()));
  }
  // A process that was there before the file and has none of its descriptors.
  class Stranger {
   public:
    Stranger() {
      int ends[2];
      EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
      pid_ = ::fork();
      if (pid_ == 0) {
        ::close(ends[1]);
        char byte;
        ::_exit(::read(ends[0], &byte, 1) == 0 ? 0 : 1);
      }
      ::close(ends[0]);
      end_ = ends[1];
    }
    ~Stranger() {
      ::close(end_);
      ::waitpid(pid_, nullptr, 0);
    }
    std::string Line() const { return std::to_string(pid_) + "\n"; }
    pid_t pid() const { return pid_; }

   private:
    pid_t pid_ = -1;
    int end_ = -1;
  };
  static void WriteTo(const PidFile& file, const std::string& line) {
    ASSERT_EQ(::pwrite(file.descriptor(), line.data(), line.size(), 0),
              static_cast<ssize_t>(line.size()));
  }
  // Dates the file `nanoseconds` from when it was last written.
  void Redate(int64_t nanoseconds) const {
    struct stat status;
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    const int64_t second = 1'000'000'000;
    const int64_t time = status.st_mtim.tv_sec * second + status.st_mtim.tv_nsec + nanoseconds;
    const timespec both = {time / second, time % second};
    const timespec times[2] = {both, both};
    ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  }
  static int ErrnoOf(const absl::Status& status) {
    const std::optional<ChildError> error = GetChildError(status);
    if (!error.has_value()) return 0;
    EXPECT_EQ(error->step, Step::kWritePidFile) << status;
    return error->error;
  }

  BentOs os_;
  std::string directory_;
  std::string path_;
};

// Claim ------------------------------------------------------------------------------------------

TEST_F(PidFileTest, ClaimMakesAnEmptyFileOfMode0644WithACloseOnExecDescriptor) {
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  ASSERT_TRUE(file.ok()) << file.status();
  struct stat status;
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644u);
  EXPECT_EQ(status.st_size, 0);
  EXPECT_EQ(::fcntl(file->descriptor(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(PidFileTest, AFileThatWasNotCommittedIsRemoved) {
  { ASSERT_TRUE(PidFile::Claim(path_, os_).ok()); }
  EXPECT_FALSE(Exists());
}

TEST_F(PidFileTest, ACommittedFileStays) {
  {
    absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
    ASSERT_TRUE(file.ok()) << file.status();
    file->Commit();
  }
  EXPECT_TRUE(Exists());
}

TEST_F(PidFileTest, AFileThatTookThePlaceOfTheClaimedOneIsNotRemoved) {
  {
    const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_EQ(::unlink(path_.c_str()), 0);
    Put("somebody else's\n");
  }
  EXPECT_EQ(Content(), "somebody else's\n");
}

TEST_F(PidFileTest, MovingTheFileMovesTheDutyToRemoveIt) {
  std::optional<PidFile> outer;
  {
    absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
    ASSERT_TRUE(file.ok()) << file.status();
    outer = *std::move(file);
  }
  EXPECT_TRUE(Exists());
  outer.reset();
  EXPECT_FALSE(Exists());
}

TEST_F(PidFileTest, ASecondClaimIsRefusedWithThePidOfTheFirstAndChangesNothing) {
  const absl::StatusOr<PidFile> first = PidFile::Claim(path_, os_);
  ASSERT_TRUE(first.ok()) << first.status();
  WriteOwn(*first);
  const absl::StatusOr<PidFile> second = PidFile::Claim(path_, os_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists) << second.status();
  EXPECT_EQ(ErrnoOf(second.status()), EEXIST);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("another instance runs, pid " + std::to_string(::getpid())));
  EXPECT_EQ(Content(), Own());
}

TEST_F(PidFileTest, AClaimBesideAnInstanceThatHasNotWrittenItsPidYetSaysSo) {
  const absl::StatusOr<PidFile> first = PidFile::Claim(path_, os_);
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::StatusOr<PidFile> second = PidFile::Claim(path_, os_);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another instance is starting"));
  EXPECT_TRUE(Exists());
}

TEST_F(PidFileTest, AClaimBesideALockDoesNotTakeAStrangerForTheInstance) {
  const Stranger stranger;
  const absl::StatusOr<PidFile> first = PidFile::Claim(path_, os_);
  ASSERT_TRUE(first.ok()) << first.status();
  for (const std::string& line : {stranger.Line(), std::string("2147483647\n")}) {
    WriteTo(*first, line);
    const absl::Status second = PidFile::Claim(path_, os_).status();
    EXPECT_EQ(ErrnoOf(second), EEXIST);
    EXPECT_THAT(std::string(second.message()),
                AllOf(HasSubstr("which it names, cannot be taken for the holder"),
                      Not(HasSubstr("another instance runs, pid"))));
  }
}

TEST_F(PidFileTest, AReaderThatLocksTheFileIsNotTakenForAnInstance) {
  Put("2147483647\n");
  const int reader = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  ASSERT_EQ(::fcntl(reader, F_OFD_SETLK, &lock), 0);
  const absl::Status status = PidFile::Claim(path_, os_).status();
  EXPECT_EQ(ErrnoOf(status), EAGAIN) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("a process that only reads it has locked it: find it with fuser(1)"));
  EXPECT_EQ(Content(), "2147483647\n");
  ::close(reader);
  EXPECT_TRUE(PidFile::Claim(path_, os_).ok());
}

TEST_F(PidFileTest, AFileThatWeMadeAndAnotherInstanceLockedFirstIsItsOwn) {
  for (const int error : {EAGAIN, EACCES}) {
    os_.lock_error = error;
    EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), EEXIST);
    EXPECT_TRUE(Exists());
    ASSERT_EQ(::unlink(path_.c_str()), 0);
  }
}

TEST_F(PidFileTest, AStaleFileIsTakenOverAndEmptied) {
  Put("1\n");
  Age();
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(Content(), "");
}

TEST_F(PidFileTest, AnEmptyFileIsTakenOver) {
  Put("");
  EXPECT_TRUE(PidFile::Claim(path_, os_).ok());
}

TEST_F(PidFileTest, AnInstanceThatClosedItsDescriptorsAndSoItsLockStillRuns) {
  Put(Own());
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  EXPECT_EQ(file.status().code(), absl::StatusCode::kAlreadyExists) << file.status();
  EXPECT_EQ(Content(), Own());
}

TEST_F(PidFileTest, AFileThatHoldsSomethingElseIsNotOverwritten) {
  for (const char* content :
       {"root:x:0:0::/root:/bin/sh\n", "12", "12 \n", " 12\n", "-12\n", "0\n", "+1\n",
        "99999999999\n", "12\n12\n", "\n", "0000000000000000000000000000000000000000000000001\n",
        // What comes after the first 32 bytes counts too.
        "0000000000000000000000000000012\nx\n"}) {
    Put(content);
    const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
    EXPECT_EQ(ErrnoOf(file.status()), EINVAL) << content << ": " << file.status();
    EXPECT_THAT(std::string(file.status().message()), HasSubstr("a pid and a newline"));
    EXPECT_EQ(Content(), content);
    EXPECT_FALSE(ReadPidFile(path_, os_).ok()) << content;
  }
}

TEST_F(PidFileTest, AClaimStartsAnewIfTheFileVanishesBetweenOpenAndLock) {
  Put("1\n");
  os_.unlink_before_stat = path_;
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  ASSERT_TRUE(file.ok()) << file.status();
  struct stat named, open;
  ASSERT_EQ(::stat(path_.c_str(), &named), 0);
  ASSERT_EQ(::fstat(file->descriptor(), &open), 0);
  EXPECT_EQ(named.st_ino, open.st_ino);
}

// Trust ------------------------------------------------------------------------------------------

TEST_F(PidFileTest, ASymbolicLinkIsRefusedEvenADanglingOne) {
  const std::string target = directory_ + "/target";
  ASSERT_EQ(::symlink(target.c_str(), path_.c_str()), 0);
  EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), ELOOP);
  EXPECT_NE(::access(target.c_str(), F_OK), 0);
  EXPECT_EQ(ErrnoOf(ReadPidFile(path_, os_).status()), ELOOP);
}

TEST_F(PidFileTest, AFileThatOthersMayWriteToIsRefused) {
  for (const mode_t mode : {0666, 0646, 0664}) {
    Put("1\n", mode);
    EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), EPERM);
    EXPECT_EQ(ErrnoOf(ReadPidFile(path_, os_).status()), EPERM);
    EXPECT_EQ(ErrnoOf(RemovePidFile(path_, 1, os_).status()), EPERM);
    EXPECT_EQ(Content(), "1\n");
  }
}

TEST_F(PidFileTest, AFileOfAnotherUserIsRefused) {
  Put("1\n");
  os_.owner = ::geteuid() + 1;
  const absl::Status refused = PidFile::Claim(path_, os_).status();
  EXPECT_EQ(ErrnoOf(refused), EPERM);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("belongs to uid"));
  EXPECT_EQ(ErrnoOf(ReadPidFile(path_, os_).status()), EPERM);
  EXPECT_EQ(Content(), "1\n");
}

TEST_F(PidFileTest, AHardLinkIsRefused) {
  const std::string other = directory_ + "/other";
  Put("1\n");
  ASSERT_EQ(::link(path_.c_str(), other.c_str()), 0);
  EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), EPERM);
  EXPECT_EQ(Content(), "1\n");
}

TEST_F(PidFileTest, WhatIsNoRegularFileIsRefusedWithoutWaitingOnIt) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), EPERM);
  EXPECT_EQ(ErrnoOf(ReadPidFile(path_, os_).status()), EPERM);
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), EISDIR);
  EXPECT_TRUE(Exists());
}

// What the system refuses -------------------------------------------------------------------------

TEST_F(PidFileTest, AMissingDirectoryIsEnoent) {
  const absl::Status status = PidFile::Claim(directory_ + "/none/service.pid", os_).status();
  EXPECT_EQ(ErrnoOf(status), ENOENT);
  EXPECT_THAT(std::string(status.message()), HasSubstr("open(\"" + directory_ + "/none/"));
}

// Another instance may have it by now, and a third one could start beside a file without a name.
TEST_F(PidFileTest, AFileThatCouldNotBeLockedIsNotRemoved) {
  os_.fstat_error = EIO;  // before the lock
  EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), EIO);
  EXPECT_EQ(Content(), "");
  os_.lock_error = ENOLCK;
  EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), ENOLCK);
  EXPECT_EQ(Content(), "");
  os_.lock_error = 0;
  EXPECT_TRUE(PidFile::Claim(path_, os_).ok());
  EXPECT_FALSE(Exists());
}

TEST_F(PidFileTest, AFailureToTakeOverAStaleFileLeavesItAsItWas) {
  Put("1\n");
  Age();
  os_.truncate_error = EIO;
  EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), EIO);
  EXPECT_EQ(Content(), "1\n");
  os_.truncate_error = 0;
  os_.lock_error = ENOLCK;
  EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), ENOLCK);
  EXPECT_EQ(Content(), "1\n");
}

// Reading ----------------------------------------------------------------------------------------

TEST_F(PidFileTest, AMissingFileIsEnoent) {
  EXPECT_EQ(ErrnoOf(ReadPidFile(path_, os_).status()), ENOENT);
}

TEST_F(PidFileTest, TheHolderOfTheLockRuns) {
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  ASSERT_TRUE(file.ok()) << file.status();
  WriteOwn(*file);
  const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->pid, ::getpid());
  EXPECT_TRUE(state->locked);
  EXPECT_TRUE(state->running());
  ASSERT_TRUE(state->process.has_value());
  EXPECT_EQ(state->process->pid(), ::getpid());
}

// What pread(2) may return beside an ftruncate(2) and a pwrite(2) of another process.
TEST_F(PidFileTest, AReadInTheMidstOfATakeOverIsReadAgain) {
  Put(Own());
  os_.torn_reads = {std::string("4711\n\0", 6), "12345"};
  const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->pid, ::getpid());
  EXPECT_EQ(os_.reads, 3);
  os_.torn_reads = {""};
  EXPECT_EQ(ReadPidFile(path_, os_)->pid, 0) << "emptied, and not yet written: that is no error";
}

TEST_F(PidFileTest, AFileIsReadByOneCallSinceTwoMaySeeTwoWriters) {
  Put(Own());
  EXPECT_TRUE(ReadPidFile(path_, os_).ok());
  EXPECT_EQ(os_.reads, 1);
}

TEST_F(PidFileTest, TheHolderOfTheLockRunsEvenIfTheClockWasSetSince) {
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  ASSERT_TRUE(file.ok()) << file.status();
  WriteOwn(*file);
  Age();
  const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_TRUE(state->process.has_value());
}

TEST_F(PidFileTest, ALockedEmptyFileIsAnInstanceThatStarts) {
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->pid, 0);
  EXPECT_TRUE(state->running());
  EXPECT_FALSE(state->process.has_value());
}

TEST_F(PidFileTest, ALockedFileThatNamesAYoungerProcessIsNotThatProcess) {
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(::pwrite(file->descriptor(), "1\n", 2, 0), 2);
  Age();
  const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_TRUE(state->locked);
  EXPECT_FALSE(state->process.has_value());
}

TEST_F(PidFileTest, ALockedFileThatNamesAnOlderProcessWithoutTheLockIsNotThatProcess) {
  const Stranger stranger;
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  ASSERT_TRUE(file.ok()) << file.status();
  WriteTo(*file, stranger.Line());
  const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_TRUE(state->locked);
  EXPECT_FALSE(state->process.has_value());
}

TEST_F(PidFileTest, WhereItCannotBeSeenWhoHoldsTheLockTheTimesDecide) {
  const Stranger service;
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  ASSERT_TRUE(file.ok()) << file.status();
  WriteTo(*file, service.Line());
  os_.hidden = "/proc/" + std::to_string(service.pid()) + "/fdinfo";
  absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_TRUE(state->process.has_value());
  Age();
  state = ReadPidFile(path_, os_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_FALSE(state->process.has_value());
}

TEST_F(PidFileTest, AHiddenProcessRunsIfTheFileIsLockedAndIsNeverGuessedAt) {
  os_.hidden = "/proc/" + std::to_string(::getpid()) + "/stat";
  {
    const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
    ASSERT_TRUE(file.ok()) << file.status();
    WriteOwn(*file);
    const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_TRUE(state->running());
    EXPECT_FALSE(state->process.has_value());
  }
  Put(Own());
  EXPECT_EQ(ReadPidFile(path_, os_).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), EEXIST);
  EXPECT_EQ(Content(), Own());
}

TEST_F(PidFileTest, WithoutALockAProcessThatWasThereBeforeTheFileRuns) {
  Put(Own());
  for (const int pidfd_error : {0, ENOSYS, EPERM}) {
    os_.pidfd_error = pidfd_error;
    const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_FALSE(state->locked);
    EXPECT_TRUE(state->running());
    EXPECT_TRUE(state->process.has_value());
  }
}

TEST_F(PidFileTest, WithoutALockAProcessThatIsYoungerThanTheFileIsAnother) {
  Put(Own());
  Age();
  for (const int pidfd_error : {0, ENOSYS, EPERM}) {
    os_.pidfd_error = pidfd_error;
    const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_EQ(state->pid, ::getpid());
    EXPECT_FALSE(state->running());
  }
}

TEST_F(PidFileTest, AProcessThatStartedAMomentAfterTheFileIsAnother) {
  const Stranger stranger;
  Put(stranger.Line());
  Redate(-1'000'000'000);
  const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_FALSE(state->running());
}

TEST_F(PidFileTest, AFileOfTheFutureProvesNothingAndIsNotTouched) {
  const Stranger stranger;
  Put(stranger.Line());
  Redate(int64_t{3600} * 1'000'000'000);
  const absl::Status read = ReadPidFile(path_, os_).status();
  EXPECT_EQ(read.code(), absl::StatusCode::kFailedPrecondition) << read;
  EXPECT_THAT(std::string(read.message()), HasSubstr("of the future"));
  EXPECT_EQ(ErrnoOf(PidFile::Claim(path_, os_).status()), EEXIST);
  EXPECT_EQ(Content(), stranger.Line());
}

TEST_F(PidFileTest, APidThatNoProcessHasDoesNotRun) {
  Put("2147483647\n");  // above the largest pid_max
  const absl::StatusOr<PidFileState> state = ReadPidFile(path_, os_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->pid, INT_MAX);
  EXPECT_FALSE(state->running());
}

TEST_F(PidFileTest, WhenNothingCanBeSaidOfTheProcessThatIsAnError) {
  Put(Own());
  os_.pidfd_error = EMFILE;
  EXPECT_FALSE(ReadPidFile(path_, os_).ok());
}

// Removing ---------------------------------------------------------------------------------------

TEST_F(PidFileTest, RemovingTakesTheFileOfThatPidAlone) {
  Put("12\n");
  EXPECT_EQ(RemovePidFile(path_, 13, os_).value(), PidFileRemoval::kNothingThere);
  EXPECT_TRUE(Exists());
  EXPECT_EQ(RemovePidFile(path_, 12, os_).value(), PidFileRemoval::kRemoved);
  EXPECT_FALSE(Exists());
  EXPECT_EQ(RemovePidFile(path_, 12, os_).value(), PidFileRemoval::kNothingThere);
}

TEST_F(PidFileTest, ALockedFileIsNotRemoved) {
  const absl::StatusOr<PidFile> file = PidFile::Claim(path_, os_);
  ASSERT_TRUE(file.ok()) << file.status();
  WriteOwn(*file);
  EXPECT_EQ(RemovePidFile(path_, ::getpid(), os_).value(), PidFileRemoval::kKeptLocked);
  EXPECT_TRUE(Exists());
}

}  // namespace
}  // namespace cleanfork
