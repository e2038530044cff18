// What is read and written where: offsets, sizes, truncation; read(2), write(2), pread(2).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdint>
#include <ctime>
#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/test_files.h"

namespace cleanfork {
namespace {

int OpenFile(Os& os, int flags) { return os.Open(InTree("file").c_str(), flags, 0).value(); }
int OpenDirectory(Os& os) { return os.Open(InTree("directory").c_str(), O_RDONLY, 0).value(); }

// All that is in the file, or what stands in the way.
void NoteContent(Os& os, Notes& notes, int fd) {
  char bytes[64] = {};
  const SysResult<size_t> got = os.PRead(fd, bytes, sizeof(bytes) - 1, 0);
  if (!got.ok()) return notes.Add(got);
  std::string text(bytes, got.value());
  for (char& c : text) c = c == '\0' ? '0' : c;
  notes.Add("'" + text + "'");
}

void NoteSize(Os& os, Notes& notes, int fd) {
  notes.Add(static_cast<int>(os.FStat(fd).value().size));
}

const ConformanceCase kReads[] = {
    {"StopAtTheEnd",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDONLY);
       char bytes[16];
       for (int i = 0; i < 3; ++i) notes.Add(os.Read(fd, bytes, 5));
     },
     "5 2 0"},
    {"OfNothingMoveNothing",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDONLY);
       char byte = 0;
       notes.Add(os.Read(fd, &byte, 0));
       notes.Add(os.Read(fd, &byte, 1));
       notes.Add(byte == 'c');
     },
     "0 1 yes"},
    {"OfNothingWithoutLeaveFail",
     [](Os& os, Notes& notes) {
       notes.Add(os.Read(OpenFile(os, O_WRONLY), nullptr, 0));
       notes.Add(os.Write(OpenFile(os, O_RDONLY), nullptr, 0));
       notes.Add(os.Read(OpenDirectory(os), nullptr, 0));
       notes.Add(os.Read(77, nullptr, 0));
     },
     "EBADF EBADF EISDIR EBADF"},
    {"AtAnOffsetDoNotMoveIt",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       char bytes[16] = {};
       notes.Add(os.PRead(fd, bytes, 3, 4));
       notes.Add(bytes);
       notes.Add(os.PWrite(fd, "X", 1, 6));
       notes.Add(os.Read(fd, bytes, 16));
       notes.Add(std::string(bytes, 7));
     },
     "3 ent 1 7 contenX"},
    {"AtAnOffsetBeyondTheEndAreEmpty",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDONLY);
       char byte = 0;
       notes.Add(os.PRead(fd, &byte, 1, 6));
       notes.Add(os.PRead(fd, &byte, 1, 7));
       notes.Add(os.PRead(fd, &byte, 1, 1 << 30));
       notes.Add(os.PRead(fd, &byte, 1, INT64_MAX));
       notes.Add(os.PRead(fd, &byte, 1, INT64_MIN));
     },
     "1 0 0 EINVAL EINVAL"},
    {"AtAnOffsetOfADirectoryAreRefused",
     [](Os& os, Notes& notes) {
       char byte = 0;
       const int fd = OpenDirectory(os);
       notes.Add(os.PRead(fd, &byte, 1, 0));
       notes.Add(os.PRead(fd, &byte, 1, -1));
       notes.Add(os.PRead(fd, &byte, 0, 0));
       notes.Add(os.PWrite(fd, &byte, 1, 0));
       notes.Add(os.PWrite(fd, &byte, 1, -1));
     },
     "EISDIR EINVAL EISDIR EBADF EINVAL"},
    {"AfterTruncationSeeWhatIsLeft",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       char bytes[16];
       notes.Add(os.Read(fd, bytes, 5));
       notes.Add(os.FTruncate(fd, 3));
       notes.Add(os.Read(fd, bytes, 5));
       notes.Add(os.FTruncate(fd, 6));
       notes.Add(os.Read(fd, bytes, 5));
       notes.Add(int{bytes[0]});
     },
     "5 ok 0 ok 1 0"},
};
CLEANFORK_CONFORMANCE(Reads, kReads);

const ConformanceCase kWrites[] = {
    {"OverwriteAndLengthen",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       notes.Add(os.Write(fd, "12345", 5));
       NoteContent(os, notes, fd);
       notes.Add(os.Write(fd, "6789", 4));
       NoteContent(os, notes, fd);
     },
     "5 '12345nt' 4 '123456789'"},
    {"BeyondTheEndLeaveAHoleOfZeros",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       notes.Add(os.PWrite(fd, "x", 1, 10));
       NoteContent(os, notes, fd);
       NoteSize(os, notes, fd);
     },
     "1 'content000x' 11"},
    {"OfNothingBeyondTheEndDoNotLengthen",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       notes.Add(os.PWrite(fd, "", 0, 100));
       notes.Add(os.Write(fd, "", 0));
       NoteSize(os, notes, fd);
     },
     "0 0 7"},
    {"OfTwoDescriptionsOverwriteEachOther",
     [](Os& os, Notes& notes) {
       const int one = OpenFile(os, O_RDWR);
       const int two = OpenFile(os, O_RDWR);
       notes.Add(os.Write(one, "abc", 3));
       notes.Add(os.Write(two, "X", 1));
       notes.Add(os.Write(one, "d", 1));
       NoteContent(os, notes, one);
     },
     "3 1 1 'Xbcdent'"},
    {"OfTwoThatAppendDoNot",
     [](Os& os, Notes& notes) {
       const int one = OpenFile(os, O_RDWR | O_APPEND);
       const int two = OpenFile(os, O_WRONLY | O_APPEND);
       notes.Add(os.Write(one, "1", 1));
       notes.Add(os.Write(two, "2", 1));
       notes.Add(os.Write(one, "3", 1));
       NoteContent(os, notes, one);
     },
     "1 1 1 'content123'"},
    {"ThatAppendMoveTheOffsetToTheEnd",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR | O_APPEND);
       char bytes[16];
       notes.Add(os.Read(fd, bytes, 2));
       notes.Add(os.Write(fd, "", 0));
       notes.Add(os.Read(fd, bytes, 2));
       notes.Add(os.Write(fd, "x", 1));
       notes.Add(os.Read(fd, bytes, 2));
     },
     "2 0 2 1 0"},
    {"AtAnOffsetAppendToo",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR | O_APPEND);
       char byte = 0;
       notes.Add(os.PWrite(fd, "x", 1, 0));
       NoteContent(os, notes, fd);
       notes.Add(os.Read(fd, &byte, 1));
       notes.Add(byte == 'c');
     },
     "1 'contentx' 1 yes"},
    {"ThroughDuplicatesGoOn",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       const int copy = os.Dup(fd).value();
       const int third = os.FcntlDupFd(fd, 20).value();
       notes.Add(os.Dup2(fd, 30));
       notes.Add(os.Write(fd, "1", 1));
       notes.Add(os.Write(copy, "2", 1));
       notes.Add(os.Write(third, "3", 1));
       notes.Add(os.Write(30, "4", 1));
       NoteContent(os, notes, fd);
     },
     "30 1 1 1 1 '1234ent'"},
    {"OfAChildMoveTheOffsetOfItsParent",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       if (os.Fork().value() == 0) {
         char bytes[4];
         os.Exit(os.Read(fd, bytes, 4).value_or(0) == 4 ? 0 : 1);
       }
       notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
       notes.Add(os.Write(fd, "X", 1));
       NoteContent(os, notes, fd);
     },
     "0 1 'contXnt'"},
    {"ToAFileWithoutANameGoOn",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       notes.Add(os.Unlink(InTree("file").c_str()));
       notes.Add(os.Stat(InTree("file").c_str()));
       notes.Add(os.Write(fd, "C", 1));
       NoteContent(os, notes, fd);
       notes.Add(static_cast<int>(os.FStat(fd).value().links));
     },
     "ok ENOENT 1 'Content' 0"},
    {"ToAFileOfTheSameNameAreOthers",
     [](Os& os, Notes& notes) {
       const int old = OpenFile(os, O_RDWR);
       notes.Add(os.Unlink(InTree("file").c_str()));
       const int fresh = os.Open(InTree("file").c_str(), O_RDWR | O_CREAT, 0600).value();
       notes.Add(os.FStat(old).value().inode == os.FStat(fresh).value().inode);
       notes.Add(os.Write(fresh, "new", 3));
       NoteContent(os, notes, old);
       NoteContent(os, notes, fresh);
     },
     "ok no 3 'content' 'new'"},
};
CLEANFORK_CONFORMANCE(Writes, kWrites);

const ConformanceCase kTruncations[] = {
    {"OfANegativeSizeComesBeforeEBADF",
     [](Os& os, Notes& notes) {
       notes.Add(os.FTruncate(77, -1));
       notes.Add(os.FTruncate(77, 0));
       notes.Add(os.FTruncate(-1, 0));
       notes.Add(os.FTruncate(OpenDirectory(os), 0));
       notes.Add(os.FTruncate(OpenFile(os, O_RDONLY), 0));
     },
     "EINVAL EBADF EBADF EINVAL EINVAL"},
    {"LeaveTheOffset",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       notes.Add(os.Write(fd, "1234", 4));
       notes.Add(os.FTruncate(fd, 0));
       notes.Add(os.Write(fd, "5", 1));
       NoteContent(os, notes, fd);
     },
     "4 ok 1 '00005'"},
    {"ZeroWhatComesBack",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       notes.Add(os.FTruncate(fd, 2));
       notes.Add(os.FTruncate(fd, 4));
       NoteContent(os, notes, fd);
     },
     "ok ok 'co00'"},
    {"OfTheSameSizeChangeNothing",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_WRONLY);
       notes.Add(os.FTruncate(fd, 7));
       NoteSize(os, notes, fd);
       NoteContent(os, notes, fd);
     },
     "ok 7 EBADF"},
    {"ByOpenReachOtherDescriptions",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       OpenFile(os, O_WRONLY | O_TRUNC);
       NoteSize(os, notes, fd);
     },
     "0"},
    {"BeyondRlimitFsizeAreSigxfsz",
     [](Os& os, Notes& notes) {
       SignalAction ignore;
       ignore.handler = SIG_IGN;
       os.SigAction(SIGXFSZ, &ignore).IgnoreError();
       os.SetRLimit(RLIMIT_FSIZE, {9, 9}).IgnoreError();
       const int fd = OpenFile(os, O_RDWR);
       notes.Add(os.FTruncate(fd, 10));
       notes.Add(os.PWrite(fd, "123456", 6, 7));
       notes.Add(os.PWrite(fd, "1", 1, 9));
     },
     "EFBIG 2 EFBIG"},
    {"BeyondRlimitFsizeEndTheProcess",
     [](Os& os, Notes& notes) {
       os.SetRLimit(RLIMIT_FSIZE, {9, 9}).IgnoreError();
       const int fd = OpenFile(os, O_RDWR);
       notes.Add(os.Write(fd, "1234567890", 10));
       os.Write(fd, "x", 1).IgnoreError();
     },
     "signal 25"},
    {"BeyondRlimitFsizeOfNothingAreNone",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       notes.Add(os.FTruncate(fd, 20));
       os.SetRLimit(RLIMIT_FSIZE, {9, 9}).IgnoreError();
       notes.Add(os.FTruncate(fd, 15));
       notes.Add(os.PWrite(fd, "x", 0, 12));
       const int device = os.Open("/dev/null", O_WRONLY, 0).value();
       notes.Add(os.Write(device, "1234567890", 10));
     },
     "ok ok 0 10"},
    {"BeyondRlimitFsizeAreCountedFromTheEndOfWhatIsAppendedTo",
     [](Os& os, Notes& notes) {
       SignalAction ignore;
       ignore.handler = SIG_IGN;
       os.SigAction(SIGXFSZ, &ignore).IgnoreError();
       const int fd = OpenFile(os, O_WRONLY | O_APPEND);
       notes.Add(os.FTruncate(fd, 7));
       os.SetRLimit(RLIMIT_FSIZE, {9, 9}).IgnoreError();
       notes.Add(os.Write(fd, "123", 3));
       notes.Add(os.Write(fd, "123", 3));
       NoteSize(os, notes, fd);
     },
     "ok 2 EFBIG 9"},
};
CLEANFORK_CONFORMANCE(Truncations, kTruncations);

const ConformanceCase kStatuses[] = {
    {"AreThoseOfThePath",
     [](Os& os, Notes& notes) {
       const FileStatus by_path = os.Stat(InTree("link").c_str()).value();
       const FileStatus by_fd = os.FStat(OpenFile(os, O_WRONLY)).value();
       notes.Add(by_path.inode == by_fd.inode && by_path.device == by_fd.device);
       notes.Add(static_cast<int>(by_fd.mode));
       notes.Add(static_cast<int>(by_fd.links));
       notes.Add(static_cast<int>(by_fd.size));
     },
     "yes 33188 1 7"},
    {"OfAPipeSayWhatItIs",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       const FileStatus status = os.FStat(ends.read_end).value();
       notes.Add(static_cast<int>(status.mode));
       notes.Add(static_cast<int>(status.links));
       notes.Add(static_cast<int>(status.size));
       notes.Add(status.inode == os.FStat(ends.write_end).value().inode);
       notes.Add(status.uid == os.GetEuid());
       const PipeEnds other = os.Pipe().value();
       notes.Add(status.inode == os.FStat(other.write_end).value().inode);
     },
     "4480 1 0 yes yes no"},
    {"OfADirectorySayThatItIsOne",
     [](Os& os, Notes& notes) {
       const FileStatus status = os.FStat(OpenDirectory(os)).value();
       notes.Add(static_cast<int>(status.mode));
     },
     "16877"},
    {"ChangeTheirTimeWithAWrite",
     [](Os& os, Notes& notes) {
       const int fd = OpenFile(os, O_RDWR);
       const int64_t before = os.FStat(fd).value().modified;
       os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 20'000'000).IgnoreError();
       notes.Add(os.Write(fd, "", 0));
       notes.Add(os.FStat(fd).value().modified == before);
       char byte = 0;
       notes.Add(os.Read(fd, &byte, 1));
       notes.Add(os.FStat(fd).value().modified == before);
       notes.Add(os.Write(fd, "x", 1));
       notes.Add(os.FStat(fd).value().modified > before);
     },
     "0 yes 1 yes 1 yes"},
    {"OfADirectoryChangeTheirTimeWithItsNames",
     [](Os& os, Notes& notes) {
       const int fd = OpenDirectory(os);
       const int64_t before = os.FStat(fd).value().modified;
       os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 20'000'000).IgnoreError();
       notes.Add(os.Unlink(InTree("directory/inner").c_str()));
       notes.Add(os.FStat(fd).value().modified > before);
     },
     "ok yes"},
};
CLEANFORK_CONFORMANCE(Statuses, kStatuses);

}  // namespace
}  // namespace cleanfork
