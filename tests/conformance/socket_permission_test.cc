// Who may send to a socket of unix(7). Apart, since it takes a root that can be another user.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/socket_world.h"
#include "tests/real/required_privileges.h"

namespace cleanfork {
namespace {

constexpr uid_t kSomebody = 1;

class SocketPermission : public ::testing::Test {
 protected:
  void SetUp() override {
    RecordProperty(kPrivileged, "yes");
#ifndef CLEANFORK_CONFORMANCE_OF_SIM_OS
    const pid_t child = fork();
    if (child == 0) _exit(setgroups(0, nullptr) == 0 && setuid(kSomebody) == 0 ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    if (status == 0) return;
    SkipWithoutPrivileges("root that can become another user");
#endif
  }
};

SysResult<size_t> Send(Os& os, const std::string& to) {
  const UnixAddress address = AddressOf(to);
  const int fd = os.Socket(AF_UNIX, SOCK_DGRAM, 0).value();
  const SysResult<size_t> sent = os.SendTo(fd, "x", 1, MSG_NOSIGNAL, &address);
  os.Close(fd).IgnoreError();
  return sent;
}

TEST_F(SocketPermission, IsToWriteToItsFile) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              notes.Add(Send(os, kReceiver.address));
              notes.Add(os.SetResUid(kSomebody, kSomebody, kSomebody));
              notes.Add(Send(os, kReceiver.address));
              notes.Add(Send(os, kListener.address));
              notes.Add(Send(os, kLeftOver.address));
              notes.Add(Send(os, kTestFile + "-absent"));
            }),
            "1 ok EACCES EACCES EACCES ENOENT a \"x\"");
}

TEST_F(SocketPermission, IsNotAskedForByAnAbstractName) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              notes.Add(os.SetResUid(kSomebody, kSomebody, kSomebody));
              notes.Add(Send(os, kAbstract.address));
            }),
            "ok 1 a \"x\" of another user");
}

TEST_F(SocketPermission, IsOfTheFileSystemIdAndTheSenderIsNamedByTheRealOne) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              notes.Add(os.SetResUid(0, kSomebody, 0));
              notes.Add(Send(os, kReceiver.address));
              notes.Add(Send(os, kAbstract.address));
              notes.Add(os.SetResUid(0, 0, 0));
              notes.Add(os.SetResUid(kSomebody, 0, 0));
              notes.Add(Send(os, kReceiver.address));
            }),
            "ok EACCES 1 ok ok 1 a \"x\" of another user a \"x\"");
}

TEST_F(SocketPermission, OfAFileIsLookedAtBeforeThatItIsNoSocket) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              const std::string path = kTestFile + "-file";
              notes.Add(os.Close(os.Open(path.c_str(), O_WRONLY | O_CREAT, 0644).value()));
              notes.Add(Send(os, path));
              notes.Add(os.SetResUid(kSomebody, kSomebody, 0));
              notes.Add(Send(os, path));
              notes.Add(os.SetResUid(0, 0, 0));
              notes.Add(os.Unlink(path.c_str()));
            }),
            "ok ECONNREFUSED ok EACCES ok ok");
}

TEST_F(SocketPermission, ASocketBelongsToWhoOpensIt) {
  EXPECT_EQ(ObserveWithSockets([](Os& os, Notes& notes) {
              notes.Add(os.SetResGid(kSomebody, 2, kSomebody));
              notes.Add(os.SetResUid(kSomebody, 3, kSomebody));
              const int fd = os.Socket(AF_UNIX, SOCK_DGRAM, 0).value();
              const FileStatus status = os.FStat(fd).value();
              notes.Add(static_cast<int>(status.uid));
              notes.Add(static_cast<int>(status.gid));
            }),
            "ok ok 3 2");
}

}  // namespace
}  // namespace cleanfork
