// Notifier against real sockets of unix(7), with a path and with an abstract name.
#include "cleanfork/notifier.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/os.h"
#include "cleanfork/os_wrapper.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// A service manager's end, at an address as it stands in NOTIFY_SOCKET.
class Receiver {
 public:
  explicit Receiver(const std::string& address)
      : address_(address), fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un to = {};
    to.sun_family = AF_UNIX;
    address.copy(to.sun_path, sizeof(to.sun_path));
    if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
    const size_t length = offsetof(sockaddr_un, sun_path) + address.size();
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&to), static_cast<socklen_t>(length)), 0)
        << std::strerror(errno);
    setenv("NOTIFY_SOCKET", address.c_str(), 1);
  }
  ~Receiver() {
    Close();
    if (address_[0] == '/') unlink(address_.c_str());
    unsetenv("NOTIFY_SOCKET");
  }

  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  // The next message, which has to be there.
  std::string Read() const {
    char buffer[2 * Notifier::kMaxMessageSize];
    const ssize_t size = recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT);
    return size < 0 ? "none" : std::string(buffer, static_cast<size_t>(size));
  }
  bool IsEmpty() const {
    char byte;
    return recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == -1 && errno == EAGAIN;
  }

 private:
  const std::string address_;
  int fd_;
};

// Short enough for sun_path, which the directory of a test is not always.
class NotifierToASocket : public ::testing::Test {
 protected:
  NotifierToASocket() {
    char pattern[] = "/tmp/notifier.XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/socket";
  }
  ~NotifierToASocket() override { rmdir(directory_.c_str()); }

  std::string directory_;
  std::string path_;
  const std::string abstract_ = "@cleanfork/notifier_test/" + std::to_string(getpid());
};

TEST_F(NotifierToASocket, IsHeardAtAPathAndAtAnAbstractName) {
  for (const std::string& address : {path_, abstract_}) {
    Receiver receiver(address);
    const CallerState before = ReadCallerState();
    absl::StatusOr<Notifier> manager = Notifier::FromEnvironment();
    ASSERT_TRUE(manager.ok()) << manager.status();
    EXPECT_TRUE(manager->active());
    EXPECT_TRUE(manager->Ready().ok());
    EXPECT_TRUE(manager->Send({{"STATUS", "up"}, {"MAINPID", "1"}}).ok());
    EXPECT_EQ(receiver.Read(), "READY=1") << address;
    EXPECT_EQ(receiver.Read(), "STATUS=up\nMAINPID=1") << address;
    EXPECT_TRUE(receiver.IsEmpty());
    EXPECT_EQ(Difference(before, ReadCallerState()), "");
  }
}

TEST_F(NotifierToASocket, IsHeardAtTheLongestAddressesThatThereAre) {
  const std::string longest = path_ + std::string(107 - path_.size(), 'p');
  for (const std::string& address :
       {longest, abstract_ + std::string(108 - abstract_.size(), 'a')}) {
    Receiver receiver(address);
    EXPECT_TRUE(Notifier::FromEnvironment()->Stopping().ok());
    EXPECT_EQ(receiver.Read(), "STOPPING=1") << address;
  }
}

TEST_F(NotifierToASocket, SendsTheLargestMessageInOnePiece) {
  Receiver receiver(path_);
  const std::string text(Notifier::kMaxMessageSize - 7, 's');
  EXPECT_TRUE(Notifier::FromEnvironment()->Status(text).ok());
  EXPECT_EQ(receiver.Read(), "STATUS=" + text);
}

TEST_F(NotifierToASocket, SaysWhenAReloadBegan) {
  Receiver receiver(abstract_);
  const int64_t before = RealOs().ClockGetTime(CLOCK_MONOTONIC).value() / 1000;
  EXPECT_TRUE(Notifier::FromEnvironment()->Reloading().ok());
  const int64_t after = RealOs().ClockGetTime(CLOCK_MONOTONIC).value() / 1000;
  const std::string start = "RELOADING=1\nMONOTONIC_USEC=";
  const std::string message = receiver.Read();
  ASSERT_EQ(message.substr(0, start.size()), start);
  const int64_t moment = std::stoll(message.substr(start.size()));
  EXPECT_LE(before, moment);
  EXPECT_LE(moment, after);
}

TEST_F(NotifierToASocket, SaysThatNobodyIsThereAndLeavesNothingOpen) {
  Receiver receiver(path_);
  Notifier manager = *Notifier::FromEnvironment();
  receiver.Close();
  const CallerState before = ReadCallerState();
  EXPECT_EQ(Message(manager.Ready()),
            "sendto(\"" + path_ + "\"): Connection refused (ECONNREFUSED)");
  unlink(path_.c_str());
  EXPECT_EQ(Message(manager.Ready()),
            "sendto(\"" + path_ + "\"): No such file or directory (ENOENT)");
  setenv("NOTIFY_SOCKET", abstract_.c_str(), 1);
  EXPECT_EQ(Message(Notifier::FromEnvironment()->Ready()),
            "sendto(\"" + abstract_ + "\"): Connection refused (ECONNREFUSED)");
  EXPECT_EQ(Difference(before, ReadCallerState()), "");
}

TEST_F(NotifierToASocket, IsNotInheritedAnyMoreWhereTheVariableIsTaken) {
  Receiver receiver(path_);
  absl::StatusOr<Notifier> manager = Notifier::FromEnvironment(true);
  EXPECT_EQ(getenv("NOTIFY_SOCKET"), nullptr);
  EXPECT_FALSE(Notifier::FromEnvironment()->active());
  EXPECT_TRUE(manager->Ready().ok());
  EXPECT_EQ(receiver.Read(), "READY=1");
}

// Tells the other end of a pipe that it is about to send.
class AnnouncingOs : public OsWrapper {
 public:
  explicit AnnouncingOs(int fd) : OsWrapper(RealOs()), fd_(fd) {}
  SysResult<size_t> SendTo(int fd, const void* buffer, size_t size, int flags,
                           const UnixAddress* address) override {
    OsWrapper::Write(fd_, "s", 1).IgnoreError();
    return OsWrapper::SendTo(fd, buffer, size, flags, address);
  }

 private:
  const int fd_;
};

// How many messages the socket's queue has room for (net.unix.max_dgram_qlen) is the kernel's. With
// systemd they are more than one sender's buffer holds, so there are as many senders as it takes.
size_t Fill(const std::string& path) {
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, sizeof(to.sun_path) - 1);
  size_t sent = 0;
  for (bool has_room = true; has_room;) {
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    has_room = false;
    while (sendto(fd, "full", 4, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 4) {
      has_room = true;
      ++sent;
    }
    EXPECT_EQ(errno, EAGAIN);
    close(fd);
  }
  return sent;
}

TEST_F(NotifierToASocket, WaitsUntilTheManagerHasRoom) {
  Receiver receiver(path_);
  const size_t sent = Fill(path_);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    AnnouncingOs os(ends[1]);
    _exit(Notifier::FromEnvironment(false, os)->Ready().ok() ? 0 : 1);
  }
  close(ends[1]);
  char byte;
  EXPECT_EQ(read(ends[0], &byte, 1), 1);
  // It sends now and has to wait: one that gives up instead would end within this time.
  const int pid_fd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  pollfd end = {pid_fd, POLLIN, 0};
  EXPECT_EQ(poll(&end, 1, 50), 0) << "it has ended";
  close(pid_fd);
  for (size_t i = 0; i < sent; ++i) EXPECT_EQ(receiver.Read(), "full");
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  ASSERT_FALSE(receiver.IsEmpty());
  EXPECT_EQ(receiver.Read(), "READY=1");
  close(ends[0]);
}

// The calls themselves.

TEST(SendToOfRealOs, RefusesAnAddressOfAnImpossibleSize) {
  const SysResult<int> fd = RealOs().Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ASSERT_TRUE(fd.ok());
  EXPECT_EQ(fcntl(fd.value(), F_GETFD), FD_CLOEXEC);
  UnixAddress address;
  EXPECT_EQ(RealOs().SendTo(fd.value(), "x", 1, 0, &address).error(), EINVAL);
  std::memset(address.bytes, 'p', sizeof(address.bytes));
  address.size = UnixAddress::kMaxSize;  // no room for the NUL of a path
  EXPECT_EQ(RealOs().SendTo(fd.value(), "x", 1, 0, &address).error(), EINVAL);
  address.bytes[0] = '\0';
  EXPECT_EQ(RealOs().SendTo(fd.value(), "x", 1, 0, &address).error(), ECONNREFUSED);
  address.size = UnixAddress::kMaxSize + 1;
  EXPECT_EQ(RealOs().SendTo(fd.value(), "x", 1, 0, &address).error(), EINVAL);
  close(fd.value());
}

TEST(SocketOfRealOs, TellsThatThereIsNoSuchDomain) {
  EXPECT_EQ(RealOs().Socket(4711, SOCK_DGRAM, 0).error(), EAFNOSUPPORT);
}

TEST(UnsetEnvOfRealOs, RemovesAVariableAndRefusesWhatIsNoName) {
  setenv("CLEANFORK_TEST", "1", 1);
  EXPECT_TRUE(RealOs().UnsetEnv("CLEANFORK_TEST").ok());
  EXPECT_EQ(getenv("CLEANFORK_TEST"), nullptr);
  EXPECT_EQ(RealOs().UnsetEnv("A=B").error(), EINVAL);
}

}  // namespace
}  // namespace cleanfork
