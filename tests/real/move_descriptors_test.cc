// Descriptors under other numbers: which file the child has at which number, read from /proc.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "tests/real/entry_points.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

// By number in the caller: the file there, none of them close-on-exec.
std::map<int, uint64_t> OpenFiles(int from, int to) {
  std::map<int, uint64_t> inodes;
  for (int fd = from; fd <= to; ++fd) {
    const int file = memfd_create("file", 0);
    if (file != fd) {
      dup2(file, fd);
      close(file);
    }
    struct stat status = {};
    fstat(fd, &status);
    inodes[fd] = status.st_ino;
  }
  for (int fd = to + 1; fd < 128; ++fd) close(fd);
  return inodes;
}

// What is wrong with what the child has, if it is to have `wanted` and nothing else above 2.
std::string Compare(const std::map<int, DescriptorState>& descriptors,
                    const std::map<int, uint64_t>& wanted) {
  std::string wrong;
  for (const auto& [fd, inode] : wanted) {
    const auto found = descriptors.find(fd);
    if (found == descriptors.end()) {
      wrong += std::to_string(fd) + " is closed; ";
    } else if (found->second.inode != inode) {
      wrong += std::to_string(fd) + " is " + found->second.target + "; ";
    } else if (found->second.close_on_exec) {
      wrong += std::to_string(fd) + " is close-on-exec; ";
    }
  }
  for (const auto& [fd, state] : descriptors) {
    if (fd > 2 && wanted.count(fd) == 0) {
      wrong += std::to_string(fd) + " is " + state.target + "; ";
    }
  }
  return wrong;
}

class MoveDescriptors : public EveryEntryPoint {
 protected:
  // The child of a process that has files at 1 to `last` and nothing above.
  std::string StartAndCompare(ForkOptions options, int last) {
    const EntryPoint entry = GetParam();
    return InOwnProcess([&, entry]() -> std::string {
      std::map<int, uint64_t> files = OpenFiles(1, last);
      std::map<int, uint64_t> wanted;
      if (!options.close_other_descriptors) {
        for (int fd = 3; fd <= last; ++fd) wanted[fd] = files.at(fd);
      }
      for (const DescriptorMove& move : options.descriptors) wanted[move.to] = files.at(move.from);
      const CallerState before = ReadCallerState();
      std::string wrong;
      {
        absl::StatusOr<Child> child = StartPausing(entry, options, RealOs());
        if (!child.ok()) return std::string(child.status().message());
        const std::optional<ProcessState> state = ReadProcessState(child->pid());
        if (!state.has_value()) return "no such process";
        wrong = Compare(state->descriptors, wanted);
        kill(child->pid(), SIGKILL);
      }  // and with it the descriptor that stands for a daemon
      return wrong + ReapOrphans() + Difference(before, ReadCallerState());
    });
  }
};

TEST_P(MoveDescriptors, EveryPermutationOfFourIsWhatItSays) {
  std::vector<int> to = {1, 2, 3, 4};
  do {
    ForkOptions options;
    for (int from = 1; from <= 4; ++from) {
      options.descriptors.push_back({from, to[static_cast<size_t>(from - 1)]});
    }
    EXPECT_EQ(StartAndCompare(options, 4), "")
        << "1 to 4 became " << to[0] << to[1] << to[2] << to[3];
  } while (std::next_permutation(to.begin(), to.end()));
}

TEST_P(MoveDescriptors, OneFileCanGoToManyNumbersAndToItsOwn) {
  ForkOptions options;
  options.descriptors = {{4, 4}, {4, 3}, {4, 60}, {1, 5}, {3, 1}};
  EXPECT_EQ(StartAndCompare(options, 5), "");
}

TEST_P(MoveDescriptors, TheOthersStayWhereTheyAreNotToBeClosedAndThePlansOwnDoNot) {
  ForkOptions options;
  options.close_other_descriptors = false;
  options.descriptors = {{3, 4}, {4, 3}, {5, 20}};
  EXPECT_EQ(StartAndCompare(options, 7), "");
}

// Left where the kernel opens them, the plan's /dev/null, copies and pipes would be at 5 to 17, and
// the second pipe of a daemon at 5 and 6.
TEST_P(MoveDescriptors, ThePlansOwnAreOutOfTheWayInADaemonToo) {
  for (Session session : {Session::kNew, Session::kDaemon}) {
    ForkOptions options;
    options.session = session;
    for (int to : {5, 6, 7, 8, 11, 13, 15, 17, 19, 21}) {
      options.descriptors.push_back({to % 4 == 1 ? 3 : 4, to});
    }
    EXPECT_EQ(StartAndCompare(options, 4), "");
  }
}

// 4 is closed, and /dev/null, opened for the streams, would get the number.
TEST_P(MoveDescriptors, ASourceThatIsClosedIsAnErrorAndNotWhatThePlanOpensThere) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry]() -> std::string {
              OpenFiles(1, 3);
              ForkOptions options;
              options.descriptors = {{4, 3}};
              const CallerState before = ReadCallerState();
              absl::StatusOr<Child> child = StartPausing(entry, options, RealOs());
              if (child.ok()) return "it is started";
              const std::string wanted =
                  "descriptor 4: Bad file descriptor (EBADF) [step move-descriptor]";
              const std::string said(child.status().message());
              return (said == wanted ? "" : said) + Difference(before, ReadCallerState());
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Real, MoveDescriptors, EntryPoints(), EntryPointTestName);

}  // namespace
}  // namespace cleanfork
