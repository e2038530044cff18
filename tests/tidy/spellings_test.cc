#include "tests/tidy/spellings.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tidy/source_tree.h"

namespace cleanfork::tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(SourceTree, HasNoBannedSpellings) {
  for (const SourceFile& file : ReadSourceTree()) {
    EXPECT_THAT(BannedSpellings(file.path, file.text), IsEmpty());
  }
}

TEST(BannedSpellings, FindsARawSystemCallAndItsLine) {
  EXPECT_THAT(BannedSpellings("src/spawn.cc", "pid_t F() {\n  return ::fork();\n}\n"),
              ElementsAre("src/spawn.cc:2: fork() is a system call: it goes through Os"));
}

TEST(BannedSpellings, FindsARawSystemCallInEveryPlace) {
  for (const char* code :
       {"int x = ::fork();", "int x = fork();", "if (setsid() < 0) {}", "F(close(fd));",
        "{ waitpid(-1, 0, 0); }", "x; ::execv(p, a);", "return getenv(name);", "a || ::dup2(1, 2);",
        "_exit(1);", "void F() { ::_exit(1); }", "else kill(pid, 9);", "x = y ? open (p) : 0;"}) {
    EXPECT_THAT(BannedSpellings("src/spawn.cc", code), SizeIs(1)) << code;
    EXPECT_THAT(BannedSpellings("include/cleanfork/spawn.h", code), SizeIs(1)) << code;
    EXPECT_THAT(BannedSpellings("src/real_os.cc", code), IsEmpty()) << code;
    EXPECT_THAT(BannedSpellings("tests/real/spawn_test.cc", code), IsEmpty()) << code;
  }
}

TEST(BannedSpellings, LeavesAloneWhatIsNoSystemCall) {
  for (const char* code :
       {"os.Fork();", "os.fork();", "os->fork();", "clock_.time();", "Clock::time();",
        "int open(int x);", "pid_t* wait(int x);", "// fork() here\n", "\"fork()\"",
        "#define F fork()\n", "absl::time(1);", "result.error();", "bool signalled() const;",
        "if (signalled()) {}", "executed(1);", "a->~exit();"}) {
    EXPECT_THAT(BannedSpellings("src/spawn.cc", code), IsEmpty()) << code;
  }
}

TEST(BannedSpellings, FindsStringViewBesideAbseil) {
  const std::string abseil = "#include \"absl/strings/str_cat.h\"\n";
  EXPECT_THAT(BannedSpellings("mocks/plan.cc", abseil + "void F(std::string_view text);\n"),
              ElementsAre("mocks/plan.cc:2: std::string_view beside Abseil, whose string_view may "
                          "be another type"));
  EXPECT_THAT(BannedSpellings("mocks/plan.cc", abseil + "// not std::string_view\n"), IsEmpty());
  EXPECT_THAT(BannedSpellings("mocks/plan.cc", "void F(std::string_view text);\n"), IsEmpty());
}

TEST(BannedSpellings, FindsFileNamesThatSayNothing) {
  for (const char* path : {"src/util.cc", "src/fork_utils.h", "mocks/common.h", "tools/helper.py",
                           "src/child_manager.cc", "common/os.h", "tests/test-helpers.cc"}) {
    EXPECT_THAT(BannedSpellings(path, ""), SizeIs(1)) << path;
  }
  for (const char* path : {"src/real_os.cc", "src/uncommon.cc", "docs/design.md"}) {
    EXPECT_THAT(BannedSpellings(path, ""), IsEmpty()) << path;
  }
}

}  // namespace
}  // namespace cleanfork::tidy
