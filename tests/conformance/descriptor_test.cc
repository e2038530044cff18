// Descriptors and pipes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

TEST(Conformance, ADescriptorThatIsNotOpenIsRefused) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              char byte = 0;
              for (int fd : {-1, 77, 100000}) {
                notes.Add(os.Close(fd));
                notes.Add(os.Read(fd, &byte, 1));
                notes.Add(os.Write(fd, &byte, 1));
                notes.Add(os.PRead(fd, &byte, 1, -1));
                notes.Add(os.PRead(fd, &byte, 1, 0));
                notes.Add(os.Dup(fd));
                notes.Add(os.Dup2(fd, 5));
                notes.Add(os.Dup2(fd, fd));
                notes.Add(os.FcntlGetFd(fd));
                notes.Add(os.FcntlDupFd(fd, 0));
                notes.Add(os.FStat(fd));
                notes.Add(os.IsATty(fd));
              }
            }),
            "EBADF EBADF EBADF EINVAL EBADF EBADF EBADF EBADF EBADF EBADF EBADF EBADF "
            "EBADF EBADF EBADF EINVAL EBADF EBADF EBADF EBADF EBADF EBADF EBADF EBADF "
            "EBADF EBADF EBADF EINVAL EBADF EBADF EBADF EBADF EBADF EBADF EBADF EBADF");
}

TEST(Conformance, TheLowestNumberIsTaken) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.Dup(0));
              notes.Add(os.Dup(0));
              os.Close(3).IgnoreError();
              notes.Add(os.Pipe().value().read_end);
              notes.Add(os.FcntlDupFd(0, 10));
              notes.Add(os.FcntlDupFd(0, 10));
              notes.Add(os.FcntlGetFd(11));
              notes.Add(os.Dup2(11, 12));
              notes.Add(os.FcntlGetFd(12));
              notes.Add(os.Dup2(11, 11));
              notes.Add(os.FcntlGetFd(11));
            }),
            "3 4 3 10 11 1 12 0 11 1");
}

TEST(Conformance, TheLimitOfDescriptorsHolds) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              // UBSan looks at an object's type through a pipe(2), once: while there can be one.
              const PipeEnds ends = os.Pipe().value();
              os.Close(ends.read_end).IgnoreError();
              os.Close(ends.write_end).IgnoreError();
              notes.Add(os.SetRLimit(RLIMIT_NOFILE, {4, 4}));
              notes.Add(os.Dup(0));
              notes.Add(os.Dup(0));
              notes.Add(os.Pipe());
              notes.Add(os.Open("/dev/null", O_RDONLY, 0));
              notes.Add(os.Open("/absent", O_RDONLY, 0));
              notes.Add(os.Open("", O_RDONLY, 0));
              notes.Add(os.Dup2(0, 4));
              notes.Add(os.Dup2(77, 4));
              notes.Add(os.FcntlDupFd(0, 4));
              notes.Add(os.FcntlDupFd(0, 3));
              notes.Add(os.FcntlDupFd(0, -1));
              notes.Add(os.PidFdOpen(os.GetPid(), 0));
            }),
            "ok 3 EMFILE EMFILE EMFILE EMFILE ENOENT EBADF EBADF EINVAL EMFILE EINVAL EMFILE");
}

TEST(Conformance, CloseRangeClosesOrMarks) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              for (int i = 0; i < 4; ++i) os.Dup(0).IgnoreError();
              notes.Add(os.CloseRange(5, 4, 0));
              notes.Add(os.CloseRange(0, 0, 1));
              notes.Add(os.CloseRange(3, 4, 0));
              notes.Add(os.FcntlGetFd(4));
              notes.Add(os.CloseRange(5, ~0U, 4));
              notes.Add(os.FcntlGetFd(5));
              notes.Add(os.FcntlGetFd(2));
            }),
            "EINVAL EINVAL ok EBADF ok 1 0");
}

TEST(Conformance, DuplicatesShareTheirOffset) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const int fd = os.Open(kTestFile.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600).value();
              os.Unlink(kTestFile.c_str()).IgnoreError();
              const int copy = os.Dup(fd).value();
              os.Write(fd, "abc", 3).IgnoreError();
              const pid_t child = os.Fork().value();
              if (child == 0) {
                os.Write(copy, "de", 2).IgnoreError();
                os.Exit(0);
              }
              os.WaitPid(child, 0).IgnoreError();
              os.Write(fd, "f", 1).IgnoreError();
              char buffer[8] = {};
              notes.Add(os.PRead(fd, buffer, sizeof(buffer), 0));
              notes.Add(buffer);
              notes.Add(os.Read(fd, buffer, sizeof(buffer)));
            }),
            "6 abcdef 0");
}

TEST(Conformance, AnEndOfAPipeGoesOneWay) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              notes.Add(os.Pipe2(1));
              const PipeEnds ends = os.Pipe2(O_CLOEXEC).value();
              char byte = 0;
              notes.Add(os.FcntlGetFd(ends.read_end));
              notes.Add(os.Write(ends.read_end, &byte, 1));
              notes.Add(os.Read(ends.write_end, &byte, 1));
              notes.Add(os.PRead(ends.read_end, &byte, 1, 0));
              notes.Add(os.PWrite(ends.write_end, &byte, 1, 0));
              notes.Add(os.FTruncate(ends.write_end, 0));
              notes.Add(os.IsATty(ends.write_end));
            }),
            "EINVAL 1 EBADF EBADF ESPIPE ESPIPE EINVAL ENOTTY");
}

TEST(Conformance, ThePipesEndIsReadWhenTheLastWriterIsGone) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const PipeEnds ends = os.Pipe().value();
              const pid_t child = os.Fork().value();
              if (child == 0) {
                os.Write(ends.write_end, "abc", 3).IgnoreError();
                os.Exit(0);
              }
              os.Close(ends.write_end).IgnoreError();
              char buffer[2];
              notes.Add(os.Read(ends.read_end, buffer, 0));
              notes.Add(os.Read(ends.read_end, buffer, 2));
              notes.Add(os.Read(ends.read_end, buffer, 2));
              notes.Add(os.Read(ends.read_end, buffer, 2));
            }),
            "0 2 1 0");
}

TEST(Conformance, AWriteThatNobodyReadsIsASigpipe) {
  const auto write_to_nobody = [](Os& os, Notes& notes) {
    const PipeEnds ends = os.Pipe().value();
    os.Close(ends.read_end).IgnoreError();
    notes.Add(os.Write(ends.write_end, "", 0));
    notes.Add(os.Write(ends.write_end, "x", 1));
  };
  EXPECT_EQ(Observe(write_to_nobody), "signal 13");
  EXPECT_EQ(Observe([&](Os& os, Notes& notes) {
              SignalAction ignore;
              ignore.handler = SIG_IGN;
              os.SigAction(SIGPIPE, &ignore).IgnoreError();
              write_to_nobody(os, notes);
            }),
            "0 EPIPE");
  EXPECT_EQ(Observe([&](Os& os, Notes& notes) {
              const SignalSet set = SignalSet::Of(SIGPIPE);
              os.SigProcMask(SIG_BLOCK, &set).IgnoreError();
              write_to_nobody(os, notes);
              notes.Add(os.SigTimedWait(set, 0).value().signal);
            }),
            "0 EPIPE 13");
}

TEST(Conformance, AFullPipeTakesWholeSmallWritesOrNone) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const PipeEnds ends = os.Pipe2(O_NONBLOCK).value();
              std::vector<char> bytes(65536);
              notes.Add(os.Read(ends.read_end, bytes.data(), 1));
              notes.Add(os.Write(ends.write_end, bytes.data(), 65530));
              notes.Add(os.Write(ends.write_end, bytes.data(), 10));
              notes.Add(os.Write(ends.write_end, bytes.data(), 6));
              notes.Add(os.Write(ends.write_end, bytes.data(), 1));
              struct pollfd ready = {ends.write_end, POLLOUT, 0};
              notes.Add(os.Poll(&ready, 1, 0));
              notes.Add(os.Read(ends.read_end, bytes.data(), 4095));
              notes.Add(os.Write(ends.write_end, bytes.data(), 1));
              notes.Add(os.Read(ends.read_end, bytes.data(), 1));
              notes.Add(os.Write(ends.write_end, bytes.data(), 4097));
              notes.Add(os.Write(ends.write_end, bytes.data(), 4096));
              notes.Add(os.Read(ends.read_end, bytes.data(), 65536));
            }),
            "EAGAIN 65530 EAGAIN 6 EAGAIN 0 4095 EAGAIN 1 4096 EAGAIN 65536");
}

TEST(Conformance, AWriterWaitsForRoomAndIsWokenByAReader) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const PipeEnds ends = os.Pipe().value();
              const pid_t child = os.Fork().value();
              if (child == 0) {
                const std::vector<char> bytes(200'000);
                const SysResult<size_t> written =
                    os.Write(ends.write_end, bytes.data(), bytes.size());
                os.Exit(written.value_or(0) == bytes.size() ? 0 : 1);
              }
              os.Close(ends.write_end).IgnoreError();
              std::vector<char> bytes(4096);
              int total = 0;
              for (;;) {
                const size_t got = os.Read(ends.read_end, bytes.data(), bytes.size()).value();
                if (got == 0) break;
                total += static_cast<int>(got);
              }
              notes.Add(total);
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
            }),
            "200000 0");
}

TEST(Conformance, PollSaysWhatIsReady) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const PipeEnds ends = os.Pipe().value();
              struct pollfd all[5] = {{ends.read_end, POLLIN, 9},
                                      {ends.write_end, POLLOUT, 9},
                                      {-1, POLLIN, 9},
                                      {77, POLLIN, 9},
                                      {0, POLLIN | POLLOUT, 9}};
              const auto look = [&] {
                notes.Add(os.Poll(all, 5, 0));
                for (const struct pollfd& each : all) notes.Add(int{each.revents});
              };
              look();
              os.Write(ends.write_end, "x", 1).IgnoreError();
              look();
              os.Close(ends.write_end).IgnoreError();
              look();
              char byte = 0;
              os.Read(ends.read_end, &byte, 1).IgnoreError();
              look();
              notes.Add(os.Poll(all + 2, 1, 1000));
            }),
            "3 0 4 0 32 5 4 1 4 0 32 5 4 17 32 0 32 5 4 16 32 0 32 5 0");
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const PipeEnds ends = os.Pipe().value();
              os.Close(ends.read_end).IgnoreError();
              struct pollfd ready = {ends.write_end, POLLOUT, 0};
              notes.Add(os.Poll(&ready, 1, -1));
              notes.Add(ready.revents == (POLLOUT | POLLERR));
            }),
            "1 yes");
}

}  // namespace
}  // namespace cleanfork
