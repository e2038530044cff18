// Exec: what is kept, what is closed, who is told.
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
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

const char* const kFile = kTestFile.c_str();

TEST(Conformance, AProgramsStatusIsItsProcesss) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              for (const char* path : {"/bin/true", "/bin/false", "/absent"}) {
                if (os.Fork().value() == 0) {
                  const int error = Exec(os, path).error();
                  os.Exit(error == ENOENT ? 42 : 43);
                }
                notes.Add(WEXITSTATUS(os.WaitPid(-1, 0).value().status));
              }
            }),
            "0 1 42");
}

TEST(Conformance, ExecClosesWhatIsCloseOnExec) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const PipeEnds ends = os.Pipe2(O_CLOEXEC).value();
              const pid_t child = os.Fork().value();
              if (child == 0) {
                Exec(os, "/bin/true").IgnoreError();
                os.Write(ends.write_end, "failed", 6).IgnoreError();
                os.Exit(127);
              }
              os.Close(ends.write_end).IgnoreError();
              char buffer[8];
              notes.Add(os.Read(ends.read_end, buffer, sizeof(buffer)));
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
            }),
            "0 0");
}

TEST(Conformance, VforkCallReturnsWhenItsChildHasExecd) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const pid_t child = os.VforkCall(&ExecTrue, &os, SIGCHLD).value();
              notes.Add(WEXITSTATUS(os.WaitPid(child, 0).value().status));
            }),
            "0");
}

TEST(Conformance, AParentMayNotChangeTheGroupOfAChildThatHasExecd) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              const PipeEnds ends = os.Pipe2(O_CLOEXEC).value();
              const pid_t child = os.Fork().value();
              if (child == 0) {
                Exec(os, "/bin/true").IgnoreError();
                os.Exit(127);
              }
              os.Close(ends.write_end).IgnoreError();
              char byte = 0;
              os.Read(ends.read_end, &byte, 1).IgnoreError();  // it has exec'd, or more
              AwaitEnd(os, child);
              notes.Add(os.SetPgid(child, child));
            }),
            "EACCES");
}

// The error of an exec of /bin/true with `count` arguments of `size` bytes, or its status; where
// `variables`, they are in the environment instead.
std::string ExecWith(Os& os, size_t count, size_t size, bool variables = false) {
  const pid_t child = os.Fork().value();
  if (child == 0) {
    std::string word(size, 'x');
    char name[] = "true";
    std::vector<char*> many(count, &word[0]);
    many.push_back(nullptr);
    std::vector<char*> few = {name, nullptr};
    const int error = os.ExecVe("/bin/true", variables ? few.data() : many.data(),
                                variables ? many.data() : few.data())
                          .error();
    os.Exit(error == E2BIG ? 77 : 78);
  }
  const int status = WEXITSTATUS(os.WaitPid(child, 0).value().status);
  return status == 77 ? "E2BIG" : std::to_string(status);
}

TEST(Conformance, AnArgumentOf128KiBIsTooLong) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              os.SetRLimit(RLIMIT_STACK, {8 << 20, 8 << 20}).IgnoreError();
              notes.Add(ExecWith(os, 2, 131071));
              notes.Add(ExecWith(os, 2, 131072));
              notes.Add(ExecWith(os, 2, 131071, true));
              notes.Add(ExecWith(os, 2, 131072, true));
            }),
            "0 E2BIG 0 E2BIG");
}

TEST(Conformance, ArgumentsOfMoreThanAQuarterOfTheStackAreTooMany) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              os.SetRLimit(RLIMIT_STACK, {8 << 20, 8 << 20}).IgnoreError();
              notes.Add(ExecWith(os, 20, 99'999));
              notes.Add(ExecWith(os, 22, 99'999));
              notes.Add(ExecWith(os, 22, 99'999, true));
              notes.Add(ExecWith(os, 200'000, 0));  // eight bytes point to each, and it has a NUL
              notes.Add(ExecWith(os, 250'000, 0));
              os.SetRLimit(RLIMIT_STACK, {4 << 20, 4 << 20}).IgnoreError();
              notes.Add(ExecWith(os, 10, 99'999));
              notes.Add(ExecWith(os, 11, 99'999));
            }),
            "0 E2BIG E2BIG 0 E2BIG 0 E2BIG");
}

TEST(Conformance, AFileThatNobodyMayExecuteIsNoProgram) {
  EXPECT_EQ(Observe([](Os& os, Notes& notes) {
              os.Umask(0);
              for (mode_t mode : {0644, 0755}) {
                os.Unlink(kFile).IgnoreError();
                const int fd = os.Open(kFile, O_CREAT | O_EXCL | O_WRONLY, mode).value();
                os.Write(fd, "nonsense\n", 9).IgnoreError();
                os.Close(fd).IgnoreError();
                notes.Add(Exec(os, kFile));
              }
              os.Unlink(kFile).IgnoreError();
              notes.Add(Exec(os, "/dev/null"));
            }),
            "EACCES ENOEXEC EACCES");
}

}  // namespace
}  // namespace cleanfork
