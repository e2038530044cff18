// Stream::Pipe(): what a child wrote is there after it has ended and has been reaped.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/spawn.h"
#include "tests/real/process_state.h"

namespace cleanfork {
namespace {

constexpr size_t kSize = 60 * 1024;  // less than a pipe holds: pipe(7)

std::string ReadToEnd(int fd) {
  std::string text(kSize + 100, '?');
  SysResult<size_t> got = ReadFully(RealOs(), fd, text.data(), text.size());
  text.resize(got.value_or(0));
  return text;
}

TEST(Capture, OutputOfABodyOutlivesTheChildAndItsHandle) {
  ForkOptions options;
  options.out = Stream::Pipe();
  absl::StatusOr<Child> child = RunInChild(
      [] {
        const std::string text(kSize, 'x');
        return WriteFully(RealOs(), 1, text.data(), text.size()).ok() ? 0 : 1;
      },
      options);
  ASSERT_TRUE(child.ok()) << child.status();
  absl::StatusOr<ExitStatus> ended = child->Wait();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_TRUE(ended->success()) << ended->ToString();
  UniqueFd out = std::move(child->pipes().out);
  child = absl::InternalError("the handle is gone");
  EXPECT_EQ(ReadToEnd(out.get()), std::string(kSize, 'x'));
  EXPECT_EQ(DescribeChildren(), "");
}

TEST(Capture, OutputAndErrorOfAProgramComeThroughPipesOfTheirOwn) {
  ForkOptions options;
  options.in = Stream::Pipe();
  options.out = Stream::Pipe();
  options.err = Stream::Pipe();
  absl::StatusOr<Child> child =
      Spawn({"/bin/sh", "-c", "read line; echo \"got $line\"; echo problem >&2"}, options);
  ASSERT_TRUE(child.ok()) << child.status();
  ASSERT_TRUE(WriteFully(RealOs(), child->pipes().in.get(), "hello\n", 6).ok());
  child->pipes().in.Reset();
  absl::StatusOr<ExitStatus> ended = child->Wait();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ReadToEnd(child->pipes().out.get()), "got hello\n");
  EXPECT_EQ(ReadToEnd(child->pipes().err.get()), "problem\n");
}

}  // namespace
}  // namespace cleanfork
