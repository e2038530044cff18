#include "tests/examples/example_code.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/tidy/cxx_text.h"

namespace cleanfork::examples {
namespace {

struct Line {
  int number = 0;
  std::string text;
};

size_t Indentation(const std::string& text) {
  return std::min(text.find_first_not_of(' '), text.size());
}

// A ';' alone ends lines of lists too.
bool LooksLikeCode(const std::string& text) {
  return tidy::EndsWith(text, ");") || tidy::EndsWith(text, "};") || tidy::EndsWith(text, "{");
}

// The code in the comment at the top of a header.
std::vector<Line> CodeInOpeningComment(const std::string& text, std::string* wrong) {
  constexpr size_t kProse = 1;  // "// prose"
  constexpr size_t kCode = 3;   // "//   code"
  std::vector<Line> code;
  bool is_first = true;  // of its paragraph
  bool is_code = false;
  int number = 0;
  for (const std::string& line : tidy::SplitLines(text)) {
    ++number;
    if (line.compare(0, 2, "//") != 0) break;
    const std::string content = line.substr(2);
    if (content.empty()) {
      is_first = true;
      continue;
    }
    if (is_first) is_code = Indentation(content) == kCode;
    is_first = false;
    if (Indentation(content) <= kProse) is_code = false;
    if (is_code) {
      code.push_back({number, content.substr(std::min(Indentation(content), kCode))});
    } else if (Indentation(content) > kProse && LooksLikeCode(content)) {
      *wrong += "line " + std::to_string(number) +
                ": this looks like code and would not be compiled: put it into a paragraph of its "
                "own, indented by two\n";
    }
  }
  return code;
}

std::vector<Line> CodeInFences(const std::string& text) {
  std::vector<Line> code;
  bool is_code = false;
  int number = 0;
  for (const std::string& line : tidy::SplitLines(text)) {
    ++number;
    if (line.compare(0, 3, "```") == 0) {
      is_code = line == "```cpp";
    } else if (is_code) {
      code.push_back({number, line});
    }
  }
  return code;
}

std::string FirstWord(const std::string& code) {
  size_t end = 0;
  while (end < code.size() && (std::isalnum(static_cast<unsigned char>(code[end])) != 0 ||
                               code[end] == '_' || code[end] == ':')) {
    ++end;
  }
  return code.substr(0, end);
}

// Whether `code`, an item without comments and literals, has to stand outside of functions: a type,
// or a function with its body, TEST() being one.
bool IsDeclaration(const std::string& item) {
  const std::string code = item.substr(std::min(item.find_first_not_of(" \n"), item.size()));
  static const auto* const types =
      new std::set<std::string>{"class", "struct", "enum", "template", "namespace", "union"};
  static const auto* const controls =
      new std::set<std::string>{"if", "for", "while", "do", "switch", "else", "try", "return"};
  const std::string word = FirstWord(code);
  if (types->count(word) != 0) return true;
  if (controls->count(word) != 0) return false;
  int depth = 0;
  for (size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    if (depth != 0) continue;
    if (c == '=' || c == ';') return false;
    if (c == '{') {
      std::string head = code.substr(0, i);
      while (!head.empty() && (head.back() == ' ' || head.back() == '\n')) head.pop_back();
      return tidy::EndsWith(head, ")") || tidy::EndsWith(head, ") const");
    }
  }
  return false;
}

// Whether the item that has come to a closing brace goes on: "};", "}.value();".
bool GoesOn(const std::string& code, size_t after) {
  const size_t next = code.find_first_not_of(" \n", after);
  return next != std::string::npos &&
         std::string(";,.)-+*/&|=?:<>").find(code[next]) != std::string::npos;
}

std::vector<ExampleItem> SplitItems(const std::vector<Line>& lines) {
  std::string text;
  std::vector<int> number_at;  // of the line of each character
  for (const Line& line : lines) {
    text += line.text + "\n";
    number_at.resize(text.size(), line.number);
  }
  const std::string code = tidy::BlankCommentsAndLiterals(text);
  std::vector<ExampleItem> items;
  size_t start = 0;
  const auto end_item = [&](size_t end) {
    const size_t first = text.find_first_not_of(" \n", start);
    if (code.find_first_not_of(" \n", start) < end) {
      items.push_back({number_at[first], text.substr(first, end - first),
                       IsDeclaration(code.substr(start, end - start))});
    }
    start = end;
  };
  int depth = 0;
  for (size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') --depth;
    if (depth > 0) continue;
    if (c == ';' || (c == '}' && !GoesOn(code, i + 1))) end_item(i + 1);
  }
  end_item(code.size());  // what does not end is no code, and the compiler will say so
  return items;
}

std::string Items(const Example& example, bool declarations) {
  std::string text;
  for (const ExampleItem& item : example.items) {
    if (item.is_declaration != declarations) continue;
    text += "#line " + std::to_string(item.line) + " \"" + example.path + "\"\n" + item.text + "\n";
  }
  return text;
}

}  // namespace

Example ReadExample(const std::string& path, const std::string& text, std::string* wrong) {
  wrong->clear();
  const bool is_page = tidy::EndsWith(path, ".md");
  Example example;
  example.path = path;
  example.items = SplitItems(is_page ? CodeInFences(text) : CodeInOpeningComment(text, wrong));
  if (example.items.empty()) {
    *wrong += is_page ? "there is no example: code stands between ```cpp and ```\n"
                      : "there is no example in the opening comment: code stands in a paragraph of "
                        "its own, indented by two\n";
  }
  return example;
}

std::string WrapExample(const Example& example) {
  std::string name = example.path.substr(example.path.rfind('/') + 1);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  const std::string statements = Items(example, false);
  std::string text = "namespace " + name + " {\n" + Items(example, true);
  if (!statements.empty()) text += "Returned Statements() {\n" + statements + "return {};\n}\n";
  return text + "}  // namespace " + name + "\n\n";
}

}  // namespace cleanfork::examples
