// What a log writer makes of what it reads.
#include "src/cli/log_writer.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "cleanfork/os_wrapper.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {
namespace {

using ::testing::ElementsAre;

constexpr int kFrom = 50, kFile = 51;

// A descriptor to be read in pieces, a file, and /dev/log. Signals are left alone.
class LogOs : public OsWrapper {
 public:
  LogOs() : OsWrapper(RealOs()) {}
  SysResult<size_t> Read(int, void* buffer, size_t size) override {
    if (next == pieces.size()) return size_t{0};
    return pieces[next++].copy(static_cast<char*>(buffer), size);
  }
  SysResult<size_t> Write(int, const void* buffer, size_t size) override {
    if (failures > 0 && failures-- > 0) return SysError(ENOSPC);
    written.emplace_back(static_cast<const char*>(buffer), size);
    return size;
  }
  SysResult<size_t> SendTo(int, const void* buffer, size_t size, int,
                           const UnixAddress* address) override {
    EXPECT_EQ(std::string(address->bytes, address->size), "/dev/log");
    written.emplace_back(static_cast<const char*>(buffer), size);
    return size;
  }
  SysResult<int> Socket(int, int, int) override { return 52; }
  SysResult<SignalAction> SigAction(int, const SignalAction*) override { return SignalAction(); }
  SysResult<SignalSet> SigProcMask(int, const SignalSet*) override { return SignalSet(); }

  std::vector<std::string> pieces;
  size_t next = 0;
  int failures = 0;
  std::vector<std::string> written;
};

TEST(WriteLogTest, WholeLinesAreWrittenAtOnceAndTheRestAtTheEnd) {
  LogOs os;
  os.pieces = {"on", "e\ntwo\nthr", "ee", "\nfour"};
  LogTarget target;
  target.path = "/var/log/x";
  EXPECT_EQ(WriteLog(os, kFrom, kFile, target), 0);
  EXPECT_THAT(os.written, ElementsAre("one\ntwo\n", "three\n", "four"));
}

TEST(WriteLogTest, WhatAFullDiskSwallowsIsToldWhenThereIsRoomAgain) {
  LogOs os;
  os.pieces = {"12345\n", "two\n"};
  os.failures = 1;
  LogTarget target;
  target.path = "/var/log/x";
  WriteLog(os, kFrom, kFile, target);
  EXPECT_THAT(os.written, ElementsAre("cleanfork: 6 bytes of this log are lost\n", "two\n"));
}

// A file on a disk that has room for so many bytes more when each piece has been read.
class FullDiskOs : public LogOs {
 public:
  SysResult<size_t> Read(int fd, void* buffer, size_t size) override {
    if (next < rooms.size()) room = rooms[next];
    return LogOs::Read(fd, buffer, size);
  }
  SysResult<size_t> Write(int, const void* buffer, size_t size) override {
    if (room == 0) return SysError(ENOSPC);
    const size_t put = std::min(room, size);
    file.append(static_cast<const char*>(buffer), put);
    room -= put;
    return put;
  }

  std::vector<size_t> rooms;
  size_t room = 0;
  std::string file;
};

TEST(WriteLogTest, WhatWentToAFullDiskBeforeItWasFullIsNotCountedAsLost) {
  FullDiskOs os;
  os.pieces = {"one\ntwo\n", "three\n", "four\n"};
  os.rooms = {6, 0, 1000};
  LogTarget target;
  target.path = "/var/log/x";
  WriteLog(os, kFrom, kFile, target);
  EXPECT_EQ(os.file, "one\ntw\ncleanfork: 8 bytes of this log are lost\nfour\n");
}

TEST(WriteLogTest, ANoteThatFindsNoRoomIsWrittenAgainOnALineOfItsOwn) {
  FullDiskOs os;
  os.pieces = {"one\ntwo\n", "three\n", "four\n"};
  os.rooms = {4, 5, 1000};
  LogTarget target;
  target.path = "/var/log/x";
  WriteLog(os, kFrom, kFile, target);
  EXPECT_EQ(os.file, "one\nclean\ncleanfork: 10 bytes of this log are lost\nfour\n");
}

TEST(WriteLogTest, ToSyslogEachLineIsAMessageWithPriorityAndTag) {
  LogOs os;
  os.pieces = {"one\ntw", "o\n\n"};
  LogTarget target;
  target.priority = 30;
  target.tag = "web";
  EXPECT_EQ(WriteLog(os, kFrom, -1, target), 0);
  EXPECT_THAT(os.written, ElementsAre("<30>web: one", "<30>web: two", "<30>web: "));
}

TEST(ParseSyslogTest, FacilityAndLevelHaveTheirNumbersOfSyslog) {
  EXPECT_EQ(ParseSyslog("syslog", 6).value(), 3 * 8 + 6);
  EXPECT_EQ(ParseSyslog("syslog:mail", 3).value(), 2 * 8 + 3);
  EXPECT_EQ(ParseSyslog("syslog:local7.debug", 3).value(), 23 * 8 + 7);
  for (const char* text :
       {"syslog:", "syslog:nobody", "syslog:daemon.", "syslog:daemon.loud", "syslog:.info"}) {
    EXPECT_FALSE(ParseSyslog(text, 6).ok()) << text;
  }
}

TEST(ParseSyslogTest, AFileMayHaveTheNameWithADirectory) {
  EXPECT_TRUE(IsSyslog("syslog"));
  EXPECT_TRUE(IsSyslog("syslog:user"));
  EXPECT_FALSE(IsSyslog("./syslog"));
  EXPECT_FALSE(IsSyslog("syslog.log"));
}

}  // namespace
}  // namespace cleanfork::cli
