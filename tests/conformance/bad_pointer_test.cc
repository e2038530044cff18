// Pointers to where there is nothing: EFAULT of each call's page, and what comes before that.
// SimOs knows null pointers alone.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>

#include "cleanfork/os.h"
#include "mocks/sanitizers.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/test_files.h"

namespace cleanfork {
namespace {

// UBSan forbids to hand null to the C library; the kernel takes any address in the first page for
// the same.
template <typename T>
T* Nowhere() {
#ifdef CLEANFORK_CONFORMANCE_OF_SIM_OS
  return nullptr;
#else
  return reinterpret_cast<T*>(uintptr_t{16});
#endif
}

#if defined(CLEANFORK_ASAN) || defined(CLEANFORK_TSAN)
constexpr Excuse kExcuse = NotOnReal("a sanitizer looks at what the pointer is to");
#else
constexpr Excuse kExcuse;
#endif

ConformanceCase Bad(const char* name, void (*body)(Os& os, Notes& notes), const char* expected) {
  return {name, body, expected, kExcuse};
}

const char* NoPath() { return Nowhere<const char>(); }
char* NoBuffer() { return Nowhere<char>(); }

const ConformanceCase kPaths[] = {
    Bad(
        "ToOpen", [](Os& os, Notes& notes) { notes.Add(os.Open(NoPath(), O_RDONLY, 0)); },
        "EFAULT"),
    Bad(
        "ToCreate",
        [](Os& os, Notes& notes) { notes.Add(os.Open(NoPath(), O_RDWR | O_CREAT, 0600)); },
        "EFAULT"),
    Bad(
        "IsSeenBeforeThereAreTooManyDescriptors",
        [](Os& os, Notes& notes) {
          os.SetRLimit(RLIMIT_NOFILE, {3, 3}).IgnoreError();
          notes.Add(os.Open(NoPath(), O_RDONLY, 0));
        },
        "EFAULT"),
    Bad(
        "OfStat", [](Os& os, Notes& notes) { notes.Add(os.Stat(NoPath())); }, "EFAULT"),
    Bad(
        "OfUnlink", [](Os& os, Notes& notes) { notes.Add(os.Unlink(NoPath())); }, "EFAULT"),
    Bad(
        "OfChDir", [](Os& os, Notes& notes) { notes.Add(os.ChDir(NoPath())); }, "EFAULT"),
    Bad(
        "OfChRoot", [](Os& os, Notes& notes) { notes.Add(os.ChRoot(NoPath())); }, "EFAULT"),
    Bad(
        "OfReadLink",
        [](Os& os, Notes& notes) {
          char to[8];
          notes.Add(os.ReadLink(NoPath(), to, sizeof(to)));
          notes.Add(os.ReadLink(NoPath(), to, 0));
        },
        "EFAULT EINVAL"),
    Bad(
        "OfExecVe",
        [](Os& os, Notes& notes) {
          char* const none[] = {nullptr};
          notes.Add(os.ExecVe(NoPath(), none, none));
        },
        "EFAULT"),
};
CLEANFORK_CONFORMANCE(NoPath, kPaths);

int OpenTestFile(Os& os) { return os.Open(InTree("file").c_str(), O_RDWR, 0).value(); }

const ConformanceCase kReads[] = {
    Bad(
        "OfTheNullDevice", [](Os& os, Notes& notes) { notes.Add(os.Read(0, NoBuffer(), 5)); }, "0"),
    Bad(
        "OfNothing",
        [](Os& os, Notes& notes) { notes.Add(os.Read(OpenTestFile(os), NoBuffer(), 0)); }, "0"),
    Bad(
        "OfAFileLeaveItsOffset",
        [](Os& os, Notes& notes) {
          const int fd = OpenTestFile(os);
          char bytes[32] = {};
          notes.Add(os.Read(fd, NoBuffer(), 5));
          notes.Add(os.PRead(fd, NoBuffer(), 5, 2));
          notes.Add(os.Read(fd, bytes, 3));
          notes.Add(bytes);
        },
        "EFAULT EFAULT 3 con"),
    Bad(
        "AtTheEndOfAFile",
        [](Os& os, Notes& notes) { notes.Add(os.PRead(OpenTestFile(os), NoBuffer(), 5, 100)); },
        "0"),
    Bad(
        "OfAPipeLeaveWhatIsInIt",
        [](Os& os, Notes& notes) {
          const PipeEnds ends = os.Pipe2(O_NONBLOCK).value();
          notes.Add(os.Read(ends.read_end, NoBuffer(), 5));
          os.Write(ends.write_end, "ab", 2).IgnoreError();
          notes.Add(os.Read(ends.read_end, NoBuffer(), 5));
          char bytes[8] = {};
          notes.Add(os.Read(ends.read_end, bytes, 5));
          notes.Add(bytes);
          os.Close(ends.write_end).IgnoreError();
          notes.Add(os.Read(ends.read_end, NoBuffer(), 5));
        },
        "EAGAIN EFAULT 2 ab 0"),
    Bad(
        "OfWhatCannotBeRead",
        [](Os& os, Notes& notes) {
          const int directory = os.Open("/", O_RDONLY, 0).value();
          notes.Add(os.Read(directory, NoBuffer(), 5));
          notes.Add(os.Read(77, NoBuffer(), 5));
        },
        "EISDIR EBADF"),
    Bad(
        "OfAFileOfProc",
        [](Os& os, Notes& notes) {
          const int fd = os.Open("/proc/self/stat", O_RDONLY, 0).value();
          char byte = 0;
          notes.Add(os.Read(fd, NoBuffer(), 5));
          notes.Add(os.Read(fd, &byte, 1));
        },
        "EFAULT 1"),
    Bad(
        "OfADirectoryLeaveItsOffset",
        [](Os& os, Notes& notes) {
          const int fd = os.Open(InTree("directory").c_str(), O_RDONLY, 0).value();
          char bytes[1024];
          notes.Add(os.GetDents(fd, NoBuffer(), 3));
          notes.Add(os.GetDents(fd, NoBuffer(), sizeof(bytes)));
          notes.Add(os.GetDents(fd, bytes, sizeof(bytes)).value_or(0) > 0);
          notes.Add(os.GetDents(fd, NoBuffer(), sizeof(bytes)));
        },
        "EINVAL EFAULT yes 0"),
    Bad(
        "OfALink",
        [](Os& os, Notes& notes) {
          notes.Add(os.ReadLink(InTree("link").c_str(), NoBuffer(), 8));
          notes.Add(os.ReadLink(InTree("file").c_str(), NoBuffer(), 8));
          notes.Add(os.ReadLink("/proc/self", NoBuffer(), 8));
        },
        "EFAULT EINVAL EFAULT"),
    Bad(
        "OfChance",
        [](Os& os, Notes& notes) {
          notes.Add(os.GetRandom(NoBuffer(), 8, 0));
          notes.Add(os.GetRandom(NoBuffer(), 8, 8));
        },
        "EFAULT EINVAL"),
    Bad(
        "OfGroups",
        [](Os& os, Notes& notes) {
          const SysResult<size_t> groups = os.GetGroups(Nowhere<gid_t>(), 65536);
          const size_t count = os.GetGroups(nullptr, 0).value();
          notes.Add(count == 0 ? groups.ok() : groups.error() == EFAULT);
        },
        "yes"),
};
CLEANFORK_CONFORMANCE(ReadsToNowhere, kReads);

const ConformanceCase kWrites[] = {
    Bad(
        "ToTheNullDevice", [](Os& os, Notes& notes) { notes.Add(os.Write(0, NoBuffer(), 5)); },
        "5"),
    Bad(
        "OfNothing",
        [](Os& os, Notes& notes) { notes.Add(os.Write(OpenTestFile(os), NoBuffer(), 0)); }, "0"),
    Bad(
        "ToAFileLeaveItAsItWas",
        [](Os& os, Notes& notes) {
          const int fd = OpenTestFile(os);
          notes.Add(os.Write(fd, NoBuffer(), 5));
          notes.Add(os.PWrite(fd, NoBuffer(), 5, 100));
          notes.Add(os.FStat(fd).value().size == os.Stat(InTree("file").c_str()).value().size);
          char bytes[8] = {};
          notes.Add(os.Read(fd, bytes, 3));
          notes.Add(bytes);
        },
        "EFAULT EFAULT yes 3 con"),
    Bad(
        "ToAFileThatIsAsLargeAsTheLimit",
        [](Os& os, Notes& notes) {
          Ignore(os, SIGXFSZ);
          os.SetRLimit(RLIMIT_FSIZE, {5, 5}).IgnoreError();
          notes.Add(os.PWrite(OpenTestFile(os), NoBuffer(), 5, 5));
        },
        "EFBIG"),
    Bad(
        "ToAPipe",
        [](Os& os, Notes& notes) {
          const PipeEnds ends = os.Pipe2(O_NONBLOCK).value();
          notes.Add(os.Write(ends.write_end, NoBuffer(), 5));
          char byte = 0;
          notes.Add(os.Read(ends.read_end, &byte, 1));
          const std::string bytes(65536, 'x');
          os.Write(ends.write_end, bytes.data(), bytes.size()).IgnoreError();
          notes.Add(os.Write(ends.write_end, NoBuffer(), 5));
        },
        "EFAULT EAGAIN EAGAIN"),
    Bad(
        "ToAPipeThatNobodyReads",
        [](Os& os, Notes& notes) {
          Ignore(os, SIGPIPE);
          const PipeEnds ends = os.Pipe().value();
          os.Close(ends.read_end).IgnoreError();
          notes.Add(os.Write(ends.write_end, NoBuffer(), 5));
        },
        "EPIPE"),
    Bad(
        "ToAFileOfProc",
        [](Os& os, Notes& notes) {
          const int fd = os.Open("/proc/self/oom_score_adj", O_WRONLY, 0).value();
          notes.Add(os.Write(fd, NoBuffer(), 1));
        },
        "EFAULT"),
    Bad(
        "ToASocketAreSeenBeforeItsAddress",
        [](Os& os, Notes& notes) {
          const int fd = os.Socket(AF_UNIX, SOCK_DGRAM, 0).value();
          UnixAddress address;
          std::strcpy(address.bytes, "/absent");
          address.size = 7;
          notes.Add(os.SendTo(fd, NoBuffer(), 1, 0, &address));
          notes.Add(os.SendTo(fd, NoBuffer(), 0, 0, &address));
          notes.Add(os.SendTo(fd, NoBuffer(), 10'000'000, 0, &address));
        },
        "EFAULT ENOENT EMSGSIZE"),
};
CLEANFORK_CONFORMANCE(WritesFromNowhere, kWrites);

const ConformanceCase kPolls[] = {
    Bad(
        "OfDescriptors",
        [](Os& os, Notes& notes) { notes.Add(os.Poll(Nowhere<struct pollfd>(), 1, 0)); }, "EFAULT"),
    Bad(
        "OfTooMany",
        [](Os& os, Notes& notes) { notes.Add(os.Poll(Nowhere<struct pollfd>(), 10'000'000, 0)); },
        "EINVAL"),
    Bad(
        "OfNone", [](Os& os, Notes& notes) { notes.Add(os.Poll(Nowhere<struct pollfd>(), 0, 0)); },
        "0"),
};
CLEANFORK_CONFORMANCE(PollsOfNowhere, kPolls);

// What is at the same place of a child's log.
const ConformanceCase kReplays[] = {
    Bad(
        "IsReplayed",
        [](Os& os, Notes& notes) {
          const SysResult<size_t> polled = os.Poll(Nowhere<struct pollfd>(), 1, 0);
          const SysResult<size_t> read = os.Read(OpenTestFile(os), NoBuffer(), 5);
          const SysResult<size_t> written = os.Write(0, NoBuffer(), 5);
          const pid_t child = os.Fork().value();
          if (child == 0) {
            const bool same = polled.error() == EFAULT && read.error() == EFAULT && written.ok();
            os.Exit(same ? 3 : 4);
          }
          notes.Add(os.WaitPid(child, 0).value().status == 3 << 8);
        },
        "yes"),
};
CLEANFORK_CONFORMANCE(WhatEndsInEfault, kReplays);

}  // namespace
}  // namespace cleanfork
