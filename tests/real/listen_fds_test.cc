// Descriptors that a child is passed, from Spawn() and its like to sd_listen_fds(3)'s variables and
// to ListenFds() in the child. As a program, with --receive, it is such a child.
#include "cleanfork/listen_fds.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/spawn.h"
#include "tests/real/entry_points.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

constexpr const char* kVariables[] = {"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS",
                                      "LISTEN_FDNAMES"};

// Every variable, "-" for one that is not set; then what 3 and 4 are.
constexpr const char kScript[] =
    "printf '%s ' $$ \"${LISTEN_PID--}\" \"${LISTEN_PIDFDID--}\" \"${LISTEN_FDS--}\" "
    "\"${LISTEN_FDNAMES--}\"; cat <&3; cat <&4";

// A file of that content, at the number, which may be in use.
void PutFile(int fd, const std::string& content) {
  const int file = memfd_create("file", MFD_CLOEXEC);
  if (write(file, content.data(), content.size()) < 0) abort();
  lseek(file, 0, SEEK_SET);
  if (file != fd) {
    dup3(file, fd, O_CLOEXEC);
    close(file);
  }
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[512];
  for (ssize_t size; (size = read(fd, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(size));
  }
  return text;
}

// What the process was passed, as ListenFds() sees it: "3 name: content; ".
std::string Describe(const absl::StatusOr<std::vector<ListenFd>>& passed) {
  if (!passed.ok()) return std::string(passed.status().message());
  std::string text;
  for (const ListenFd& file : *passed) {
    char buffer[16];
    const ssize_t size = pread(file.fd, buffer, sizeof(buffer), 0);
    text += std::to_string(file.fd) + " " + file.name + ": ";
    text += size < 0 ? "?" : std::string(buffer, static_cast<size_t>(size));
    if (fcntl(file.fd, F_GETFD) != FD_CLOEXEC) text += ", not close-on-exec";
    text += "; ";
  }
  return text;
}

// Starts the command with its output into a pipe, and compares what it writes. {pid} in `wanted` is
// the pid that the caller is told.
std::string SpawnAndCompare(const Command& command, ForkOptions options,
                            const std::string& wanted) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  options.out = Stream::Descriptor(ends[1]);
  CallerState before = ReadCallerState();
  before.descriptors.erase(ends[1]);
  std::string wrong;
  {
    absl::StatusOr<Child> child = Spawn(command, options);
    if (!child.ok()) return std::string(child.status().message());
    close(ends[1]);
    std::string expected = wanted;
    const std::string pid = std::to_string(child->pid());
    for (size_t at; (at = expected.find("{pid}")) != std::string::npos;) {
      expected.replace(at, 5, pid);
    }
    const std::string got = ReadAll(ends[0]);
    if (got != expected) wrong += "it is \"" + got + "\", not \"" + expected + "\"; ";
    if (options.session != Session::kDaemon && !child->Wait().ok()) wrong += "no status; ";
  }
  // The program has read what the caller shares with it.
  for (int fd : {3, 4, 5, 20}) lseek(fd, 0, SEEK_SET);
  wrong += ReapOrphans() + Difference(before, ReadCallerState());
  close(ends[0]);
  return wrong;
}

class ListenFdsOfAProgram : public ::testing::TestWithParam<Session> {
 protected:
  ListenFdsOfAProgram() { options_.session = GetParam(); }

  // In a process that has the files "three" and "four" at 3 and 4.
  static std::string InProcessWithFiles(const std::function<std::string()>& body) {
    return InOwnProcess([&] {
      PutFile(3, "three");
      PutFile(4, "four");
      for (const char* variable : kVariables) unsetenv(variable);
      return body();
    });
  }

  ForkOptions options_;
};

TEST_P(ListenFdsOfAProgram, AreAtThreeAndUpAndForThePidThatRunsTheProgram) {
  EXPECT_EQ(InProcessWithFiles([this] {
              PutFile(20, "twenty");
              options_.listen_fds = {{20, "a"}, {3, "b.socket"}};
              return SpawnAndCompare({"/bin/sh", "-c", kScript}, options_,
                                     "{pid} {pid} - 2 a:b.socket twentythree");
            }),
            "");
}

TEST_P(ListenFdsOfAProgram, CanBeTheirOwnTargetsExchanged) {
  EXPECT_EQ(InProcessWithFiles([this] {
              options_.listen_fds = {{4, "x"}, {3, "y"}};
              return SpawnAndCompare({"/bin/sh", "-c", kScript}, options_,
                                     "{pid} {pid} - 2 x:y fourthree");
            }),
            "");
}

TEST_P(ListenFdsOfAProgram, CanStayWhereTheyAreAndStandBesideOtherMoves) {
  EXPECT_EQ(InProcessWithFiles([this] {
              PutFile(5, "five");
              options_.listen_fds = {{3, ""}, {4, ""}};
              options_.descriptors = {{3, 6}, {5, 7}};
              return SpawnAndCompare(
                  {"/bin/sh", "-c", std::string(kScript) + "; cat <&7; ls /proc/$$/fd | tail -2"},
                  options_, "{pid} {pid} - 2 unknown:unknown threefourfive6\n7\n");
            }),
            "");
}

TEST_P(ListenFdsOfAProgram, HaveNamesOfWhichTheColonsAndBackslashesAreEscaped) {
  EXPECT_EQ(InProcessWithFiles([this] {
              options_.listen_fds = {{3, "a:b"}, {4, "c\\ d\\"}};
              return SpawnAndCompare({"/bin/sh", "-c", kScript}, options_,
                                     "{pid} {pid} - 2 a\\:b:c\\\\ d\\\\ threefour");
            }),
            "");
}

TEST_P(ListenFdsOfAProgram, AreWhatListenFdsFindsThere) {
  EXPECT_EQ(InProcessWithFiles([this] {
              options_.listen_fds = {{4, "a:b"}, {3, "c\\ d\\"}, {4, ""}};
              return SpawnAndCompare(
                  {"/proc/self/exe", "--receive"}, options_,
                  "{pid}: 3 a:b: four; 4 c\\ d\\: three; 5 unknown: four; then nothing");
            }),
            "");
}

TEST_P(ListenFdsOfAProgram, AreNotThoseOfTheCaller) {
  EXPECT_EQ(
      InProcessWithFiles([this] {
        for (const char* variable : kVariables) setenv(variable, "1", 1);
        setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
        options_.keep_descriptors = {3, 4};
        return SpawnAndCompare({"/bin/sh", "-c", kScript}, options_, "{pid} - - - - threefour");
      }),
      "");
}

TEST_P(ListenFdsOfAProgram, CanBePassedOnAsTheyWereReceived) {
  EXPECT_EQ(InProcessWithFiles([this]() -> std::string {
              setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
              setenv("LISTEN_FDS", "2", 1);
              setenv("LISTEN_FDNAMES", "one:two", 1);
              absl::StatusOr<std::vector<ListenFd>> passed = ListenFds();
              if (!passed.ok()) return std::string(passed.status().message());
              options_.listen_fds = *passed;
              return SpawnAndCompare({"/bin/sh", "-c", kScript}, options_,
                                     "{pid} {pid} - 2 one:two threefour");
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Real, ListenFdsOfAProgram,
                         ::testing::Values(Session::kNew, Session::kDaemon),
                         [](const ::testing::TestParamInfo<Session>& info) {
                           return info.param == Session::kDaemon ? "Daemon" : "Child";
                         });

// Where children are in a PID namespace of their own, the first of them is 1 there and another
// number here.
TEST(ListenFdsOfTheFirstProcess, AreForThePidThatItHasInItsOwnNamespace) {
  CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  EXPECT_EQ(InOwnProcess([]() -> std::string {
              PutFile(3, "three");
              PutFile(4, "four");
              if (unshare(CLONE_NEWPID) != 0) return "no PID namespace";
              ForkOptions options;
              options.listen_fds = {{3, ""}, {4, ""}};
              return SpawnAndCompare({"/bin/sh", "-c", kScript}, options,
                                     "1 1 - 2 unknown:unknown threefour");
            }),
            "");
}

class ListenFdsOfABody : public ::testing::TestWithParam<std::tuple<EntryPoint, Session>> {};

TEST_P(ListenFdsOfABody, AreWhatListenFdsFindsThere) {
  const EntryPoint entry = std::get<0>(GetParam());
  const Session session = std::get<1>(GetParam());
  const std::string got = InOwnProcess([&]() -> std::string {
    PutFile(3, "three");
    PutFile(4, "four");
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
    ForkOptions options;
    options.session = session;
    options.listen_fds = {{4, "a:b"}, {3, ""}};
    options.out = Stream::Descriptor(ends[1]);
    const auto body = [] {
      std::string text = Describe(ListenFds(true)) + "then ";
      text += Describe(ListenFds());
      return write(1, text.data(), text.size()) < 0 ? 1 : 0;
    };
    std::string wrong;
    if (entry == EntryPoint::kRunInChild) {
      absl::StatusOr<Child> child = RunInChild(body, options);
      if (!child.ok()) return std::string(child.status().message());
      child->Detach();
    } else {
      absl::StatusOr<pid_t> pid = ForkChild(options);
      if (!pid.ok()) return std::string(pid.status().message());
      if (*pid == 0) _exit(body());
    }
    close(ends[1]);
    return ReadAll(ends[0]) + ReapOrphans();
  });
  EXPECT_EQ(got, "3 a:b: four; 4 unknown: three; then ");
}

INSTANTIATE_TEST_SUITE_P(Real, ListenFdsOfABody,
                         ::testing::Combine(::testing::Values(EntryPoint::kForkChild,
                                                              EntryPoint::kRunInChild),
                                            ::testing::Values(Session::kNew, Session::kDaemon)),
                         [](const ::testing::TestParamInfo<std::tuple<EntryPoint, Session>>& info) {
                           return std::string(EntryPointName(std::get<0>(info.param))) +
                                  (std::get<1>(info.param) == Session::kDaemon ? "Daemon"
                                                                               : "Child");
                         });

TEST(ListenFdsOfTheCaller, AreAnErrorWithTheNumberOfTheOneThatIsNotOpen) {
  EXPECT_EQ(InOwnProcess([]() -> std::string {
              PutFile(3, "three");
              for (int fd = 4; fd < 64; ++fd) close(fd);
              setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
              setenv("LISTEN_FDS", "2147483644", 1);
              unsetenv("LISTEN_FDNAMES");
              const std::string message(ListenFds(true).status().message());
              for (const char* variable : kVariables) {
                if (getenv(variable) != nullptr) return std::string(variable) + " is left";
              }
              return message;
            }),
            "descriptor 4 of LISTEN_FDS=2147483644: Bad file descriptor (EBADF)");
}

int Receive() {
  std::cout << getpid() << ": " << Describe(ListenFds(true)) << "then ";
  const std::string again = Describe(ListenFds());
  std::cout << (again.empty() ? "nothing" : again);
  return 0;
}

}  // namespace
}  // namespace cleanfork

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == std::string("--receive")) return cleanfork::Receive();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
