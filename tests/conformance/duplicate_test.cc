// Numbers of descriptors: dup(2), fcntl(2), close(2), close_range(2), isatty(3).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <climits>
#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/test_files.h"

namespace cleanfork {
namespace {

// With 0 to 6 open, 3 and 5 close-on-exec: close_range, and what is left, as "open/exec" of 0 to 7.
ConformanceCase Range(const char* name, unsigned first, unsigned last, unsigned flags,
                      const char* expected) {
  const auto body = [=](Os& os, Notes& notes) {
    for (int i = 0; i < 4; ++i) os.Dup(0).IgnoreError();
    for (int fd : {3, 5}) os.FcntlSetFd(fd, FD_CLOEXEC).IgnoreError();
    notes.Add(os.CloseRange(first, last, flags));
    std::string left;
    for (int fd = 0; fd < 8; ++fd) {
      const SysResult<int> flag = os.FcntlGetFd(fd);
      left += !flag.ok() ? "-" : flag.value() != 0 ? "x" : "o";
    }
    notes.Add(left);
  };
  return {name, body, expected};
}

constexpr unsigned kUnshare = 2;  // CLOSE_RANGE_UNSHARE
constexpr unsigned kCloseOnExec = 4;

// (From 200 on there is what reports to the test.)
const ConformanceCase kRanges[] = {
    Range("OfAll", 0, 199, 0, "ok --------"),
    Range("FromThree", 3, 199, 0, "ok ooo-----"),
    Range("OfOne", 4, 4, 0, "ok ooox-xo-"),
    Range("OfSome", 1, 3, 0, "ok o---oxo-"),
    Range("OfNoneThatIsOpen", 20, 30, 0, "ok oooxoxo-"),
    Range("BeyondAll", 1000000, UINT_MAX, 0, "ok oooxoxo-"),
    Range("BackwardsIsRefused", 4, 3, 0, "EINVAL oooxoxo-"),
    Range("ToMark", 2, 4, kCloseOnExec, "ok ooxxxxo-"),
    Range("ToMarkAll", 0, UINT_MAX, kCloseOnExec, "ok xxxxxxx-"),
    Range("Unshared", 3, 4, kUnshare, "ok ooo--xo-"),
    Range("UnsharedToMark", 6, 6, kUnshare | kCloseOnExec, "ok oooxoxx-"),
    Range("WithAnUnknownFlagIsRefused", 3, 4, 1, "EINVAL oooxoxo-"),
    Range("WithManyFlagsIsRefused", 3, 4, 8 | kCloseOnExec, "EINVAL oooxoxo-"),
    Range("BackwardsWithAnUnknownFlagIsRefused", 4, 3, 1, "EINVAL oooxoxo-"),
};
CLEANFORK_CONFORMANCE(CloseRange, kRanges);

const ConformanceCase kDuplicates[] = {
    {"AreNotCloseOnExec",
     [](Os& os, Notes& notes) {
       os.FcntlSetFd(2, FD_CLOEXEC).IgnoreError();
       notes.Add(os.Dup(2));
       notes.Add(os.FcntlGetFd(3));
       notes.Add(os.Dup2(2, 9));
       notes.Add(os.FcntlGetFd(9));
       notes.Add(os.FcntlDupFd(0, 0));
       notes.Add(os.FcntlGetFd(4));
     },
     "3 0 9 0 4 1"},
    {"OfThemselvesKeepTheirFlags",
     [](Os& os, Notes& notes) {
       os.FcntlSetFd(2, FD_CLOEXEC).IgnoreError();
       notes.Add(os.Dup2(2, 2));
       notes.Add(os.FcntlGetFd(2));
     },
     "2 1"},
    {"OntoAnOpenOneCloseIt",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe2(O_NONBLOCK).value();
       notes.Add(os.Dup2(0, ends.write_end));
       char byte = 0;
       notes.Add(os.Read(ends.read_end, &byte, 1));  // its end: the writer is gone
       notes.Add(os.Write(ends.write_end, "x", 1));  // to the null device
     },
     "4 0 1"},
    {"OfWhatIsNotOpenLeaveTheTarget",
     [](Os& os, Notes& notes) {
       notes.Add(os.Dup2(77, 1));
       notes.Add(os.FcntlGetFd(1));
       notes.Add(os.Dup2(-1, 1));
       notes.Add(os.Dup2(77, 77));
       notes.Add(os.Dup2(-1, -1));
       notes.Add(os.Dup2(0, -1));
       notes.Add(os.Dup2(0, INT_MAX));
       notes.Add(os.Dup2(0, INT_MIN));
     },
     "EBADF 0 EBADF EBADF EBADF EBADF EBADF EBADF"},
    {"FromAMinimumTakeTheNextFree",
     [](Os& os, Notes& notes) {
       notes.Add(os.Dup2(0, 11));
       notes.Add(os.FcntlDupFd(0, 10));
       notes.Add(os.FcntlDupFd(0, 10));
       notes.Add(os.FcntlDupFd(0, 0));
     },
     "11 10 12 3"},
    {"FromABadMinimumAreRefused",
     [](Os& os, Notes& notes) {
       os.SetRLimit(RLIMIT_NOFILE, {20, 20}).IgnoreError();
       for (int minimum : {-1, INT_MIN, 20, INT_MAX}) notes.Add(os.FcntlDupFd(0, minimum));
       notes.Add(os.FcntlDupFd(77, -1));
       notes.Add(os.FcntlDupFd(0, 19));
       notes.Add(os.FcntlDupFd(0, 19));
     },
     "EINVAL EINVAL EINVAL EINVAL EBADF 19 EMFILE"},
};
CLEANFORK_CONFORMANCE(Duplicates, kDuplicates);

const ConformanceCase kFlags[] = {
    {"KnowCloseOnExecAlone",
     [](Os& os, Notes& notes) {
       for (int flags : {0, 1, 2, 3, 0x7fffffff}) {
         notes.Add(os.FcntlSetFd(2, flags));
         notes.Add(os.FcntlGetFd(2));
       }
     },
     "ok 0 ok 1 ok 0 ok 1 ok 1"},
    {"AreOfTheNumberAndNotOfTheDescription",
     [](Os& os, Notes& notes) {
       const int copy = os.Dup(2).value();
       notes.Add(os.FcntlSetFd(copy, FD_CLOEXEC));
       notes.Add(os.FcntlGetFd(2));
     },
     "ok 0"},
    {"OfANumberAreForgottenWithIt",
     [](Os& os, Notes& notes) {
       notes.Add(os.FcntlSetFd(2, FD_CLOEXEC));
       notes.Add(os.Close(2));
       notes.Add(os.Dup(0));
       notes.Add(os.FcntlGetFd(2));
     },
     "ok ok 2 0"},
};
CLEANFORK_CONFORMANCE(DescriptorFlags, kFlags);

// What each call says of a descriptor that is not open.
ConformanceCase Bad(const char* name, int fd) {
  const auto body = [fd](Os& os, Notes& notes) {
    char bytes[8];
    notes.Add(os.Close(fd));
    notes.Add(os.Read(fd, bytes, 1));
    notes.Add(os.Write(fd, bytes, 1));
    notes.Add(os.PRead(fd, bytes, 1, -1));
    notes.Add(os.PRead(fd, bytes, 1, 0));
    notes.Add(os.PWrite(fd, bytes, 1, 0));
    notes.Add(os.Dup(fd));
    notes.Add(os.FcntlGetFd(fd));
    notes.Add(os.FcntlSetFd(fd, 0));
    notes.Add(os.FcntlDupFd(fd, 0));
    notes.Add(os.FcntlSetLock(fd, F_RDLCK));
    notes.Add(os.FcntlGetLock(fd, F_RDLCK).error());
    notes.Add(os.FStat(fd));
    notes.Add(os.FTruncate(fd, 0));
    notes.Add(os.IsATty(fd));
    notes.Add(os.GetDents(fd, bytes, 8));
    notes.Add(os.PidFdSendSignal(fd, 0));
  };
  return {name, body,
          "EBADF EBADF EBADF EINVAL EBADF EBADF EBADF EBADF EBADF EBADF EBADF 9 EBADF EBADF EBADF "
          "EBADF EBADF"};
}

const ConformanceCase kBad[] = {
    Bad("ThatIsMinusOneIsRefused", -1),        Bad("ThatIsTheLeastIsRefused", INT_MIN),
    Bad("ThatIsTheLargestIsRefused", INT_MAX), Bad("ThatIsNotOpenIsRefused", 3),
    Bad("ThatIsAtFdcwdIsRefused", AT_FDCWD),
};
CLEANFORK_CONFORMANCE(ADescriptor, kBad);

const ConformanceCase kCloses[] = {
    {"AreOnce",
     [](Os& os, Notes& notes) {
       notes.Add(os.Close(0));
       notes.Add(os.Close(0));
       notes.Add(os.Dup(1));
     },
     "ok EBADF 0"},
    {"OfADuplicateLeaveTheOther",
     [](Os& os, Notes& notes) {
       const int fd = os.Open(InTree("file").c_str(), O_RDWR, 0).value();
       const int copy = os.Dup(fd).value();
       notes.Add(os.Close(fd));
       notes.Add(os.Write(copy, "x", 1));
       notes.Add(os.Write(fd, "x", 1));
     },
     "ok 1 EBADF"},
};
CLEANFORK_CONFORMANCE(Closes, kCloses);

const ConformanceCase kTerminals[] = {
    {"AreNone",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       notes.Add(os.IsATty(0));
       notes.Add(os.IsATty(ends.read_end));
       notes.Add(os.IsATty(os.Open("/", O_RDONLY, 0).value()));
       notes.Add(os.IsATty(os.Open(InTree("file").c_str(), O_RDWR, 0).value()));
     },
     "ENOTTY ENOTTY ENOTTY ENOTTY"},
};
CLEANFORK_CONFORMANCE(Terminals, kTerminals);

}  // namespace
}  // namespace cleanfork
