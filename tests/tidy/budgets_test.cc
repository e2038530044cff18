#include "tests/tidy/budgets.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tidy/source_tree.h"

namespace cleanfork::tidy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Lines(int count, const std::string& line = "int x;") {
  std::string text;
  for (int i = 0; i < count; ++i) text += line + "\n";
  return text;
}

std::vector<std::string> Heads(const std::string& text) {
  std::vector<std::string> heads;
  for (const Function& function : FindFunctions(text)) heads.push_back(function.head);
  return heads;
}

TEST(SourceTree, KeepsItsBudgets) {
  for (const SourceFile& file : ReadSourceTree()) {
    EXPECT_THAT(OverBudget(file.path, file.text), IsEmpty());
  }
}

TEST(SourceTree, IsSeenWhole) {
  const std::vector<SourceFile> files = ReadSourceTree();
  for (const char* path :
       {"src/real_os.cc", "include/cleanfork/os.h", ".ci/count.py", "tests/tidy/budgets_test.cc",
        "third_party/debian.bzl", "examples/service/svc.cc", "BUILD.bazel"}) {
    EXPECT_THAT(files, Contains(Field(&SourceFile::path, path)));
  }
}

TEST(OverBudget, FindsAPublicHeaderThatIsTooLong) {
  EXPECT_THAT(OverBudget("include/cleanfork/long.h", Lines(400)), IsEmpty());
  EXPECT_THAT(OverBudget("include/cleanfork/long.h", Lines(401)),
              ElementsAre("include/cleanfork/long.h:1: public header has 401 lines, "
                          "the budget is 400"));
  EXPECT_THAT(OverBudget("mocks/cleanfork/long.h", Lines(401)), SizeIs(1));
  EXPECT_THAT(OverBudget("src/long.h", Lines(401)), IsEmpty());
}

TEST(OverBudget, FindsASourceFileThatIsTooLong) {
  EXPECT_THAT(OverBudget("tests/long.cc", Lines(600)), IsEmpty());
  EXPECT_THAT(OverBudget("tests/long.cc", Lines(601)),
              ElementsAre("tests/long.cc:1: file has 601 lines, the budget is 600"));
}

TEST(OverBudget, FindsALineThatIsTooLong) {
  EXPECT_THAT(OverBudget("BUILD.bazel", "# \n" + std::string(100, '#')), IsEmpty());
  EXPECT_THAT(OverBudget("BUILD.bazel", "# \n" + std::string(101, '#')),
              ElementsAre("BUILD.bazel:2: line has 101 columns, the budget is 100"));
  EXPECT_THAT(OverBudget("README.md", std::string(300, '#')), IsEmpty());
}

TEST(OverBudget, FindsAFunctionThatIsTooLong) {
  EXPECT_THAT(OverBudget("src/f.cc", "int F() {\n" + Lines(68) + "}\n"), IsEmpty());
  EXPECT_THAT(OverBudget("src/f.cc", "\nint F() {\n" + Lines(69) + "}\n"),
              ElementsAre("src/f.cc:2: 'int F()' has 71 lines, the budget is 70"));
}

TEST(OverBudget, FindsALongFunctionWhereverItStands) {
  const std::string body = Lines(69, "  if (x) { x = F({1}); }") + "}\n";
  for (const char* head :
       {"namespace a { namespace {\nint F() {\n", "class A : public B {\n  A() : b_{1} {\n",
        "template <class T>\nstruct stat F(T t) const {\n", "extern \"C\" {\nint F() {\n",
        "TEST(A, B) {\n", "bool operator==(A a, A b) {\n", "auto f = [](int x) {\n",
        "struct A final {\n  struct B {\n    auto F() -> int {\n",
        "// {\nconst char* k = \"{\";\nchar c = '{';\nint F() {\n",
        "#define OPEN \\\n  {\nint F() {\n", "enum class E { kA };\nint F() {\n",
        "int k[] = {1, 2};\nint F() {\n", "auto k = R\"({\")\";\nint F() {\n",
        "int k = 1'000;\nint F() {\n"}) {
    EXPECT_THAT(OverBudget("src/f.cc", head + body), SizeIs(1)) << head;
  }
}

TEST(FindFunctions, TakesNoScopeAndNoTableForAFunction) {
  EXPECT_THAT(Heads("namespace a {\nclass B {\n enum { kC };\n int d_ = {1};\n};\n"
                    "constexpr int k[] = {\n{1},\n{2},\n};\nstruct { int a; } const k;\n}\n"),
              IsEmpty());
  EXPECT_THAT(Heads("namespace a {\nint F(int x)\n    noexcept {\n  return x;\n}\n}\n"),
              ElementsAre("int F(int x) noexcept"));
}

}  // namespace
}  // namespace cleanfork::tidy
