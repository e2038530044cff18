// Bind(), SetPassCred() and RecvMsg() of RealOs: who sent what.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "cleanfork/os.h"
#include "cleanfork/unique_fd.h"
#include "gtest/gtest.h"

namespace cleanfork {
namespace {

class ReceiveMessageTest : public ::testing::Test {
 protected:
  ReceiveMessageTest() {
    const std::string name = "cleanfork/receive_message_test/" + std::to_string(::getpid());
    address_.size = name.size() + 1;
    name.copy(address_.bytes + 1, name.size());
  }
  void Send(const std::string& text) {
    ASSERT_TRUE(os_.SendTo(sender_.get(), text.data(), text.size(), 0, &address_).ok());
  }

  Os& os_ = RealOs();
  UniqueFd fd_{os_, os_.Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0).value()};
  UniqueFd sender_{os_, os_.Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0).value()};
  UnixAddress address_;
  char bytes_[8];
};

TEST_F(ReceiveMessageTest, TheKernelSaysWhoHasSent) {
  ASSERT_TRUE(os_.Bind(fd_.get(), &address_).ok());
  ASSERT_TRUE(os_.SetPassCred(fd_.get()).ok());
  Send("READY=1");
  const ReceivedMessage message = os_.RecvMsg(fd_.get(), bytes_, sizeof(bytes_), 0).value();
  EXPECT_EQ(std::string(bytes_, message.size), "READY=1");
  EXPECT_FALSE(message.cut);
  EXPECT_EQ(message.pid, ::getpid());
  EXPECT_EQ(message.uid, ::getuid());
  EXPECT_EQ(message.gid, ::getgid());
}

TEST_F(ReceiveMessageTest, WhatDoesNotFitIsCutAndSaidToBe) {
  ASSERT_TRUE(os_.Bind(fd_.get(), &address_).ok());
  Send("123456789");
  const ReceivedMessage message = os_.RecvMsg(fd_.get(), bytes_, sizeof(bytes_), 0).value();
  EXPECT_EQ(message.size, sizeof(bytes_));
  EXPECT_TRUE(message.cut);
  EXPECT_EQ(message.pid, 0);
}

TEST_F(ReceiveMessageTest, DescriptorsThatComeAlongAreClosed) {
  ASSERT_TRUE(os_.Bind(fd_.get(), &address_).ok());
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  // The pipe's write end, in a message of a connected pair: what RecvMsg() has to close.
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  char byte = 'x';
  iovec data = {&byte, 1};
  msghdr header = {};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(part), &ends[1], sizeof(int));
  ASSERT_EQ(::sendmsg(pair[0], &header, 0), 1);
  ::close(ends[1]);
  EXPECT_EQ(os_.RecvMsg(pair[1], bytes_, sizeof(bytes_), 0).value().size, 1u);
  EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "somebody still has the write end";
  for (const int fd : {ends[0], pair[0], pair[1]}) ::close(fd);
}

TEST_F(ReceiveMessageTest, FailuresAreThoseOfTheCalls) {
  EXPECT_EQ(os_.RecvMsg(fd_.get(), bytes_, sizeof(bytes_), MSG_DONTWAIT).error(), EAGAIN);
  EXPECT_EQ(os_.RecvMsg(-1, bytes_, sizeof(bytes_), 0).error(), EBADF);
  EXPECT_EQ(os_.SetPassCred(-1).error(), EBADF);
  ASSERT_TRUE(os_.Bind(fd_.get(), &address_).ok());
  EXPECT_EQ(os_.Bind(sender_.get(), &address_).error(), EADDRINUSE);
  UnixAddress none;
  EXPECT_EQ(os_.Bind(sender_.get(), &none).error(), EINVAL);
}

}  // namespace
}  // namespace cleanfork
