// How long things may be, so that each can be read in one go.
#ifndef CLEANFORK_TESTS_TIDY_BUDGETS_H_
#define CLEANFORK_TESTS_TIDY_BUDGETS_H_

#include <string>
#include <vector>

namespace cleanfork::tidy {

constexpr int kPublicHeaderLines = 400;  // include/ and mocks/cleanfork/
constexpr int kSourceLines = 600;        // every .cc
constexpr int kFunctionLines = 70;       // from the line of its { to that of its }, in .h and .cc
constexpr int kColumns = 100;            // everything but Markdown; bytes, which is what we write

// A function as the checker sees it: any pair of braces that stands directly in a namespace, a
// class or the file and is not a namespace, a type or an initializer. What stands in it (lambdas,
// local classes) counts as part of it.
struct Function {
  std::string head;  // what stands before its {, spaces joined: "int Answer(int question)"
  int line = 0;      // of its {
  int lines = 0;
};

std::vector<Function> FindFunctions(const std::string& text);

// What is over its budget in the file at `path`, from the top of the workspace; one line each.
std::vector<std::string> OverBudget(const std::string& path, const std::string& text);

}  // namespace cleanfork::tidy

#endif  // CLEANFORK_TESTS_TIDY_BUDGETS_H_
