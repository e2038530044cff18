// Files: paths, permissions to open, contents, locks. In a directory of its own below /tmp.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

const char* const kFile = kTestFile.c_str();

// A new, open and named file.
int Create(Os& os) {
  os.Unlink(kFile).IgnoreError();
  return os.Open(kFile, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600).value();
}

TEST(Conformance, OpenRefuses) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              Create(os);
              notes.Add(os.Open("", O_RDONLY, 0));
              notes.Add(os.Open("/absent", O_RDONLY, 0));
              notes.Add(os.Open("/absent/x", O_RDONLY | O_CREAT, 0));
              notes.Add(os.Open("/dev/null/x", O_RDONLY | O_CREAT, 0));
              notes.Add(os.Open("/dev/null/", O_RDONLY, 0));
              notes.Add(os.Open("/tmp", O_WRONLY, 0));
              notes.Add(os.Open("/tmp", O_RDONLY | O_CREAT, 0));
              notes.Add(os.Open("/tmp/", O_RDWR, 0));
              notes.Add(os.Open("/dev/null", O_RDONLY | O_DIRECTORY, 0));
              notes.Add(os.Open(kFile, O_RDONLY | O_CREAT | O_EXCL, 0));
              notes.Add(os.Open("/tmp", O_RDONLY | O_CREAT | O_EXCL, 0));
              notes.Add(os.Open("/tmp/", O_RDONLY | O_CREAT | O_EXCL, 0));
              notes.Add(os.Open("/tmp/cleanfork-new/", O_RDONLY | O_CREAT, 0600));
              notes.Add(os.Open(std::string(5000, 'x').c_str(), O_RDONLY, 0));
              notes.Add(os.Open(("/" + std::string(300, 'x')).c_str(), O_RDONLY, 0));
              os.Unlink(kFile).IgnoreError();
            }),
            "ENOENT ENOENT ENOENT ENOTDIR ENOTDIR EISDIR EISDIR EISDIR ENOTDIR EEXIST EEXIST "
            "EISDIR EISDIR ENAMETOOLONG ENAMETOOLONG");
}

TEST(Conformance, AFileIsCreatedWithTheModeThatTheUmaskLeaves) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(static_cast<int>(os.Umask(01026) & 0));
              notes.Add(static_cast<int>(os.Umask(026)));
              os.Unlink(kFile).IgnoreError();
              notes.Add(os.Open(kFile, O_RDWR | O_CREAT, 0777));
              const FileStatus status = os.Stat(kFile).value();
              notes.Add(static_cast<int>(status.mode & 07777));
              notes.Add(S_ISREG(status.mode));
              notes.Add(status.uid == os.GetEuid());
              notes.Add(static_cast<int>(status.links));
              notes.Add(static_cast<int>(status.size));
              os.Unlink(kFile).IgnoreError();
              notes.Add(os.Stat(kFile));
              notes.Add(static_cast<int>(os.FStat(3).value().links));
            }),
            "0 22 3 489 yes yes 1 0 ENOENT 0");
}

TEST(Conformance, ContentsAreWhereTheyWereWritten) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const int fd = Create(os);
              notes.Add(os.Write(fd, "abcdef", 6));
              notes.Add(os.PWrite(fd, "XY", 2, 2));
              notes.Add(os.PWrite(fd, "", 0, 100));
              char buffer[16] = {};
              notes.Add(os.PRead(fd, buffer, 16, 0));
              notes.Add(buffer);
              notes.Add(os.PRead(fd, buffer, 16, 6));
              notes.Add(os.FTruncate(fd, 3));
              notes.Add(os.FTruncate(fd, 5));
              notes.Add(os.FTruncate(fd, -1));
              notes.Add(os.PRead(fd, buffer, 16, 0));
              notes.Add(int{buffer[3]});
              notes.Add(os.Write(fd, "!", 1));
              notes.Add(static_cast<int>(os.FStat(fd).value().size));
              const int appending = os.Open(kFile, O_WRONLY | O_APPEND, 0).value();
              notes.Add(os.Write(appending, "end", 3));
              notes.Add(os.PWrite(appending, "?", 1, 0));
              notes.Add(static_cast<int>(os.FStat(fd).value().size));
              notes.Add(os.Open(kFile, O_WRONLY | O_TRUNC, 0));
              notes.Add(static_cast<int>(os.FStat(fd).value().size));
              os.Unlink(kFile).IgnoreError();
            }),
            "6 2 0 6 abXYef 0 ok ok EINVAL 5 0 1 7 3 1 11 5 0");
}

TEST(Conformance, TheNullDeviceSwallowsAndIsEmpty) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              char buffer[4];
              notes.Add(os.Write(0, "abc", 3));
              notes.Add(os.Read(0, buffer, 4));
              const FileStatus status = os.FStat(0).value();
              notes.Add(S_ISCHR(status.mode));
              notes.Add(status.special_device == makedev(1, 3));
              notes.Add(os.IsATty(0));
              notes.Add(os.FTruncate(0, 0));
            }),
            "3 0 yes yes ENOTTY EINVAL");
}

TEST(Conformance, AWorkingDirectoryIsWhereRelativePathsBegin) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.ChDir("/absent"));
              notes.Add(os.ChDir("/dev/null"));
              notes.Add(os.ChDir(""));
              notes.Add(os.ChDir("/dev"));
              notes.Add(os.Stat("null"));
              notes.Add(os.Stat("./null"));
              notes.Add(os.Stat("../dev/./null"));
              notes.Add(os.Stat("null/"));
              notes.Add(os.Stat("null/.."));
              notes.Add(os.Stat("../../../../dev"));
              notes.Add(os.ChRoot("/absent"));
              notes.Add(os.ChRoot("/dev/null"));
            }),
            "ENOENT ENOTDIR ENOENT ok ok ok ok ENOTDIR ENOTDIR ok ENOENT ENOTDIR");
}

TEST(Conformance, UnlinkRefuses) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              Create(os);
              notes.Add(os.Unlink("/tmp/cleanfork-absent"));
              notes.Add(os.Unlink(""));
              notes.Add(os.Unlink("/"));
              notes.Add(os.Unlink("/tmp/."));
              notes.Add(os.Unlink((std::string(kFile) + "/x").c_str()));
              notes.Add(os.Unlink((std::string(kFile) + "/").c_str()));
              notes.Add(os.Unlink(kFile));
            }),
            "ENOENT ENOENT EISDIR EISDIR ENOTDIR ENOTDIR ok");
}

TEST(Conformance, ReadLinkRefuses) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              char buffer[16];
              notes.Add(os.ReadLink("/dev/null", buffer, sizeof(buffer)));
              notes.Add(os.ReadLink("/absent", buffer, sizeof(buffer)));
              notes.Add(os.ReadLink("/dev/null", buffer, 0));
              notes.Add(os.ReadLink("/absent", buffer, 0));
            }),
            "EINVAL ENOENT EINVAL EINVAL");
}

TEST(Conformance, ProcSelfIsALinkToOnesOwnNumber) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              char buffer[16];
              const SysResult<size_t> size = os.ReadLink("/proc/self", buffer, sizeof(buffer));
              const std::string pid = std::to_string(os.GetPid());
              notes.Add(size.ok() && std::string(buffer, size.value()) == pid ? 1 : 0);
              const SysResult<size_t> one = os.ReadLink("/proc/self", buffer, 1);
              notes.Add(one.ok() && std::string(buffer, one.value()) == pid.substr(0, 1) ? 1 : 0);
            }),
            "1 1");
}

TEST(Conformance, ALockBelongsToTheOpenFileDescription) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const int fd = Create(os);
              const int other = os.Open(kFile, O_RDWR, 0).value();
              const int reader = os.Open(kFile, O_RDONLY, 0).value();
              notes.Add(os.FcntlSetLock(77, F_WRLCK));
              notes.Add(os.FcntlSetLock(reader, F_WRLCK));
              notes.Add(os.FcntlSetLock(fd, 77));
              notes.Add(os.FcntlSetLock(fd, F_WRLCK));
              notes.Add(os.FcntlSetLock(fd, F_WRLCK));
              notes.Add(os.FcntlSetLock(other, F_WRLCK));
              notes.Add(os.FcntlSetLock(reader, F_RDLCK));
              notes.Add(os.FcntlGetLock(other, F_RDLCK).value() == F_WRLCK);
              notes.Add(os.FcntlGetLock(fd, F_WRLCK).value() == F_UNLCK);
              const pid_t child = os.Fork().value();
              if (child == 0) os.Exit(os.FcntlSetLock(fd, F_RDLCK).ok() ? 0 : 1);
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
              notes.Add(os.FcntlSetLock(reader, F_RDLCK));
              notes.Add(os.FcntlSetLock(other, F_WRLCK));
              os.Close(fd).IgnoreError();
              os.Close(reader).IgnoreError();
              notes.Add(os.FcntlSetLock(other, F_WRLCK));
              os.Unlink(kFile).IgnoreError();
            }),
            "EBADF EBADF EINVAL ok ok EAGAIN EAGAIN yes yes 0 ok EAGAIN ok");
}

TEST(Conformance, GetDentsRefuses) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              char buffer[8];
              notes.Add(os.GetDents(0, buffer, sizeof(buffer)));
              notes.Add(os.GetDents(77, buffer, sizeof(buffer)));
              const int directory = os.Open("/dev", O_RDONLY | O_DIRECTORY, 0).value();
              notes.Add(os.GetDents(directory, buffer, sizeof(buffer)));
              notes.Add(os.Read(directory, buffer, sizeof(buffer)));
            }),
            "ENOTDIR EBADF EINVAL EISDIR");
}

}  // namespace
}  // namespace cleanfork
