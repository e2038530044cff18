// Datagrams to sockets of unix(7) that somebody else holds.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <ctime>
#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/socket_world.h"

namespace cleanfork {
namespace {

int OpenSocket(Os& os, int type = SOCK_DGRAM) { return os.Socket(AF_UNIX, type, 0).value(); }

SysResult<size_t> Send(Os& os, int fd, const std::string& bytes, const std::string& to,
                       int flags = MSG_NOSIGNAL) {
  const UnixAddress address = AddressOf(to);
  return os.SendTo(fd, bytes.data(), bytes.size(), flags, &address);
}

TEST(Conformance, ADatagramArrivesWithItsSender) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const int fd = OpenSocket(os);
              notes.Add(fd);
              notes.Add(Send(os, fd, "READY=1", kReceiver.address));
              notes.Add(Send(os, fd, "", kReceiver.address));
              const pid_t child = os.Fork().value();
              if (child == 0) os.Exit(Send(os, fd, "child", kAbstract.address).ok() ? 0 : 1);
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
              notes.Add(Send(os, fd, "parent", kAbstract.address));
            }),
            "3 7 0 0 6 a \"READY=1\" a \"\" b \"child\" a \"parent\"");
}

TEST(Conformance, WhatIsBoundReceivesWithTheSendersIds) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const UnixAddress address = AddressOf(kAbstract.address + "-own");
              const int fd = OpenSocket(os), sender = OpenSocket(os);
              notes.Add(os.Bind(fd, &address));
              notes.Add(os.Bind(fd, &address));
              notes.Add(os.Bind(sender, &address));
              notes.Add(os.SetPassCred(fd));
              notes.Add(os.SetPassCred(-1));
              char bytes[4];
              notes.Add(os.RecvMsg(fd, bytes, sizeof(bytes), MSG_DONTWAIT).error() == EAGAIN);
              struct pollfd look = {fd, POLLIN, 0};
              notes.Add(os.Poll(&look, 1, 0));
              notes.Add(os.SendTo(sender, "hello", 5, 0, &address));
              notes.Add(os.SendTo(sender, "you", 3, 0, &address));
              notes.Add(os.Poll(&look, 1, 0));
              const ReceivedMessage first = os.RecvMsg(fd, bytes, sizeof(bytes), 0).value();
              notes.Add(std::string(bytes, first.size));
              notes.Add(first.cut);
              notes.Add(first.pid == os.GetPid() && first.uid == os.GetUid());
              notes.Add(os.RecvMsg(fd, bytes, sizeof(bytes), 0).value().cut);
              notes.Add(os.Close(fd));
              notes.Add(os.SendTo(sender, "you", 3, 0, &address));
            }),
            "ok EINVAL EADDRINUSE ok EBADF yes 0 5 3 1 hell yes yes no ok ECONNREFUSED");
}

TEST(Conformance, AReceiverWaitsForWhatItsChildSends) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const UnixAddress address = AddressOf(kAbstract.address + "-own");
              const int fd = OpenSocket(os);
              notes.Add(os.Bind(fd, &address));
              notes.Add(os.SetPassCred(fd));
              const pid_t child = os.Fork().value();
              if (child == 0) os.Exit(os.SendTo(fd, "READY=1", 7, 0, &address).ok() ? 0 : 1);
              char bytes[16];
              const ReceivedMessage message = os.RecvMsg(fd, bytes, sizeof(bytes), 0).value();
              notes.Add(std::string(bytes, message.size));
              notes.Add(message.pid == child);
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
            }),
            "ok ok READY=1 yes 0");
}

// 94 is ESOCKTNOSUPPORT, for which neither socket(2) nor cleanfork has a name.
TEST(Conformance, ASocketOfAnAbsentFamilyTypeOrProtocolIsRefused) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              notes.Add(os.Socket(-1, SOCK_DGRAM, 0));
              notes.Add(os.Socket(1000, SOCK_DGRAM, 0));
              notes.Add(os.Socket(AF_UNSPEC, SOCK_DGRAM, 0));
              notes.Add(os.Socket(AF_UNIX, 0, 0));
              notes.Add(os.Socket(AF_UNIX, SOCK_RDM, 0));
              notes.Add(os.Socket(AF_UNIX, 11, 0));
              notes.Add(os.Socket(AF_UNIX, 15, 0));
              notes.Add(os.Socket(AF_UNIX, SOCK_DGRAM | 0x10, 0));
              notes.Add(os.Socket(AF_UNIX, SOCK_DGRAM, 2));
            }),
            "EAFNOSUPPORT EAFNOSUPPORT EAFNOSUPPORT 94 94 EINVAL EINVAL "
            "EINVAL EPROTONOSUPPORT");
}

TEST(Conformance, OfTwoThingsThatAreWrongWithASocketTheFirstIsTold) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              notes.Add(os.Socket(1000, SOCK_DGRAM | 0x10, 0));
              notes.Add(os.Socket(1000, 11, 0));
              notes.Add(os.Socket(AF_UNSPEC, 11, 0));
              notes.Add(os.Socket(AF_UNIX, SOCK_RDM, 2));
              notes.Add(os.SetRLimit(RLIMIT_NOFILE, {3, 3}));
              notes.Add(os.Socket(AF_UNIX, SOCK_RDM, 0));
              notes.Add(os.Socket(AF_UNIX, SOCK_DGRAM, 0));
            }),
            "EINVAL EAFNOSUPPORT EINVAL EPROTONOSUPPORT ok 94 EMFILE");
}

TEST(Conformance, ASocketMayBeOfThreeTypesAndOneMoreName) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              notes.Add(os.Socket(AF_UNIX, SOCK_RAW, 0));
              notes.Add(os.Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, PF_UNIX));
              notes.Add(os.Socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
              notes.Add(os.Socket(AF_UNIX, SOCK_SEQPACKET, 0));
              for (int fd = 3; fd <= 6; ++fd) notes.Add(os.FcntlGetFd(fd));
              notes.Add(Send(os, 3, "raw", kReceiver.address));
            }),
            "3 4 5 6 0 1 0 0 3 a \"raw\"");
}

TEST(Conformance, AnAddressWithoutASocketIsTold) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const int fd = OpenSocket(os);
              notes.Add(Send(os, fd, "x", kTestFile + "-absent"));
              notes.Add(Send(os, fd, "x", "/dev/null/x"));
              notes.Add(Send(os, fd, "x", "/no-such-directory/x"));
              notes.Add(Send(os, fd, "x", "/dev/null"));
              notes.Add(Send(os, fd, "x", "/tmp"));
              notes.Add(Send(os, fd, "x", kLeftOver.address));
              notes.Add(Send(os, fd, "x", "@" + kTestFile + "-absent"));
              notes.Add(Send(os, fd, "x", kAbstract.address + "-longer"));
              notes.Add(os.ChDir("/dev"));
              notes.Add(Send(os, fd, "x", kReceiver.address.substr(1)));  // from the root
              notes.Add(os.ChDir("/"));
              notes.Add(Send(os, fd, "x", kReceiver.address.substr(1)));
            }),
            "ENOENT ENOTDIR ENOENT ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED "
            "ECONNREFUSED ok ENOENT ok 1 a \"x\"");
}

TEST(Conformance, AnAddressIsFollowedThroughNoSocketsOfAnotherType) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const int fd = OpenSocket(os);
              notes.Add(Send(os, fd, "x", kListener.address));
              notes.Add(Send(os, fd, "x", kAbstractListener.address));
            }),
            "EPROTOTYPE ECONNREFUSED");
}

TEST(Conformance, AnAddressOfNoOrTooManyBytesIsNone) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const int fd = OpenSocket(os);
              UnixAddress address = AddressOf(kReceiver.address);
              address.size = 0;
              notes.Add(os.SendTo(fd, "x", 1, 0, &address));
              address = AddressOf("/" + std::string(UnixAddress::kMaxSize - 2, 'x'));
              notes.Add(os.SendTo(fd, "x", 1, 0, &address));
              address = AddressOf("/" + std::string(UnixAddress::kMaxSize - 1, 'x'));
              notes.Add(os.SendTo(fd, "x", 1, 0, &address));
              notes.Add(os.SendTo(-1, "x", 1, 0, &address));
              address = AddressOf("@" + std::string(UnixAddress::kMaxSize - 1, 'x'));
              notes.Add(os.SendTo(fd, "x", 1, 0, &address));
            }),
            "EINVAL ENOENT EINVAL EINVAL ECONNREFUSED");
}

TEST(Conformance, APathEndsAtItsNulAndAnAbstractNameDoesNot) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const int fd = OpenSocket(os);
              notes.Add(Send(os, fd, "x", kReceiver.address + std::string("\0y", 2)));
              notes.Add(Send(os, fd, "x", kAbstract.address + std::string("\0", 1)));
            }),
            "1 ECONNREFUSED a \"x\"");
}

TEST(Conformance, OnlyDatagramsAreSentToAnAddress) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const int stream = OpenSocket(os, SOCK_STREAM);
              const int packets = OpenSocket(os, SOCK_SEQPACKET);
              notes.Add(Send(os, stream, "x", kListener.address));
              notes.Add(Send(os, packets, "x", kReceiver.address));
              notes.Add(Send(os, stream, "x", kTestFile + "-absent"));
              notes.Add(Send(os, packets, "x", kTestFile + "-absent"));
              notes.Add(Send(os, OpenSocket(os), "x", kTestFile + "-absent", MSG_OOB));
            }),
            "ENOTSUP ENOTCONN ENOTSUP ENOTCONN ENOTSUP");
}

TEST(Conformance, WhatIsNoSocketSendsNothing) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const PipeEnds pipe = os.Pipe().value();
              notes.Add(Send(os, 0, "x", kTestFile + "-absent"));
              notes.Add(Send(os, pipe.write_end, "x", kReceiver.address));
              notes.Add(Send(os, -1, "x", kReceiver.address));
              notes.Add(Send(os, 77, "x", kReceiver.address));
              const int fd = OpenSocket(os);
              notes.Add(os.Close(fd));
              notes.Add(Send(os, fd, "x", kReceiver.address));
              notes.Add(os.Close(fd));
            }),
            "ENOTSOCK ENOTSOCK EBADF EBADF ok EBADF EBADF");
}

TEST(Conformance, ADatagramOfMoreThanTheBufferIsRefusedBeforeItsAddressIsLookedAt) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const int fd = OpenSocket(os);
              const std::string large(size_t{16} << 20, 'x');
              notes.Add(Send(os, fd, large, kReceiver.address));
              notes.Add(Send(os, fd, large, kTestFile + "-absent"));
              notes.Add(Send(os, fd, large, kTestFile + "-absent", MSG_OOB));
            }),
            "EMSGSIZE EMSGSIZE ENOTSUP");
}

TEST(Conformance, ASocketThatNobodySendsToIsOnlyWritten) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              for (int type : {SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET}) {
                const int fd = OpenSocket(os, type | SOCK_NONBLOCK);
                char byte = 0;
                notes.Add(os.Read(fd, &byte, 1));
                notes.Add(os.Read(fd, &byte, 0));
                notes.Add(os.Write(fd, "x", 1));
                notes.Add(os.Write(fd, "x", 0));
                struct pollfd poll = {fd, 0x3fff, 0};
                notes.Add(os.Poll(&poll, 1, 0));
                notes.Add(poll.revents);
              }
            }),
            "EAGAIN 0 ENOTCONN ENOTCONN 1 772 EINVAL 0 ENOTCONN ENOTCONN 1 788 "
            "ENOTCONN 0 ENOTCONN ENOTCONN 1 788");
}

TEST(Conformance, ASocketIsNoFile) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const int fd = OpenSocket(os);
              char bytes[64];
              notes.Add(os.PRead(fd, bytes, 1, 0));
              notes.Add(os.PWrite(fd, bytes, 1, 0));
              notes.Add(os.FTruncate(fd, 0));
              notes.Add(os.IsATty(fd));
              notes.Add(os.GetDents(fd, bytes, sizeof(bytes)));
              const FileStatus status = os.FStat(fd).value();
              notes.Add(S_ISSOCK(status.mode));
              notes.Add(static_cast<int>(status.mode & 07777));
              notes.Add(static_cast<int>(status.links));
              notes.Add(status.uid == os.GetEuid());
              const FileStatus other = os.FStat(OpenSocket(os)).value();
              notes.Add(status.inode == other.inode);
            }),
            "ESPIPE ESPIPE EINVAL ENOTTY ENOTDIR yes 511 1 yes no");
}

TEST(Conformance, ASocketThatIsClosedIsGone) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              for (int i = 0; i < 100; ++i) os.Close(OpenSocket(os)).IgnoreError();
              notes.Add(OpenSocket(os));
            }),
            "3");
}

TEST(Conformance, ADuplicateOfASocketOutlivesIt) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const int fd = OpenSocket(os);
              const int copy = os.Dup(fd).value();
              notes.Add(os.Close(fd));
              notes.Add(Send(os, copy, "x", kReceiver.address));
            }),
            "ok 1 a \"x\"");
}

TEST(Conformance, TheFileOfASocketIsLookedAtAndRemovedButNotOpened) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const char* const path = kReceiver.address.c_str();
              notes.Add(S_ISSOCK(os.Stat(path).value().mode));
              notes.Add(os.Open(path, O_RDWR, 0));
              notes.Add(os.Open(path, O_RDONLY | O_CREAT | O_TRUNC, 0600));
              notes.Add(os.Open(path, O_RDONLY | O_DIRECTORY, 0));
              notes.Add(os.Open(path, O_RDONLY | O_CREAT | O_EXCL, 0600));
              char* const arguments[] = {nullptr};
              notes.Add(os.ExecVe(path, arguments, arguments));
              const int fd = OpenSocket(os);
              notes.Add(os.Unlink(path));
              notes.Add(Send(os, fd, "x", path));
              const int file = os.Open(path, O_WRONLY | O_CREAT, 0600).value();
              notes.Add(Send(os, fd, "x", path));
              notes.Add(os.Close(file));
            }),
            "yes ENXIO ENXIO ENOTDIR EEXIST EACCES ok ENOENT ECONNREFUSED ok");
}

// How much goes in is net.unix.max_dgram_qlen, and one more.
SysResult<size_t> SendUntilItFails(Os& os, int flags) {
  for (;;) {
    const int fd = OpenSocket(os);
    const SysResult<size_t> sent = Send(os, fd, "x", kAbstract.address, flags);
    os.Close(fd).IgnoreError();
    if (!sent.ok()) return sent;
  }
}

TEST(Conformance, ASocketThatIsFullTakesNothingWithoutWaiting) {
  const std::string seen = ObserveWithSockets([](Os& os, Notes& notes) {
    notes.Add(SendUntilItFails(os, MSG_DONTWAIT));
    notes.Add(Send(os, OpenSocket(os, SOCK_DGRAM | SOCK_NONBLOCK), "x", kAbstract.address));
    notes.Add(Send(os, OpenSocket(os), "other", kReceiver.address));
  });
  EXPECT_EQ(seen.substr(0, 49), "EAGAIN EAGAIN 5 a \"other\" a \"x\" a \"x\" a \"x\" a \"x\"");
}

TEST(Conformance, AWaitForRoomIsInterrupted) {
  const std::string seen = ObserveWithSockets([](Os& os, Notes& notes) {
    SignalAction action;
    action.handler = [](int) {};
    notes.Add(os.SigAction(SIGUSR1, &action).ok());
    const pid_t child = os.Fork().value();
    if (child == 0) os.Exit(SendUntilItFails(os, 0).error() == EINTR ? 0 : 3);
    WaitResult ended;
    while (ended.pid == 0) {  // until one of them comes while it waits
      os.Kill(child, SIGUSR1).IgnoreError();
      os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1'000'000).IgnoreError();
      ended = os.WaitPid(child, WNOHANG).value_or(WaitResult());
    }
    notes.Add(WIFEXITED(ended.status) ? WEXITSTATUS(ended.status) : -1);
  });
  EXPECT_EQ(seen.substr(0, 5), "yes 0");
}

}  // namespace
}  // namespace cleanfork
