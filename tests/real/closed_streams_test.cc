// All eight patterns of closed standard streams at the start: the child has 0 to 2 open on the
// right things, none of them close-on-exec, and nothing else; the caller's own are as before.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_options.h"
#include "tests/real/entry_points.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

constexpr int kListener = 9;  // a descriptor of the caller's that no child should have

enum class Redirection { kDefault, kInherit, kFiles, kSwap, kPipes, kBothToError };
constexpr const char* kRedirectionNames[] = {"Default", "Inherit", "Files",
                                             "Swap",    "Pipes",   "BothToError"};

// Three regular files to stand for the caller's streams, and three for Stream::File().
class Files {
 public:
  Files() {
    const char* directory = getenv("TEST_TMPDIR");
    directory_ = std::string(directory != nullptr ? directory : "/tmp") + "/closed_streams_XXXXXX";
    if (mkdtemp(directory_.data()) == nullptr) directory_.clear();
  }
  ~Files() {
    for (const char* name : kNames) unlink(Path(name).c_str());
    rmdir(directory_.c_str());
  }
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  // Puts the caller's streams on files, or closes them: bit n of `closed` is descriptor n.
  std::string SetUpStreams(int closed) const {
    for (int fd = 0; fd < 3; ++fd) {
      const int file = open(Path(kNames[fd]).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
      if (file < 0 || dup2(file, fd) != fd) return "no stream";
      if (file != fd) close(file);
      const int other = open(Path(kNames[fd + 3]).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
      if (other >= 0) close(other);
    }
    // Everything else that the test may have inherited, and one that must not be handed on.
    for (int fd = 3; fd < 1024; ++fd) close(fd);
    if (dup2(0, kListener) != kListener) return "no listener";
    for (int fd = 0; fd < 3; ++fd) {
      if ((closed & (1 << fd)) != 0) close(fd);
    }
    return "";
  }

  static constexpr const char* kNames[] = {"in", "out", "err", "file0", "file1", "file2"};

 private:
  std::string directory_;
};

using Parameter = std::tuple<EntryPoint, int, Redirection>;

class ClosedStreams : public ::testing::TestWithParam<Parameter> {
 protected:
  Files files_;

  ForkOptions Options(Redirection redirection) const {
    ForkOptions options;
    switch (redirection) {
      case Redirection::kDefault: break;
      case Redirection::kInherit: options.in = options.out = options.err = Stream::Inherit(); break;
      case Redirection::kFiles:
        options.in = Stream::File(files_.Path("file0"));
        options.out = Stream::File(files_.Path("file1"));
        options.err = Stream::File(files_.Path("file2"));
        break;
      case Redirection::kSwap:
        options.out = Stream::Descriptor(2);
        options.err = Stream::Descriptor(1);
        break;
      case Redirection::kPipes: options.in = options.out = options.err = Stream::Pipe(); break;
      case Redirection::kBothToError:
        options.in = Stream::Descriptor(2);
        options.out = Stream::Descriptor(2);
        options.err = Stream::Inherit();
        break;
    }
    return options;
  }

  // What the child's stream is to be: a path, or the beginning of one.
  std::string Target(Redirection redirection, int closed, int fd) const {
    const std::string null = "/dev/null";
    const auto callers = [&](int from) {
      return (closed & (1 << from)) != 0 ? null : files_.Path(Files::kNames[from]);
    };
    switch (redirection) {
      case Redirection::kDefault: return fd == 2 ? callers(2) : null;
      case Redirection::kInherit: return callers(fd);
      case Redirection::kFiles: return files_.Path(Files::kNames[fd + 3]);
      case Redirection::kSwap: return fd == 0 ? null : callers(3 - fd);
      case Redirection::kPipes: return "pipe:";
      case Redirection::kBothToError: return callers(2);
    }
    return "?";
  }

  std::string Check(const ProcessState& state, int closed, Redirection redirection) const {
    std::string wrong;
    for (const auto& [fd, descriptor] : state.descriptors) {
      if (fd > 2) {
        wrong += "descriptor " + std::to_string(fd) + " is " + descriptor.target + "; ";
        continue;
      }
      const std::string wanted = Target(redirection, closed, fd);
      if (descriptor.target.compare(0, wanted.size(), wanted) != 0) {
        wrong += std::to_string(fd) + " is " + descriptor.target + ", not " + wanted + "; ";
      }
      if (descriptor.close_on_exec) wrong += std::to_string(fd) + " is close-on-exec; ";
    }
    if (state.descriptors.count(0) + state.descriptors.count(1) + state.descriptors.count(2) != 3) {
      wrong += "one of 0 to 2 is closed; ";
    }
    return wrong;
  }
};

TEST_P(ClosedStreams, ChildHasThreeStreamsOnTheRightThingsAndNothingElse) {
  const auto [entry_point, closed_pattern, redirected] = GetParam();
  const EntryPoint entry = entry_point;
  const int closed = closed_pattern;
  const Redirection redirection = redirected;
  const bool returns_no_pipe = entry == EntryPoint::kForkChild || entry == EntryPoint::kDaemonize;
  if (redirection == Redirection::kPipes && returns_no_pipe) {
    GTEST_SKIP() << EntryPointName(entry) << "() has no way to return a pipe";
  }
  EXPECT_EQ(InOwnProcess([&, entry, closed, redirection] {
              std::string wrong = files_.SetUpStreams(closed);
              CallerState before = ReadCallerState();
              {
                absl::StatusOr<Child> child = StartPausing(entry, Options(redirection), RealOs());
                const bool names_a_closed_one =
                    (redirection == Redirection::kSwap && (closed & 6) != 0) ||
                    (redirection == Redirection::kBothToError && (closed & 4) != 0);
                if (names_a_closed_one) {
                  if (child.ok()) return std::string("a closed descriptor was copied");
                } else if (!child.ok()) {
                  return std::string(child.status().message());
                } else {
                  const std::optional<ProcessState> state = ReadProcessState(child->pid());
                  if (!state.has_value()) return std::string("there is no such process");
                  wrong += Check(*state, closed, redirection);
                }
              }
              return wrong + Difference(before, ReadCallerState()) + DescribeChildren();
            }),
            "");
}

std::string PatternName(int closed) {
  if (closed == 0) return "NoneClosed";
  std::string name = "Closed";
  for (int fd = 0; fd < 3; ++fd) {
    if ((closed & (1 << fd)) != 0) name += std::to_string(fd);
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Real, ClosedStreams,
    ::testing::Combine(EntryPoints(), ::testing::Range(0, 8),
                       ::testing::Values(Redirection::kDefault, Redirection::kInherit,
                                         Redirection::kFiles, Redirection::kSwap,
                                         Redirection::kPipes, Redirection::kBothToError)),
    [](const ::testing::TestParamInfo<Parameter>& info) {
      return std::string(EntryPointName(std::get<0>(info.param))) +
             PatternName(std::get<1>(info.param)) +
             kRedirectionNames[static_cast<int>(std::get<2>(info.param))];
    });

}  // namespace
}  // namespace cleanfork
