// What a full disk, and a program that somebody runs or writes, let processes do.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/scarce_world.h"
#include "tests/real/required_privileges.h"

namespace cleanfork {
namespace {

const char* const kFile = kTestFile.c_str();

constexpr const char* kToMount = "CAP_SYS_ADMIN to mount a file system";

class FullDisk : public ::testing::Test {
 protected:
  static std::string Observe(const ObservedBody& body) { return ObserveWithSmallDisk(body); }
  void SetUp() override {
    RecordProperty(kPrivileged, "yes");
    if (Observe([](Os&, Notes&) {}) == kNoSmallDisk) SkipWithoutPrivileges(kToMount);
  }
};

TEST_F(FullDisk, TakesWhatGoesInAndThenNothing) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const std::string bytes(12'000, 'x');
              const int fd = os.Open(kFile, O_CREAT | O_RDWR, 0600).value();
              notes.Add(os.Write(fd, bytes.data(), 4096));
              notes.Add(os.Write(fd, bytes.data(), 12'000));
              notes.Add(os.Write(fd, bytes.data(), 1));
              notes.Add(os.Write(fd, bytes.data(), 0));
              notes.Add(os.PWrite(fd, bytes.data(), 1, 9000));
              notes.Add(static_cast<int>(os.FStat(fd).value().size));
            }),
            "4096 4096 ENOSPC 0 ENOSPC 8192");
}

TEST_F(FullDisk, StillTakesWhatIsWrittenOverAndEmptyFiles) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const std::string bytes(8192, 'x');
              const int fd = os.Open(kFile, O_CREAT | O_RDWR, 0600).value();
              notes.Add(os.Write(fd, bytes.data(), bytes.size()));
              notes.Add(os.PWrite(fd, "y", 1, 8191));
              notes.Add(os.PWrite(fd, "yz", 2, 8191));
              const int other =
                  os.Open((kTestFile + "-other").c_str(), O_CREAT | O_RDWR, 0600).value();
              notes.Add(os.Write(other, "x", 1));
              notes.Add(static_cast<int>(os.FStat(other).value().size));
              notes.Add(os.FTruncate(other, 10'000));
            }),
            "8192 1 1 ENOSPC 0 ok");
}

TEST_F(FullDisk, HasRoomAgainWhenAFileIsTruncatedOrGone) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const std::string bytes(8192, 'x');
              const std::string path = kTestFile + "-other";
              const int fd = os.Open(kFile, O_CREAT | O_RDWR, 0600).value();
              const int other = os.Open(path.c_str(), O_CREAT | O_RDWR, 0600).value();
              notes.Add(os.Write(fd, bytes.data(), bytes.size()));
              notes.Add(os.Write(other, "x", 1));
              notes.Add(os.FTruncate(fd, 4096));
              notes.Add(os.Write(other, "x", 1));
              notes.Add(os.Unlink(kFile));
              notes.Add(os.PWrite(other, "x", 1, 4096));
              notes.Add(os.Close(fd));
              notes.Add(os.PWrite(other, "x", 1, 4096));
            }),
            "8192 ENOSPC ok 1 ok ENOSPC ok 1");
}

TEST(Conformance, AFileThatIsOpenForWritingIsNotExecuted) {
  EXPECT_EQ(ObserveWithReader([](Os& os, Notes& notes) {
              const int reads = os.Open(kReader.c_str(), O_RDONLY, 0).value();
              const int writes = os.Open(kReader.c_str(), O_WRONLY | O_APPEND, 0).value();
              notes.Add(Exec(os, kReader.c_str()));
              notes.Add(os.Close(reads));
              const int copy = os.Dup(writes).value();
              notes.Add(os.Close(writes));
              notes.Add(Exec(os, kReader.c_str()));
              // A child has it open as well, which is how a program that was just installed fails.
              const PipeEnds ends = os.Pipe2(O_CLOEXEC).value();
              const pid_t child = os.Fork().value();
              if (child == 0) {
                os.Close(ends.write_end).IgnoreError();
                char byte = 0;
                os.Read(ends.read_end, &byte, 1).IgnoreError();
                os.Exit(0);
              }
              notes.Add(os.Close(copy));
              notes.Add(Exec(os, kReader.c_str()));
              notes.Add(os.Close(ends.write_end));
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
              if (os.Fork().value() == 0) {
                Exec(os, kReader.c_str()).IgnoreError();
                os.Exit(127);
              }
              notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
            }),
            "ETXTBSY ok ok ETXTBSY ok ETXTBSY ok 0 0");
}

TEST(Conformance, AFileThatMayNotBeExecutedIsNotBusy) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const int fd = os.Open(kFile, O_CREAT | O_WRONLY, 0600).value();
              notes.Add(Exec(os, kFile));
              notes.Add(os.Close(fd));
              notes.Add(os.Unlink(kFile));
              os.Umask(0);
              const int nonsense = os.Open(kFile, O_CREAT | O_WRONLY, 0755).value();
              notes.Add(Exec(os, kFile));
              notes.Add(os.Close(nonsense));
              notes.Add(Exec(os, kFile));
              notes.Add(os.Unlink(kFile));
            }),
            "EACCES ok ok ETXTBSY ok ENOEXEC ok");
}

// Starts the reader as a child, on a pipe, and returns the pipe's end to write when it runs.
int StartReader(Os& os) {
  const PipeEnds started = os.Pipe2(O_CLOEXEC).value();
  const PipeEnds input = os.Pipe2(O_CLOEXEC).value();
  if (os.Fork().value() == 0) {
    os.Dup2(input.read_end, 0).IgnoreError();
    Exec(os, kReader.c_str()).IgnoreError();
    os.Exit(127);
  }
  os.Close(started.write_end).IgnoreError();
  os.Close(input.read_end).IgnoreError();
  char byte = 0;
  os.Read(started.read_end, &byte, 1).IgnoreError();  // until the exec has closed it
  os.Close(started.read_end).IgnoreError();
  return input.write_end;
}

TEST(Conformance, AProgramThatRunsIsNotOpenedForWriting) {
  EXPECT_EQ(ObserveWithReader([](Os& os, Notes& notes) {
              const char* const path = kReader.c_str();
              const int input = StartReader(os);
              notes.Add(os.Open(path, O_WRONLY, 0));
              notes.Add(os.Open(path, O_RDWR | O_APPEND, 0));
              notes.Add(os.Open(path, O_RDONLY | O_TRUNC, 0));
              notes.Add(os.Open(path, O_WRONLY | O_CREAT, 0600));
              notes.Add(os.Open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
              notes.Add(os.Open(path, O_WRONLY | O_DIRECTORY, 0));
              const SysResult<int> reads = os.Open(path, O_RDONLY, 0);
              notes.Add(reads.ok());
              notes.Add(os.Close(input));
              notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
              const SysResult<int> writes = os.Open(path, O_WRONLY, 0);
              notes.Add(writes.ok());
            }),
            "ETXTBSY ETXTBSY ETXTBSY ETXTBSY EEXIST ENOTDIR yes ok 0 yes");
}

TEST(Conformance, AProgramThatRunsIsReplacedByAnotherFileOfItsName) {
  EXPECT_EQ(ObserveWithReader([](Os& os, Notes& notes) {
              const char* const path = kReader.c_str();
              const int input = StartReader(os);
              notes.Add(os.Unlink(path));
              const SysResult<int> writes = os.Open(path, O_WRONLY | O_CREAT, 0700);
              notes.Add(writes.ok());
              notes.Add(os.Close(input));
              notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
            }),
            "ok yes ok 0");
}

}  // namespace
}  // namespace cleanfork
