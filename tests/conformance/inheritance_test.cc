// What a child has of its parent, and what is left of a process after an exec: fork(2), execve(2).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
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

// The text that /bin/cat writes of a file, exec'd in a child after `before`.
template <typename Before>
std::string TextAfterExec(Os& os, const std::string& path, Before before) {
  const PipeEnds ends = os.Pipe2(O_CLOEXEC).value();
  const pid_t child = os.Fork().value();
  if (child == 0) {
    os.Dup2(ends.write_end, 1).IgnoreError();
    before();
    Exec(os, "/bin/cat", path.c_str()).IgnoreError();
    os.Exit(127);
  }
  os.Close(ends.write_end).IgnoreError();
  const std::string text = ReadAll(os, ends.read_end);
  os.Close(ends.read_end).IgnoreError();
  os.WaitPid(child, 0).IgnoreError();
  return text;
}

const ConformanceCase kForks[] = {
    {"LoseWhatIsPending",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGUSR1, 40));
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       os.Kill(os.GetPid(), 40).IgnoreError();
       notes.Add(InChild(os, [&] { return IsPending(os, SIGUSR1) || IsPending(os, 40) ? 1 : 0; }));
       notes.Add(IsPending(os, SIGUSR1));
       notes.Add(IsPending(os, 40));
     },
     "0 yes yes"},
    {"KeepTheMask",
     [](Os& os, Notes& notes) {
       Block(os, SignalSet::Of(SIGUSR1, 40));
       notes.Add(InChild(os, [&] {
         return os.SigProcMask(SIG_BLOCK, nullptr).value() == SignalSet::Of(SIGUSR1, 40) ? 0 : 1;
       }));
     },
     "0"},
    {"KeepHandlersAndIgnorance",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGUSR1, SA_RESTART);
       Ignore(os, SIGUSR2);
       notes.Add(InChild(os, [&] {
         os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
         os.Kill(os.GetPid(), SIGUSR2).IgnoreError();
         const bool flags = (os.SigAction(SIGUSR1, nullptr).value().flags & SA_RESTART) != 0;
         return flags ? Heard(os) : 0;
       }));
       notes.Add(Heard(os));
     },
     "10 0"},
    {"ChangeNothingOfTheParent",
     [](Os& os, Notes& notes) {
       notes.Add(InChild(os, [&] {
         Ignore(os, SIGUSR1);
         Block(os, SignalSet::Full());
         os.SetSid().IgnoreError();
         return 0;
       }));
       notes.Add(os.SigAction(SIGUSR1, nullptr).value().handler == SIG_DFL);
       notes.Add(os.SigProcMask(SIG_BLOCK, nullptr).value().empty());
       notes.Add(os.SetSid());  // still the leader of its group
     },
     "0 yes yes EPERM"},
    {"KeepDescriptorsAndTheirFlags",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe2(O_CLOEXEC).value();
       const int kept = os.Dup(ends.write_end).value();
       notes.Add(InChild(os, [&] {
         return os.FcntlGetFd(ends.write_end).value_or(-1) * 10 + os.FcntlGetFd(kept).value_or(-1);
       }));
       notes.Add(InChild(os, [&] {
         os.FcntlSetFd(kept, FD_CLOEXEC).IgnoreError();
         return os.Close(ends.write_end).ok() ? 0 : 1;
       }));
       notes.Add(os.FcntlGetFd(kept));  // the numbers and their flags are its own
       notes.Add(os.FcntlGetFd(ends.write_end));
     },
     "10 0 0 1"},
    {"KeepLimits",
     [](Os& os, Notes& notes) {
       os.SetRLimit(RLIMIT_NOFILE, {20, 30}).IgnoreError();
       notes.Add(InChild(os, [&] {
         const ResourceLimit limit = os.GetRLimit(RLIMIT_NOFILE).value();
         os.SetRLimit(RLIMIT_NOFILE, {5, 5}).IgnoreError();
         return static_cast<int>(limit.soft + limit.hard);
       }));
       notes.Add(static_cast<int>(os.GetRLimit(RLIMIT_NOFILE).value().soft));
     },
     "50 20"},
    {"KeepDirectoryAndUmask",
     [](Os& os, Notes& notes) {
       os.ChDir(InTree("directory").c_str()).IgnoreError();
       os.Umask(0123);
       notes.Add(InChild(os, [&] {
         const bool there = os.Stat("inner").ok();
         os.ChDir("/").IgnoreError();
         return there && os.Umask(0) == 0123 ? 0 : 1;
       }));
       notes.Add(os.Stat("inner"));
       notes.Add(static_cast<int>(os.Umask(0)));
     },
     "0 ok 83"},
    {"KeepTheEnvironmentApart",
     [](Os& os, Notes& notes) {
       os.SetEnv("CLEANFORK_A", "1").IgnoreError();
       notes.Add(InChild(os, [&] {
         const bool there = os.GetEnv("CLEANFORK_A") != nullptr;
         os.SetEnv("CLEANFORK_A", "2").IgnoreError();
         return there ? 0 : 1;
       }));
       notes.Add(os.GetEnv("CLEANFORK_A"));
     },
     "0 1"},
    {"TakeANewNumber",
     [](Os& os, Notes& notes) {
       const pid_t parent = os.GetPid();
       notes.Add(InChild(os, [&] { return os.GetPid() != parent && os.GetPid() > 1 ? 0 : 1; }));
     },
     "0"},
};
CLEANFORK_CONFORMANCE(Forks, kForks);

const ConformanceCase kExecs[] = {
    {"KeepTheMaskAndWhatIsPending",
     [](Os& os, Notes& notes) {
       const std::string text = TextAfterExec(os, "/proc/self/status", [&] {
         Block(os, SignalSet::Of(SIGUSR1, SIGUSR2));
         os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       });
       notes.Add(Field(text, "SigBlk"));
       notes.Add(Field(text, "SigPnd"));
       notes.Add(Field(text, "ShdPnd"));
     },
     "0000000000000a00 0000000000000000 0000000000000200"},
    {"KeepWhatIsIgnoredAndNoHandlers",
     [](Os& os, Notes& notes) {
       const std::string text = TextAfterExec(os, "/proc/self/status", [&] {
         ListenTo(os, SIGUSR1, SA_RESTART);
         Ignore(os, SIGUSR2);
         Ignore(os, SIGCHLD);
       });
       notes.Add(Field(text, "SigIgn"));
       notes.Add(Field(text, "SigCgt"));
     },
     "0000000000010800 0000000000000000"},
    {"KeepTheNumberAndTheParent",
     [](Os& os, Notes& notes) {
       const std::string text = TextAfterExec(os, "/proc/self/status", [] {});
       notes.Add(Field(text, "PPid") == std::to_string(os.GetPid()));
       notes.Add(Field(text, "Pid") == Field(text, "Tgid"));
     },
     "yes yes"},
    {"KeepNoNewPrivs",
     [](Os& os, Notes& notes) {
       const auto set = [&] { os.PrctlSetNoNewPrivs().IgnoreError(); };
       notes.Add(Field(TextAfterExec(os, "/proc/self/status", set), "NoNewPrivs"));
     },
     "1"},
    {"KeepTheDirectory",
     [](Os& os, Notes& notes) {
       notes.Add(TextAfterExec(os, "inner",
                               [&] { os.ChDir(InTree("directory").c_str()).IgnoreError(); }));
     },
     "inner"},
    {"KeepDescriptorsWithTheirOffset",
     [](Os& os, Notes& notes) {
       notes.Add(TextAfterExec(os, "-", [&] {
         const int fd = os.Open(InTree("file").c_str(), O_RDONLY, 0).value();
         char bytes[3];
         os.Read(fd, bytes, 3).IgnoreError();
         os.Dup2(fd, 0).IgnoreError();
       }));
     },
     "tent"},
    {"CloseWhatIsCloseOnExec",
     [](Os& os, Notes& notes) {
       const auto lines = [](const std::string& text) { return text.empty() ? "empty" : "text"; };
       notes.Add(lines(TextAfterExec(os, InTree("file"), [&] {
         os.FcntlSetFd(1, FD_CLOEXEC).IgnoreError();  // it has nowhere to write
       })));
       notes.Add(lines(TextAfterExec(os, InTree("file"), [&] {
         os.FcntlSetFd(1, FD_CLOEXEC).IgnoreError();
         os.FcntlSetFd(1, 0).IgnoreError();
       })));
     },
     "empty text"},
    {"KeepTheScoreForAWantOfMemory",
     [](Os& os, Notes& notes) {
       notes.Add(TextAfterExec(os, "/proc/self/oom_score_adj", [&] {
                   const int fd = os.Open("/proc/self/oom_score_adj", O_WRONLY, 0).value();
                   os.Write(fd, "1000", 4).IgnoreError();
                   os.Close(fd).IgnoreError();
                 }) == "1000\n");
     },
     "yes"},
    {"FailWithoutAnyChange",
     [](Os& os, Notes& notes) {
       ForgetSignals(os);
       ListenTo(os, SIGUSR1);
       const PipeEnds ends = os.Pipe2(O_CLOEXEC).value();
       notes.Add(Exec(os, "/absent"));
       notes.Add(Exec(os, InTree("nonsense").c_str()));
       notes.Add(Exec(os, InTree("file").c_str()));
       notes.Add(os.FcntlGetFd(ends.read_end));
       os.Kill(os.GetPid(), SIGUSR1).IgnoreError();
       notes.Add(Heard(os));
     },
     "ENOENT ENOEXEC EACCES 1 10"},
    {"FollowLinks",
     [](Os& os, Notes& notes) {
       notes.Add(InChild(os, [&] { return Exec(os, InTree("true-link").c_str()).error(); }));
       notes.Add(InChild(os, [&] {
         os.ChDir("/bin").IgnoreError();
         return Exec(os, "./false").error();
       }));
     },
     "0 1"},
};
CLEANFORK_CONFORMANCE(Execs, kExecs);

}  // namespace
}  // namespace cleanfork
