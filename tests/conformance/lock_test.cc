// Locks of open file descriptions: fcntl(2), "Open file description locks".
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/test_files.h"

namespace cleanfork {
namespace {

int OpenFile(Os& os, int flags = O_RDWR) {
  return os.Open(InTree("file").c_str(), flags, 0).value();
}

// "read", "write", "none" or the error.
void NoteLock(Notes& notes, const SysResult<short>& type) {
  if (!type.ok()) return notes.Add(type);
  notes.Add(type.value() == F_RDLCK ? "read" : type.value() == F_WRLCK ? "write" : "none");
}

// One description has `first`, and another asks for `second`.
ConformanceCase Pair(const char* name, short first, short second, const char* expected) {
  const auto body = [first, second](Os& os, Notes& notes) {
    const int one = OpenFile(os);
    const int two = OpenFile(os);
    notes.Add(os.FcntlSetLock(one, first));
    if (second != F_UNLCK) NoteLock(notes, os.FcntlGetLock(two, second));
    notes.Add(os.FcntlSetLock(two, second));
    NoteLock(notes, os.FcntlGetLock(one, F_WRLCK));
    NoteLock(notes, os.FcntlGetLock(two, F_WRLCK));
  };
  return {name, body, expected};
}

const ConformanceCase kPairs[] = {
    Pair("OfReaders", F_RDLCK, F_RDLCK, "ok none ok read read"),
    Pair("OfAReaderAndAWriter", F_RDLCK, F_WRLCK, "ok read EAGAIN none read"),
    Pair("OfAWriterAndAReader", F_WRLCK, F_RDLCK, "ok write EAGAIN none write"),
    Pair("OfWriters", F_WRLCK, F_WRLCK, "ok write EAGAIN none write"),
    Pair("OfAWriterAndWhoGivesUp", F_WRLCK, F_UNLCK, "ok ok none write"),
    Pair("OfNobodyAndAWriter", F_UNLCK, F_WRLCK, "ok none ok write none"),
};
CLEANFORK_CONFORMANCE(LockPair, kPairs);

const ConformanceCase kLocks[] = {
    {"NeedTheRightMode",
     [](Os& os, Notes& notes) {
       const int reader = OpenFile(os, O_RDONLY);
       const int writer = OpenFile(os, O_WRONLY);
       notes.Add(os.FcntlSetLock(reader, F_RDLCK));
       notes.Add(os.FcntlSetLock(reader, F_WRLCK));
       notes.Add(os.FcntlSetLock(writer, F_RDLCK));
       notes.Add(os.FcntlSetLock(reader, F_UNLCK));
       notes.Add(os.FcntlSetLock(writer, F_WRLCK));
       notes.Add(os.FcntlSetLock(writer, F_RDLCK));
     },
     "ok EBADF EBADF ok ok EBADF"},
    {"ThatAreAskedForNeedNoMode",
     [](Os& os, Notes& notes) {
       NoteLock(notes, os.FcntlGetLock(OpenFile(os, O_RDONLY), F_WRLCK));
       NoteLock(notes, os.FcntlGetLock(OpenFile(os, O_WRONLY), F_RDLCK));
     },
     "none none"},
    {"OfUnknownTypesAreRefused",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os);
       notes.Add(os.FcntlSetLock(fd, 3));
       notes.Add(os.FcntlSetLock(fd, -1));
       NoteLock(notes, os.FcntlGetLock(fd, 3));
       NoteLock(notes, os.FcntlGetLock(fd, -1));
       notes.Add(os.FcntlSetLock(77, 3));
       NoteLock(notes, os.FcntlGetLock(77, 3));
     },
     "EINVAL EINVAL EINVAL EINVAL EBADF EBADF"},
    {"AreExchangedForOneOfTheOtherKind",
     [](Os& os, Notes& notes) {
       const int one = OpenFile(os);
       const int two = OpenFile(os);
       notes.Add(os.FcntlSetLock(one, F_WRLCK));
       notes.Add(os.FcntlSetLock(one, F_RDLCK));
       notes.Add(os.FcntlSetLock(two, F_RDLCK));
       notes.Add(os.FcntlSetLock(one, F_WRLCK));
       NoteLock(notes, os.FcntlGetLock(two, F_WRLCK));  // it has kept what it had
       notes.Add(os.FcntlSetLock(two, F_UNLCK));
       notes.Add(os.FcntlSetLock(one, F_WRLCK));
     },
     "ok ok ok EAGAIN read ok ok"},
    {"AreSharedByDuplicates",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os);
       const int copy = os.Dup(fd).value();
       const int other = OpenFile(os);
       notes.Add(os.FcntlSetLock(fd, F_WRLCK));
       notes.Add(os.FcntlSetLock(copy, F_WRLCK));
       os.Close(fd).IgnoreError();
       notes.Add(os.FcntlSetLock(other, F_WRLCK));
       notes.Add(os.FcntlSetLock(copy, F_UNLCK));
       notes.Add(os.FcntlSetLock(other, F_WRLCK));
     },
     "ok ok EAGAIN ok ok"},
    {"AreNotGivenUpByClosingAnotherDescriptionOfTheFile",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os);
       notes.Add(os.FcntlSetLock(fd, F_WRLCK));
       os.Close(OpenFile(os)).IgnoreError();
       NoteLock(notes, os.FcntlGetLock(OpenFile(os), F_RDLCK));
     },
     "ok write"},
    {"OutliveTheParentInAChild",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os);
       const int other = OpenFile(os);
       notes.Add(os.FcntlSetLock(fd, F_WRLCK));
       const pid_t child = ForkAndStay(os);
       os.Close(fd).IgnoreError();
       notes.Add(os.FcntlSetLock(other, F_WRLCK));
       KillAndReap(os, child);
       notes.Add(os.FcntlSetLock(other, F_WRLCK));
     },
     "ok EAGAIN ok"},
    {"AreGivenUpByAChildForBoth",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os);
       const int other = OpenFile(os);
       notes.Add(os.FcntlSetLock(fd, F_WRLCK));
       if (os.Fork().value() == 0) os.Exit(os.FcntlSetLock(fd, F_UNLCK).ok() ? 0 : 1);
       notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
       notes.Add(os.FcntlSetLock(other, F_WRLCK));
     },
     "ok 0 ok"},
    {"StandInTheWayOfAChildsOwnDescription",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os);
       notes.Add(os.FcntlSetLock(fd, F_WRLCK));
       if (os.Fork().value() == 0) {
         const int other = os.Open(InTree("file").c_str(), O_RDWR, 0).value();
         os.Exit(os.FcntlSetLock(other, F_RDLCK).error() == EAGAIN ? 0 : 1);
       }
       notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
     },
     "ok 0"},
    {"AreAFilesAndNotAPaths",
     [](Os& os, Notes& notes) {
       const int old = OpenFile(os);
       notes.Add(os.FcntlSetLock(old, F_WRLCK));
       notes.Add(os.Unlink(InTree("file").c_str()));
       const int fresh = os.Open(InTree("file").c_str(), O_RDWR | O_CREAT, 0600).value();
       notes.Add(os.FcntlSetLock(fresh, F_WRLCK));
     },
     "ok ok ok"},
    {"DoNotKeepAnybodyFromWriting",
     [](Os& os, Notes& notes) {
       notes.Add(os.FcntlSetLock(OpenFile(os), F_WRLCK));
       notes.Add(os.Write(OpenFile(os), "x", 1));
       notes.Add(os.Unlink(InTree("file").c_str()));
     },
     "ok 1 ok"},
    {"OfOneThatHasNoneAreGivenUp",
     [](Os& os, Notes& notes) {
       notes.Add(os.FcntlSetLock(OpenFile(os, O_RDONLY), F_UNLCK));
       notes.Add(os.FcntlSetLock(OpenFile(os, O_WRONLY), F_UNLCK));
     },
     "ok ok"},
    {"OfADirectoryAreForReaders",
     [](Os& os, Notes& notes) {
       const int fd = os.Open(InTree("directory").c_str(), O_RDONLY, 0).value();
       notes.Add(os.FcntlSetLock(fd, F_RDLCK));
       notes.Add(os.FcntlSetLock(fd, F_WRLCK));
     },
     "ok EBADF"},
};
CLEANFORK_CONFORMANCE(Locks, kLocks);

}  // namespace
}  // namespace cleanfork
