// Who may do what to files: path_resolution(7), inode(7), unlink(2), chroot(2). Cases begin as root
// and become others.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/test_files.h"

namespace cleanfork {
namespace {

// User 1 of group 1, in supplementary group `group` alone.
void Become(Os& os, uid_t user, gid_t group) {
  os.SetGroups(&group, 1).IgnoreError();
  os.SetResGid(1, 1, 1).IgnoreError();
  os.SetResUid(user, user, user).IgnoreError();
}

// What user `user` with supplementary group `group` is told of the path: open to read, to write, to
// truncate; stat; chdir; exec; unlink.
ConformanceCase Access(const char* name, uid_t user, gid_t group, const char* path,
                       const char* expected) {
  const auto body = [=](Os& os, Notes& notes) {
    os.ChDir(kTestDirectory.c_str()).IgnoreError();
    Become(os, user, group);
    const auto open = [&](int flags) {
      const SysResult<int> fd = os.Open(path, flags, 0);
      notes.Add(fd.ok() ? SysResult<void>() : SysResult<void>(SysError(fd.error())));
    };
    open(O_RDONLY);
    open(O_WRONLY);
    notes.Add(os.Stat(path));
    notes.Add(os.ChDir(path));
    os.ChDir(kTestDirectory.c_str()).IgnoreError();
    notes.Add(Exec(os, path));
    notes.Add(os.Unlink(path));
  };
  return {name, body, expected};
}

const ConformanceCase kAccesses[] = {
    Access("OfOthersToReadableFiles", 1, 1, "file", "ok EACCES ok ENOTDIR EACCES EACCES"),
    Access("OfRootToReadableFiles", 0, 1, "file", "ok ok ok ENOTDIR EACCES ok"),
    Access("OfOthersToSecretFiles", 1, 1, "secret", "EACCES EACCES ok ENOTDIR EACCES EACCES"),
    Access("OfRootToSecretFiles", 0, 1, "secret", "ok ok ok ENOTDIR EACCES ok"),
    Access("OfOthersToWriteOnlyFiles", 1, 1, "write-only", "EACCES ok ok ENOTDIR EACCES EACCES"),
    Access("OfOwners", 1, 1, "yours", "ok ok ok ENOTDIR EACCES EACCES"),
    Access("OfMembersOfTheGroup", 3, 2, "yours", "ok EACCES ok ENOTDIR EACCES EACCES"),
    Access("OfStrangers", 3, 3, "yours", "EACCES EACCES ok ENOTDIR EACCES EACCES"),
    Access("OfOthersToPrograms", 1, 1, "nonsense", "ok EACCES ok ENOTDIR ENOEXEC EACCES"),
    Access("OfOthersToALockedDirectory", 1, 1, "locked", "EACCES EISDIR ok EACCES EACCES EACCES"),
    Access("OfRootToALockedDirectory", 0, 1, "locked", "ok EISDIR ok ok EACCES EISDIR"),
    Access("OfOthersBelowALockedDirectory", 1, 1, "locked/inner",
           "EACCES EACCES EACCES EACCES EACCES EACCES"),
    Access("OfOthersToNothingBelowALockedDirectory", 1, 1, "locked/absent",
           "EACCES EACCES EACCES EACCES EACCES EACCES"),
    Access("OfOthersToTheDotOfALockedDirectory", 1, 1, "locked/.",
           "EACCES EACCES EACCES EACCES EACCES EACCES"),
    Access("OfOthersToTheDotsOfALockedDirectory", 1, 1, "locked/..",
           "EACCES EACCES EACCES EACCES EACCES EACCES"),
    Access("OfRootBelowALockedDirectory", 0, 1, "locked/inner", "ok ok ok ENOTDIR EACCES ok"),
    Access("OfOwnersBelowALockedDirectory", 1, 1, "locked/theirs",
           "EACCES EACCES EACCES EACCES EACCES EACCES"),
    Access("OfOthersToAListedDirectory", 1, 1, "listed", "ok EISDIR ok EACCES EACCES EACCES"),
    Access("OfOthersBelowAListedDirectory", 1, 1, "listed/inner",
           "EACCES EACCES EACCES EACCES EACCES EACCES"),
    Access("OfOthersToAnEnteredDirectory", 1, 1, "entered", "EACCES EISDIR ok ok EACCES EACCES"),
    Access("OfOthersBelowAnEnteredDirectory", 1, 1, "entered/inner",
           "ok EACCES ok ENOTDIR EACCES EACCES"),
    Access("OfOwnersBelowAnEnteredDirectory", 1, 1, "entered/theirs",
           "ok ok ok ENOTDIR EACCES EACCES"),
    Access("OfOthersBelowAnOpenDirectory", 1, 1, "open/inner", "ok EACCES ok ENOTDIR EACCES ok"),
    Access("OfOwnersBelowAStickyDirectory", 1, 1, "sticky/theirs", "ok ok ok ENOTDIR EACCES ok"),
    Access("OfOthersBelowAStickyDirectory", 1, 1, "sticky/inner",
           "ok EACCES ok ENOTDIR EACCES EPERM"),
    Access("OfStrangersBelowAStickyDirectory", 3, 3, "sticky/theirs",
           "ok EACCES ok ENOTDIR EACCES EPERM"),
    Access("OfRootBelowAStickyDirectory", 0, 1, "sticky/theirs", "ok ok ok ENOTDIR EACCES ok"),
    Access("OfStrangersToNothingInAStickyDirectory", 3, 3, "sticky/absent",
           "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"),
    Access("OfOthersThroughALink", 1, 1, "link", "ok EACCES ok ENOTDIR EACCES EACCES"),
    Access("OfOthersBelowAFile", 1, 1, "secret/x",
           "ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR"),
    Access("OfMembersBelowAGroupsDirectory", 3, 2, "group/inner", "ok EACCES ok ENOTDIR EACCES ok"),
};
CLEANFORK_CONFORMANCE_OF_ROOT(Access, kAccesses);

// Creates the path as user `user`: result, and of what is created owner, group and mode.
ConformanceCase Making(const char* name, uid_t user, gid_t group, const char* path, int flags,
                       mode_t mode, const char* expected) {
  const auto body = [=](Os& os, Notes& notes) {
    os.ChDir(kTestDirectory.c_str()).IgnoreError();
    Become(os, user, group);
    const SysResult<int> fd = os.Open(path, flags, mode);
    notes.Add(fd);
    if (!fd.ok()) return;
    const FileStatus status = os.FStat(fd.value()).value();
    notes.Add(static_cast<int>(status.uid));
    notes.Add(static_cast<int>(status.gid));
    notes.Add(static_cast<int>(status.mode & 07777));
    notes.Add(os.Write(fd.value(), "x", 1));
  };
  return {name, body, expected};
}

constexpr int kCreate = O_CREAT | O_WRONLY;

const ConformanceCase kMakings[] = {
    Making("InAnOpenDirectory", 1, 1, "open/new", kCreate, 0640, "3 1 1 416 1"),
    Making("InAStickyDirectory", 3, 3, "sticky/new", kCreate, 0666, "3 3 1 420 1"),
    Making("InAClosedDirectory", 1, 1, "new", kCreate, 0640, "EACCES"),
    Making("InALockedDirectory", 1, 1, "locked/new", kCreate, 0640, "EACCES"),
    Making("InALockedDirectoryAsRoot", 0, 1, "locked/new", kCreate, 0640, "3 0 1 416 1"),
    Making("OfOneThatMayNotBeWrittenAgain", 1, 1, "open/new", kCreate, 0, "3 1 1 0 1"),
    Making("OfOneThatIsThereExclusively", 1, 1, "secret", kCreate | O_EXCL, 0640, "EEXIST"),
    Making("OfOneThatIsThereAndSecret", 1, 1, "secret", kCreate, 0640, "EACCES"),
    Making("OfOneInADirectoryOfAGroup", 3, 2, "group/new", kCreate, 0640, "3 3 2 416 1"),
    Making("OfOneOfAStrangerInADirectoryOfAGroup", 3, 3, "group/new", kCreate, 0640, "3 3 2 416 1"),
    Making("WithSetUserId", 1, 1, "open/new", kCreate, 04755, "3 1 1 2541 1"),
    Making("WithSetGroupIdOfOnesGroup", 1, 1, "open/new", kCreate, 02755, "3 1 1 1517 1"),
    Making("WithSetGroupIdOfAnothersGroup", 3, 3, "group/new", kCreate, 02755, "3 3 2 493 1"),
    Making("WithSetGroupIdAndNoExecution", 3, 3, "group/new", kCreate, 02644, "3 3 2 1444 1"),
    Making("WithTheStickyBit", 1, 1, "open/new", kCreate, 01777, "3 1 1 1005 1"),
    Making("AndTruncationOfAReadableFile", 1, 1, "file", O_RDONLY | O_TRUNC, 0, "EACCES"),
};
CLEANFORK_CONFORMANCE_OF_ROOT(Making, kMakings);

const ConformanceCase kChanges[] = {
    {"AWriteOfAStrangerTakesSetIdBitsAway",
     [](Os& os, Notes& notes) {
       os.Umask(0);
       const std::string path = InTree("open/new");
       const int fd = os.Open(path.c_str(), O_CREAT | O_RDWR, 06777).value();
       notes.Add(static_cast<int>(os.FStat(fd).value().mode & 07777));
       notes.Add(os.Write(fd, "x", 1));
       notes.Add(static_cast<int>(os.FStat(fd).value().mode & 07777));
       Become(os, 1, 1);
       notes.Add(os.Write(fd, "x", 1));
       notes.Add(static_cast<int>(os.FStat(fd).value().mode & 07777));
     },
     "3583 1 3583 1 511"},
    {"ATruncationOfAStrangerTakesSetIdBitsAway",
     [](Os& os, Notes& notes) {
       os.Umask(0);
       const std::string path = InTree("open/new");
       const int fd = os.Open(path.c_str(), O_CREAT | O_RDWR, 06777).value();
       Become(os, 1, 1);
       notes.Add(os.FTruncate(fd, 10));
       notes.Add(static_cast<int>(os.FStat(fd).value().mode & 07777));
     },
     "ok 511"},
    {"AnOpenDescriptorStaysWhatItIs",
     [](Os& os, Notes& notes) {
       const int fd = os.Open(InTree("secret").c_str(), O_RDWR, 0).value();
       Become(os, 1, 1);
       char byte = 0;
       notes.Add(os.Read(fd, &byte, 1));
       notes.Add(os.Write(fd, &byte, 1));
       notes.Add(os.Open(InTree("secret").c_str(), O_RDONLY, 0));
     },
     "1 1 EACCES"},
    {"ADirectoryThatMayNotBeEnteredAgainIsStillOnes",
     [](Os& os, Notes& notes) {
       os.ChDir(InTree("locked").c_str()).IgnoreError();
       Become(os, 1, 1);
       notes.Add(os.Stat("."));
       notes.Add(os.Stat("inner"));
       notes.Add(os.Stat(".."));
       notes.Add(os.ChDir("."));
     },
     "EACCES EACCES EACCES EACCES"},
    {"PermissionsGoByTheFileSystemId",
     [](Os& os, Notes& notes) {
       const gid_t none = 77;
       os.SetGroups(&none, 1).IgnoreError();
       os.SetFsGid(77);
       os.SetFsUid(1);
       notes.Add(os.Open(InTree("secret").c_str(), O_RDONLY, 0));
       notes.Add(os.Open(InTree("yours").c_str(), O_RDWR, 0));
       os.SetFsUid(0);
       notes.Add(os.Open(InTree("secret").c_str(), O_RDONLY, 0));
     },
     "EACCES 3 4"},
    {"ANewFileIsOfTheFileSystemIds",
     [](Os& os, Notes& notes) {
       os.SetFsGid(2);
       os.SetFsUid(1);
       const int fd = os.Open(InTree("open/new").c_str(), kCreate, 0600).value();
       notes.Add(static_cast<int>(os.FStat(fd).value().uid));
       notes.Add(static_cast<int>(os.FStat(fd).value().gid));
     },
     "1 2"},
    {"TheEffectiveIdCountsAndNotTheRealOne",
     [](Os& os, Notes& notes) {
       os.SetResUid(0, 1, 0).IgnoreError();
       notes.Add(os.Open(InTree("secret").c_str(), O_RDONLY, 0));
       os.SetResUid(1, 0, 0).IgnoreError();
       notes.Add(os.Open(InTree("secret").c_str(), O_RDONLY, 0));
     },
     "EACCES 3"},
};
CLEANFORK_CONFORMANCE_OF_ROOT(Permission, kChanges);

const ConformanceCase kRoots[] = {
    {"AreForThePrivileged",
     [](Os& os, Notes& notes) {
       Become(os, 1, 1);
       notes.Add(os.ChRoot(kTestDirectory.c_str()));
       notes.Add(os.ChRoot("/absent"));
       notes.Add(os.ChRoot(InTree("file").c_str()));
       notes.Add(os.ChRoot(InTree("locked").c_str()));
     },
     "EPERM ENOENT ENOTDIR EACCES"},
    {"AreWherePathsBegin",
     [](Os& os, Notes& notes) {
       notes.Add(os.ChRoot(kTestDirectory.c_str()));
       notes.Add(os.Stat("/file"));
       notes.Add(os.Stat(InTree("file").c_str()));
       notes.Add(os.Stat("/../../file"));
       notes.Add(os.Stat("/link"));
       notes.Add(os.Stat("/absolute-link"));
     },
     "ok ok ENOENT ok ok ENOENT"},
    {"LeaveTheWorkingDirectory",
     [](Os& os, Notes& notes) {
       notes.Add(os.ChRoot(InTree("directory").c_str()));
       notes.Add(os.Stat("tmp"));
       notes.Add(os.Stat("/tmp"));
       notes.Add(os.ChDir("/"));
       notes.Add(os.Stat("../inner"));
       notes.Add(os.Stat("../../tmp"));
     },
     "ok ok ENOENT ok ok ENOENT"},
    {"AreInherited",
     [](Os& os, Notes& notes) {
       notes.Add(os.ChRoot(kTestDirectory.c_str()));
       if (os.Fork().value() == 0) {
         const bool inside = os.Stat("/file").ok();
         const bool deeper = os.ChRoot("/directory").ok() && os.Stat("/inner").ok();
         os.Exit(inside && deeper ? 0 : 1);
       }
       notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
       notes.Add(os.Stat("/file"));
     },
     "ok 0 ok"},
    {"KeepDescriptors",
     [](Os& os, Notes& notes) {
       const int fd = os.Open("/dev/null", O_WRONLY, 0).value();
       notes.Add(os.ChRoot(kTestDirectory.c_str()));
       notes.Add(os.Write(fd, "x", 1));
       notes.Add(os.Open("/dev/null", O_WRONLY, 0));
     },
     "ok 1 ENOENT"},
};
CLEANFORK_CONFORMANCE_OF_ROOT(Roots, kRoots);

}  // namespace
}  // namespace cleanfork
