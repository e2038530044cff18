// Pipes: pipe(7).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <ctime>
#include <vector>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

SysResult<size_t> WriteBytes(Os& os, int fd, size_t size) {
  const std::vector<char> bytes(size, 'x');
  return os.Write(fd, bytes.data(), size);
}

void AwaitFull(Os& os, int write_end) {
  struct pollfd room = {write_end, POLLOUT, 0};
  while (os.Poll(&room, 1, 0).value() != 0) {
    os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000).IgnoreError();
  }
}

SysResult<size_t> ReadBytes(Os& os, int fd, size_t size) {
  std::vector<char> bytes(size);
  return os.Read(fd, bytes.data(), size);
}

// Makes these writes (positive sizes) and reads (negative) of a pipe that does not block.
ConformanceCase Traffic(const char* name, std::vector<int> sizes, const char* expected) {
  const auto body = [sizes](Os& os, Notes& notes) {
    const PipeEnds ends = os.Pipe2(O_NONBLOCK).value();
    for (int size : sizes) {
      notes.Add(size >= 0 ? WriteBytes(os, ends.write_end, static_cast<size_t>(size))
                          : ReadBytes(os, ends.read_end, static_cast<size_t>(-size)));
    }
  };
  return {name, body, expected};
}

const ConformanceCase kTraffics[] = {
    Traffic("IsReadInAnyParts", {10, -3, -3, -10, -1}, "10 3 3 4 EAGAIN"),
    Traffic("IsJoined", {1, 2, 3, -10}, "1 2 3 6"),
    Traffic("OfNothingIsNothing", {0, -1, 0}, "0 EAGAIN 0"),
    Traffic("FillsThePipeInOneWrite", {65536, 1, 0}, "65536 EAGAIN 0"),
    Traffic("ThatIsTooMuchIsCut", {65537, 1}, "65536 EAGAIN"),
    Traffic("ThatIsTooMuchForTheRestIsCut", {60000, 10000, 1}, "60000 4096 EAGAIN"),
    Traffic("OfPipeBufGoesWholeOrNotAtAll", {61441, 4096, 4095}, "61441 EAGAIN 4095"),
    Traffic("OfMoreThanPipeBufGoesInParts", {61441, 4097, 1}, "61441 1 1"),
    Traffic("OfPagesFillsSixteen", {4096, 4096, 4096, 53248, 1}, "4096 4096 4096 53248 EAGAIN"),
    Traffic("OfSmallWritesSharesPages", {100, 100, 65000, 236, 1}, "100 100 65000 EAGAIN EAGAIN"),
    Traffic("OfOddSizesWastesRoom", {3000, 3000, 3000, 57344, 1}, "3000 3000 3000 53248 EAGAIN"),
    Traffic("HasRoomAgainWhenAPageIsEmpty", {65536, -4095, 1, -1, 1, 4095, 1},
            "65536 4095 EAGAIN 1 1 4095 EAGAIN"),
    Traffic("HasRoomForAPageAfterAPage", {65536, -4096, 4097}, "65536 4096 4096"),
};
CLEANFORK_CONFORMANCE(Traffic, kTraffics);

const ConformanceCase kEnds[] = {
    {"ThatBlockTakesFlagsFromPipe2",
     [](Os& os, Notes& notes) {
       for (int flags : {0, O_CLOEXEC, O_NONBLOCK, O_CLOEXEC | O_NONBLOCK}) {
         const PipeEnds ends = os.Pipe2(flags).value();
         notes.Add(os.FcntlGetFd(ends.read_end));
         notes.Add(os.FcntlGetFd(ends.write_end));
       }
       notes.Add(os.FcntlGetFd(os.Pipe().value().read_end));
     },
     "0 0 1 1 0 0 1 1 0"},
    {"TakeTheLowestNumbers",
     [](Os& os, Notes& notes) {
       os.Close(1).IgnoreError();
       const PipeEnds ends = os.Pipe().value();
       notes.Add(ends.read_end);
       notes.Add(ends.write_end);
     },
     "1 3"},
    {"OfUnknownFlagsAreRefused",
     [](Os& os, Notes& notes) {
       for (int flags : {1, 2, O_CREAT, O_APPEND, O_DIRECTORY, O_CLOEXEC | 1}) {
         notes.Add(os.Pipe2(flags));
       }
       notes.Add(os.Dup(0));
     },
     "EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL 3"},
    {"LeaveNoNumberTakenOnFailure",
     [](Os& os, Notes& notes) {
       os.SetRLimit(RLIMIT_NOFILE, {4, 4}).IgnoreError();
       notes.Add(os.Pipe2(0));
       notes.Add(os.Pipe2(1));
       notes.Add(os.Dup(0));
     },
     "EMFILE EINVAL 3"},
    {"OfAReaderSeeNoEndWhileACopyOfTheWriterIsOpen",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe2(O_NONBLOCK).value();
       const int copy = os.Dup(ends.write_end).value();
       os.Close(ends.write_end).IgnoreError();
       notes.Add(ReadBytes(os, ends.read_end, 1));
       os.Close(copy).IgnoreError();
       notes.Add(ReadBytes(os, ends.read_end, 1));
       notes.Add(ReadBytes(os, ends.read_end, 1));
     },
     "EAGAIN 0 0"},
    {"GoOneWay",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       notes.Add(WriteBytes(os, ends.read_end, 1));
       notes.Add(ReadBytes(os, ends.write_end, 1));
     },
     "EBADF EBADF"},
    {"OfAWriterThatNobodyReadsEndItsProcess",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       os.Close(ends.read_end).IgnoreError();
       notes.Add(WriteBytes(os, ends.write_end, 1));
     },
     "signal 13"},
    {"OfAWriterWaitUntilAllIsWritten",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       const pid_t child = os.Fork().value();
       if (child == 0) {
         os.Exit(WriteBytes(os, ends.write_end, 200'000).value_or(0) == 200'000 ? 0 : 1);
       }
       os.Close(ends.write_end).IgnoreError();
       size_t total = 0;
       for (size_t got = 1; got > 0; total += got) {
         got = ReadBytes(os, ends.read_end, 4096).value();
       }
       notes.Add(static_cast<int>(total));
       notes.Add(ExitStatusOf(os, child));
     },
     "200000 0"},
    {"OfAReaderSeeTheRestBeforeTheEnd",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       notes.Add(ReadBytes(os, ends.read_end, 0));  // of nothing it does not wait for
       notes.Add(WriteBytes(os, ends.write_end, 5000));
       os.Close(ends.write_end).IgnoreError();
       notes.Add(ReadBytes(os, ends.read_end, 4999));
       notes.Add(ReadBytes(os, ends.read_end, 4999));
       notes.Add(ReadBytes(os, ends.read_end, 4999));
     },
     "0 5000 4999 1 0"},
    {"OfAChildAreClosedWithIt",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       const pid_t child = os.Fork().value();
       if (child == 0) {
         os.Write(ends.write_end, "ab", 2).IgnoreError();
         os.Kill(os.GetPid(), SIGKILL).IgnoreError();
       }
       os.Close(ends.write_end).IgnoreError();
       notes.Add(ReadBytes(os, ends.read_end, 2));
       notes.Add(ReadBytes(os, ends.read_end, 2));
     },
     "2 0"},
    {"OfAWriterFailWhenTheLastReaderIsGone",
     [](Os& os, Notes& notes) {
       Ignore(os, SIGPIPE);
       const PipeEnds ends = os.Pipe().value();
       const int copy = os.Dup(ends.read_end).value();
       os.Close(ends.read_end).IgnoreError();
       notes.Add(WriteBytes(os, ends.write_end, 1));
       os.Close(copy).IgnoreError();
       notes.Add(WriteBytes(os, ends.write_end, 1));
       notes.Add(WriteBytes(os, ends.write_end, 0));
       notes.Add(WriteBytes(os, ends.write_end, 100000));
     },
     "1 EPIPE 0 EPIPE"},
    {"OfAWriterWithAHandlerFailToo",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGPIPE, SA_RESTART);
       const PipeEnds ends = os.Pipe().value();
       os.Close(ends.read_end).IgnoreError();
       notes.Add(WriteBytes(os, ends.write_end, 1));
       notes.Add(Heard(os));
     },
     "EPIPE 13"},
    {"OfAWaitingWriterFailWhenTheReaderGoes",
     [](Os& os, Notes& notes) {
       Ignore(os, SIGPIPE);
       const PipeEnds ends = os.Pipe().value();
       const pid_t child = os.Fork().value();
       if (child == 0) {
         os.Close(ends.read_end).IgnoreError();
         // Of what fits it tells; it is the next write that fails.
         const bool part = WriteBytes(os, ends.write_end, 70000).value_or(0) == 65536;
         const bool failed = WriteBytes(os, ends.write_end, 1).error() == EPIPE;
         os.Exit((part ? 1 : 0) | (failed ? 2 : 0));
       }
       AwaitFull(os, ends.write_end);
       os.Close(ends.write_end).IgnoreError();
       os.Close(ends.read_end).IgnoreError();
       notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
     },
     "3"},
    {"OfAKilledWriterShowWhatItWrote",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       const pid_t child = os.Fork().value();
       if (child == 0) {
         WriteBytes(os, ends.write_end, 70000).IgnoreError();
         os.Exit(0);
       }
       AwaitFull(os, ends.write_end);
       os.Close(ends.write_end).IgnoreError();
       os.Kill(child, SIGKILL).IgnoreError();
       os.WaitPid(child, 0).IgnoreError();
       notes.Add(ReadBytes(os, ends.read_end, 70000));
       notes.Add(ReadBytes(os, ends.read_end, 70000));
     },
     "65536 0"},
    {"WithoutWaitingAreOfTheDescription",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe2(O_NONBLOCK).value();
       const int copy = os.Dup(ends.read_end).value();
       notes.Add(ReadBytes(os, copy, 1));
       if (os.Fork().value() == 0) os.Exit(ReadBytes(os, ends.read_end, 1).error() == EAGAIN);
       notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
     },
     "EAGAIN 1"},
    {"CannotBeReadAtAnOffset",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       char byte = 0;
       notes.Add(os.PRead(ends.write_end, &byte, 1, 0));  // before it is found not to be readable
       notes.Add(os.PWrite(ends.read_end, &byte, 1, 0));
       notes.Add(os.PRead(ends.read_end, &byte, 1, -1));
       notes.Add(os.PRead(ends.read_end, &byte, 0, 0));
       notes.Add(os.FTruncate(ends.write_end, -1));
       notes.Add(os.GetDents(ends.read_end, &byte, 1));
     },
     "ESPIPE ESPIPE EINVAL ESPIPE EINVAL ENOTDIR"},
};
CLEANFORK_CONFORMANCE(Ends, kEnds);

}  // namespace
}  // namespace cleanfork
