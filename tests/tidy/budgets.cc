#include "tests/tidy/budgets.h"

#include <regex>
#include <string>
#include <vector>

#include "tests/tidy/cxx_text.h"

namespace cleanfork::tidy {
namespace {

bool IsCxx(const std::string& path) { return EndsWith(path, ".h") || EndsWith(path, ".cc"); }

bool IsPublicHeader(const std::string& path) {
  return EndsWith(path, ".h") &&
         (path.rfind("include/", 0) == 0 || path.rfind("mocks/cleanfork/", 0) == 0);
}

std::string JoinSpaces(const std::string& text) {
  static const auto* const spaces = new std::regex("\\s+");
  static const auto* const ends = new std::regex("^ | $");
  return std::regex_replace(std::regex_replace(text, *spaces, " "), *ends, "");
}

// Whether the brace after `head` opens something that has functions in it.
bool OpensScope(const std::string& head) {
  static const auto* const scope = new std::regex(
      "(.*\\W)?namespace(\\W.*)?|extern \" *\"|"
      "(template ?<.*> ?)?(.*\\W)?(class|struct|union)\\W[^()=]*|"
      "(class|struct|union)( [\\w:]+)?");
  return std::regex_match(head, *scope);
}

bool OpensInitializer(const std::string& head) {
  static const auto* const initializer =
      new std::regex("(.*\\W)?enum(\\W[^()]*)?|.*[=,(]|.*\\bconcept\\b.*");
  return std::regex_match(head, *initializer);
}

}  // namespace

std::vector<Function> FindFunctions(const std::string& text) {
  const std::string code = BlankPreprocessor(BlankCommentsAndLiterals(text));
  std::vector<Function> functions;
  std::string head;
  int line = 1;
  int inside = 0;  // braces open in the function or the initializer that we are in
  bool in_function = false;
  for (char c : code) {
    if (c == '\n') ++line;
    if (inside > 0) {
      if (c == '{') ++inside;
      if (c == '}' && --inside == 0 && in_function) {
        functions.back().lines = line - functions.back().line + 1;
      }
    } else if (c == '{') {
      const std::string before = JoinSpaces(head);
      if (!OpensScope(before)) {
        inside = 1;
        in_function = !OpensInitializer(before);
        if (in_function) functions.push_back({before, line, 0});
      }
      head.clear();
    } else if (c == ';' || c == '}') {
      head.clear();
    } else {
      head += c;
    }
  }
  return functions;
}

std::vector<std::string> OverBudget(const std::string& path, const std::string& text) {
  std::vector<std::string> findings;
  const auto check = [&](int line, const std::string& what, size_t size, int budget,
                         const char* unit) {
    if (size <= static_cast<size_t>(budget)) return;
    findings.push_back(path + ":" + std::to_string(line) + ": " + what + " has " +
                       std::to_string(size) + " " + unit + ", the budget is " +
                       std::to_string(budget));
  };
  const std::vector<std::string> lines = SplitLines(text);
  if (IsPublicHeader(path)) check(1, "public header", lines.size(), kPublicHeaderLines, "lines");
  if (EndsWith(path, ".cc")) check(1, "file", lines.size(), kSourceLines, "lines");
  if (!EndsWith(path, ".md")) {
    for (size_t i = 0; i < lines.size(); ++i) {
      check(static_cast<int>(i + 1), "line", lines[i].size(), kColumns, "columns");
    }
  }
  if (IsCxx(path)) {
    for (const Function& function : FindFunctions(text)) {
      check(function.line, "'" + function.head + "'", static_cast<size_t>(function.lines),
            kFunctionLines, "lines");
    }
  }
  return findings;
}

}  // namespace cleanfork::tidy
