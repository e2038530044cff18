// What is taken out of a document and how it is wrapped, and that nothing that looks like an
// example escapes.
#include "tests/examples/example_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cleanfork::examples {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Wrapped(const std::string& text, const std::string& path = "include/cleanfork/x.h") {
  std::string wrong;
  const Example example = ReadExample(path, text, &wrong);
  return wrong.empty() ? WrapExample(example) : wrong;
}

std::vector<bool> Declarations(const std::string& code) {
  std::string wrong;
  std::vector<bool> declarations;
  const Example example = ReadExample("page.md", "```cpp\n" + code + "\n```\n", &wrong);
  for (const ExampleItem& item : example.items) declarations.push_back(item.is_declaration);
  return declarations;
}

TEST(ExampleCode, StatementsOfAHeaderStandInAFunctionWithTheLinesThatTheyAreOn) {
  EXPECT_EQ(
      Wrapped("// X: it is.\n//\n//   int a = 1;\n//   Use(a);  // one\n//\n// Then\n//\n"
              "//   Use(\n//       2);\n#ifndef X\n//   Use(3);\n"),
      "namespace x_h {\nReturned Statements() {\n#line 3 \"include/cleanfork/x.h\"\nint a = 1;"
      "\n#line 4 \"include/cleanfork/x.h\"\nUse(a);\n#line 4 \"include/cleanfork/x.h\"\n"
      "// one\nUse(\n    2);\nreturn {};\n}\n}  // namespace x_h\n\n");
}

TEST(ExampleCode, DeclarationsStandOutsideOfTheFunction) {
  EXPECT_EQ(
      Wrapped("//\n//   int One() { return 1; }\n//   Use(One());\n"),
      "namespace x_h {\n#line 2 \"include/cleanfork/x.h\"\nint One() { return 1; }\n"
      "Returned Statements() {\n#line 3 \"include/cleanfork/x.h\"\nUse(One());\nreturn {};\n}\n"
      "}  // namespace x_h\n\n");
}

TEST(ExampleCode, TypesAndFunctionsAreDeclarationsAndNothingElseIs) {
  EXPECT_THAT(Declarations("class A : B {\n  int x = 1;\n};"), ElementsAre(true));
  EXPECT_THAT(Declarations("template <int> int F() { return 1; }"), ElementsAre(true));
  EXPECT_THAT(Declarations("TEST(A, B) {\n  x = 1;\n}"), ElementsAre(true));
  EXPECT_THAT(Declarations("absl::StatusOr<int> F(const A& a) const { return a; }"),
              ElementsAre(true));
  EXPECT_THAT(Declarations("if (a) { b; } else { c; }"), ElementsAre(false, false));
  EXPECT_THAT(Declarations("while (a(b)) {\n  c;\n}\nd;"), ElementsAre(false, false));
  EXPECT_THAT(Declarations("auto f = [](int a) { return a; };"), ElementsAre(false));
  EXPECT_THAT(Declarations("F({1, 2}, \"};{\");"), ElementsAre(false));
  EXPECT_THAT(Declarations("A a{1};\nint b = A{2}.size();"), ElementsAre(false, false));
}

TEST(ExampleCode, BrokenCodeIsPassedOnForTheCompilerToSee) {
  EXPECT_THAT(Wrapped("//\n//   int a = ...;\n"), HasSubstr("\nint a = ...;\n"));
  EXPECT_THAT(Wrapped("//\n//   Use(a)\n"), HasSubstr("\nUse(a)\n"));
  EXPECT_THAT(Wrapped("//\n//   Use(a;\n"), HasSubstr("\nUse(a;\n"));
}

TEST(ExampleCode, WhatIsIndentedFurtherIsNoCode) {
  EXPECT_THAT(Wrapped("//\n//   a;\n//\n//     P  fork() = 1\n"), Not(HasSubstr("= 1")));
}

TEST(ExampleCode, AHeaderWithoutAnExampleIsWrong) {
  EXPECT_THAT(Wrapped("// X: it is.\n#ifndef X\n"), HasSubstr("there is no example"));
  EXPECT_THAT(Wrapped("// X: it is.\n//\n//   // a comment\n"), HasSubstr("there is no example"));
  EXPECT_THAT(Wrapped("# X\n```console\n$ x\n```\n", "x.md"), HasSubstr("there is no example"));
}

TEST(ExampleCode, CodeThatWouldNotBeCompiledIsWrong) {
  const std::string good = "//\n//   a;\n";
  EXPECT_THAT(Wrapped(good + "// Then:\n//   b();\n"), HasSubstr("line 4: this looks like code"));
  EXPECT_THAT(Wrapped(good + "//\n//     if (b) {\n"), HasSubstr("line 4: this looks like code"));
  EXPECT_THAT(Wrapped(good + "//\n//  b();\n"), HasSubstr("line 4: this looks like code"));
}

TEST(ExampleCode, OfAPageOnlyWhatIsFencedAsCppIsCode) {
  EXPECT_EQ(Wrapped("# X\n```console\n$ a;\n```\n```cpp\nb;\n```\nc;\n", "docs/x.md"),
            "namespace x_md {\nReturned Statements() {\n#line 6 \"docs/x.md\"\nb;\nreturn {};\n}\n"
            "}  // namespace x_md\n\n");
}

}  // namespace
}  // namespace cleanfork::examples
