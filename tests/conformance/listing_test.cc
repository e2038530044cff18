// What is in a directory, and what /proc says: getdents(2), proc(5).
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/proc_text.h"
#include "tests/conformance/test_files.h"

namespace cleanfork {
namespace {

// The names that getdents gives with a buffer of this size, sorted; with the type of each.
std::string Names(Os& os, int fd, size_t size) {
  std::vector<std::string> names;
  std::vector<char> buffer(size);
  for (;;) {
    const SysResult<size_t> got = os.GetDents(fd, buffer.data(), size);
    if (!got.ok()) return "error";
    if (got.value() == 0) break;
    for (size_t at = 0; at < got.value();) {
      dirent64 entry = {};
      std::memcpy(&entry, buffer.data() + at, offsetof(dirent64, d_name));
      std::string name = buffer.data() + at + offsetof(dirent64, d_name);
      name += entry.d_type == DT_DIR ? "/" : entry.d_type == DT_LNK ? "@" : "";
      names.push_back(name);
      at += entry.d_reclen;
    }
  }
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

int OpenDirectory(Os& os) {
  return os.Open(InTree("directory").c_str(), O_RDONLY | O_DIRECTORY, 0).value();
}

const ConformanceCase kListings[] = {
    {"HaveAllNames", [](Os& os, Notes& notes) { notes.Add(Names(os, OpenDirectory(os), 4096)); },
     "../ ./ inner theirs to-inner@ up@"},
    {"InSmallPartsHaveAllNames",
     [](Os& os, Notes& notes) { notes.Add(Names(os, OpenDirectory(os), 40)); },
     "../ ./ inner theirs to-inner@ up@"},
    {"WithoutRoomAreRefused",
     [](Os& os, Notes& notes) {
       const int fd = OpenDirectory(os);
       char bytes[64];
       notes.Add(os.GetDents(fd, bytes, 0));
       notes.Add(os.GetDents(fd, bytes, 23));
       notes.Add(os.GetDents(fd, bytes, 24));
       notes.Add(Names(os, fd, 4096).size() > 10);
     },
     "EINVAL EINVAL 24 yes"},
    {"EndWithNothing",
     [](Os& os, Notes& notes) {
       const int fd = OpenDirectory(os);
       Names(os, fd, 4096);
       char bytes[64];
       notes.Add(os.GetDents(fd, bytes, sizeof(bytes)));
       notes.Add(os.GetDents(fd, bytes, 0));
     },
     "0 0"},
    {"AreSharedByDuplicates",
     [](Os& os, Notes& notes) {
       const int fd = OpenDirectory(os);
       const int copy = os.Dup(fd).value();
       Names(os, fd, 4096);
       notes.Add(Names(os, copy, 4096).empty());
       notes.Add(Names(os, OpenDirectory(os), 4096).empty());
     },
     "yes no"},
    {"LoseANameThatIsRemoved",
     [](Os& os, Notes& notes) {
       notes.Add(os.Unlink(InTree("directory/inner").c_str()));
       notes.Add(Names(os, OpenDirectory(os), 4096));
     },
     "ok ../ ./ theirs to-inner@ up@"},
    {"HaveANameThatIsCreated",
     [](Os& os, Notes& notes) {
       notes.Add(os.Open(InTree("directory/new").c_str(), O_CREAT | O_WRONLY, 0600));
       notes.Add(Names(os, OpenDirectory(os), 4096));
     },
     "3 ../ ./ inner new theirs to-inner@ up@"},
    {"OfWhatIsNoDirectoryAreRefused",
     [](Os& os, Notes& notes) {
       char bytes[64];
       notes.Add(os.GetDents(0, bytes, 64));
       notes.Add(os.GetDents(os.Open(InTree("file").c_str(), O_RDONLY, 0).value(), bytes, 0));
       notes.Add(os.GetDents(os.Pipe().value().read_end, bytes, 64));
       notes.Add(os.GetDents(77, bytes, 0));
     },
     "ENOTDIR ENOTDIR ENOTDIR EBADF"},
    {"OfProcSelfFdAreTheDescriptors",
     [](Os& os, Notes& notes) {
       os.Dup2(0, 9).IgnoreError();
       const int fd = os.Open("/proc/self/fd", O_RDONLY | O_DIRECTORY, 0).value();
       std::string names = Names(os, fd, 4096);
       const size_t report = names.find(" 200@");  // what reports to the test, on the real kernel
       if (report != std::string::npos) names.erase(report, 5);
       notes.Add(names);
     },
     "../ ./ 0@ 1@ 2@ 3@ 9@"},
};
CLEANFORK_CONFORMANCE(Listings, kListings);

const ConformanceCase kProc[] = {
    {"StatHasIdsAndState",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       os.SetPgid(child, child).IgnoreError();
       os.Kill(child, SIGSTOP).IgnoreError();
       os.WaitPid(child, WUNTRACED).IgnoreError();
       notes.Add(StatField(os, child, 3));
       notes.Add(StatField(os, child, 4) == std::to_string(os.GetPid()));
       notes.Add(StatField(os, child, 5) == std::to_string(child));
       notes.Add(StatField(os, child, 6) == StatField(os, os.GetPid(), 6));
       os.Kill(child, SIGKILL).IgnoreError();
       AwaitEnd(os, child);
       notes.Add(StatField(os, child, 3));
       os.WaitPid(child, 0).IgnoreError();
       notes.Add(os.Stat(("/proc/" + std::to_string(child) + "/stat").c_str()));
     },
     "T yes yes yes Z ENOENT"},
    {"StatHasTheNiceValue",
     [](Os& os, Notes& notes) {
       os.SetPriority(0, 0, 19).IgnoreError();
       notes.Add(StatField(os, os.GetPid(), 19));
     },
     "19"},
    {"StatusHasSignals",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGUSR1, 64));
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       Ignore(os, SIGUSR2);
       ListenTo(os, SIGHUP);
       const std::string text = TextOf(os, "/proc/self/status");
       for (const char* name : {"SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"}) {
         notes.Add(Field(text, name));
       }
     },
     "0000000000000000 0000000000000200 8000000000000200 0000000000000800 0000000000000001"},
    {"StatusHasIdsInTheirOrder",
     [](Os& os, Notes& notes) {
       const ResUid ids = os.GetResUid().value();
       const std::string text = TextOf(os, "/proc/self/status");
       const std::string prefix = std::to_string(ids.real) + "\t" + std::to_string(ids.effective) +
                                  "\t" + std::to_string(ids.saved) + "\t";
       notes.Add(Field(text, "Uid").rfind(prefix, 0) == 0);
       notes.Add(Field(text, "Pid") == std::to_string(os.GetPid()));
       notes.Add(Field(text, "PPid") == std::to_string(os.GetPpid()));
       notes.Add(Field(text, "Threads"));
       notes.Add(Field(text, "State").substr(0, 1));
     },
     "yes yes yes 1 R"},
    {"FilesAreReadFromAnyOffset",
     [](Os& os, Notes& notes) {
       const int fd = os.Open("/proc/self/oom_score_adj", O_RDONLY, 0).value();
       char bytes[16];
       const size_t size = os.PRead(fd, bytes, 16, 0).value();
       notes.Add(os.Read(fd, bytes, 1));
       notes.Add(os.Read(fd, bytes, 16).value() == size - 1);
       notes.Add(os.Read(fd, bytes, 16));
       notes.Add(os.PRead(fd, bytes, 16, 100));
     },
     "1 yes 0 0"},
    {"OfAProcessThatIsGoneIsEsrch",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       const std::string path = "/proc/" + std::to_string(child) + "/stat";
       const int fd = os.Open(path.c_str(), O_RDONLY, 0).value();
       os.Kill(child, SIGKILL).IgnoreError();
       os.WaitPid(child, 0).IgnoreError();
       char byte = 0;
       notes.Add(os.Read(fd, &byte, 1));
       notes.Add(os.Open(path.c_str(), O_RDONLY, 0));
     },
     "ESRCH ENOENT"},
    {"SelfIsALink",
     [](Os& os, Notes& notes) {
       char bytes[32];
       const size_t size = os.ReadLink("/proc/self", bytes, sizeof(bytes)).value();
       notes.Add(std::string(bytes, size) == std::to_string(os.GetPid()));
       notes.Add(os.Stat("/proc/self/stat"));
       notes.Add(os.Stat("/proc/999999999"));
       notes.Add(os.Stat("/proc/self/fd/77"));
       notes.Add(os.Stat("/proc/self/fd/4294967295"));
       notes.Add(os.Stat("/proc/4294967396"));
     },
     "yes ok ENOENT ENOENT ENOENT ENOENT"},
    {"LinksOfOnesOwnLeadSomewhere",
     [](Os& os, Notes& notes) {
       const auto target = [&os](const char* path) {
         char bytes[256];
         return std::string(bytes, os.ReadLink(path, bytes, sizeof(bytes)).value());
       };
       const std::string pid = std::to_string(os.GetPid());
       notes.Add(target("/proc/thread-self") == pid + "/task/" + pid);
       const std::string name = target("/proc/thread-self/ns/pid");
       const ino_t inode = os.Stat("/proc/self/ns/pid").value().inode;
       notes.Add(name == "pid:[" + std::to_string(inode) + "]");
       notes.Add(name == target("/proc/self/ns/pid_for_children"));
       os.ChDir("/dev").IgnoreError();
       notes.Add(target("/proc/self/cwd"));
     },
     "yes yes yes /dev"},
    {"OomScoreAdjTakesNumbers",
     [](Os& os, Notes& notes) {
       const auto write = [&](const std::string& text) {
         const int fd = os.Open("/proc/self/oom_score_adj", O_WRONLY, 0).value();
         notes.Add(os.Write(fd, text.data(), text.size()));
         os.Close(fd).IgnoreError();
       };
       write("1000");
       write("1000\n");
       write("1001");
       write("-1001");
       write("x");
       write("1000x");
       notes.Add(TextOf(os, "/proc/self/oom_score_adj") == "1000\n");
     },
     "4 5 EINVAL EINVAL EINVAL EINVAL yes"},
    {"FdinfoHasOffsetAndFlags",
     [](Os& os, Notes& notes) {
       const int fd = os.Open(InTree("file").c_str(), O_RDWR | O_APPEND, 0).value();
       char bytes[3];
       os.Read(fd, bytes, 3).IgnoreError();
       const std::string text = "\n" + TextOf(os, "/proc/self/fdinfo/" + std::to_string(fd));
       notes.Add(Field(text, "pos"));
       notes.Add(Field(text, "flags"));
       os.FcntlSetFd(fd, FD_CLOEXEC).IgnoreError();
       notes.Add(Field("\n" + TextOf(os, "/proc/self/fdinfo/" + std::to_string(fd)), "flags"));
       notes.Add(Field("\n" + TextOf(os, "/proc/self/fdinfo/0"), "flags"));
       const PipeEnds ends = os.Pipe2(O_NONBLOCK).value();
       const std::string name = "/proc/self/fdinfo/" + std::to_string(ends.write_end);
       notes.Add(Field("\n" + TextOf(os, name), "flags"));
     },
     "3 0102002 02102002 0100002 04001"},
};
CLEANFORK_CONFORMANCE(Proc, kProc);

}  // namespace
}  // namespace cleanfork
