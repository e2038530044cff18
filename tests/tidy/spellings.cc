#include "tests/tidy/spellings.h"

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "tests/tidy/cxx_text.h"
#include "tests/tidy/system_calls.h"

namespace cleanfork::tidy {
namespace {

bool IsCxx(const std::string& path) {
  return EndsWith(path, ".h") || EndsWith(path, ".cc") || EndsWith(path, ".inc");
}

bool StartsWith(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// "src/spawn.cc:12: "
std::string Place(const std::string& path, const std::string& text, size_t at) {
  const std::string before = text.substr(0, at);
  return path + ":" + std::to_string(1 + std::count(before.begin(), before.end(), '\n')) + ": ";
}

// Whether what stands before a name and its ( makes it a call of the global function: `::` of
// nothing, an operator, a bracket or `return`, but neither a type (then it is declared), nor a
// `.`, `->` or `Class::`.
bool MayBeGlobalCall(const std::string& before) {
  static const auto* const qualified = new std::regex("[\\w>]\\s*::\\s*$|\\.\\s*$|->\\s*$|[:~]$");
  static const auto* const word = new std::regex("(\\w+)\\s*$");
  static const auto* const keyword = new std::regex("return|else|do|case|throw|goto|and|or|not");
  std::smatch match;
  if (std::regex_search(before, std::regex("(^|[^\\w>])\\s*::\\s*$"))) return true;
  if (std::regex_search(before, *qualified)) return false;
  if (std::regex_search(before, match, *word)) return std::regex_match(match[1].str(), *keyword);
  return !std::regex_search(before, std::regex("[*&>]\\s*$"));
}

void CheckSystemCalls(const std::string& path, const std::string& code,
                      std::vector<std::string>* findings) {
  static const auto* const call = new std::regex("\\b([a-z_][a-z0-9_]*)\\s*\\(");
  for (std::sregex_iterator match(code.begin(), code.end(), *call), end; match != end; ++match) {
    const std::string name = (*match)[1].str();
    if (KindOfSymbol(name) != CallKind::kSystem) continue;
    const auto at = static_cast<size_t>(match->position());
    const size_t line_begin = code.find_last_of(";{}", at) + 1;  // 0 where there is none
    if (!MayBeGlobalCall(code.substr(line_begin, at - line_begin))) continue;
    findings->push_back(Place(path, code, at) + name + "() is a system call: it goes through Os");
  }
}

void CheckStringView(const std::string& path, const std::string& text, const std::string& code,
                     std::vector<std::string>* findings) {
  static const auto* const abseil = new std::regex("(^|\\n)\\s*#\\s*include \"absl/");
  if (!std::regex_search(text, *abseil)) return;
  const size_t at = code.find("std::string_view");
  if (at == std::string::npos) return;
  findings->push_back(Place(path, code, at) +
                      "std::string_view beside Abseil, whose string_view may be another type");
}

void CheckFileName(const std::string& path, std::vector<std::string>* findings) {
  static const auto* const empty =
      new std::regex("(.*[/_.-])?(utils?|utilit(y|ies)|common|helpers?|managers?)([/_.-].*)?");
  if (std::regex_match(path, *empty)) {
    findings->push_back(path + ": the name says nothing of what the file holds");
  }
}

}  // namespace

std::vector<std::string> BannedSpellings(const std::string& path, const std::string& text) {
  std::vector<std::string> findings;
  CheckFileName(path, &findings);
  if (!IsCxx(path)) return findings;
  const std::string code = BlankPreprocessor(BlankCommentsAndLiterals(text));
  CheckStringView(path, text, code, &findings);
  if ((StartsWith(path, "src/") || StartsWith(path, "include/")) && path != "src/real_os.cc") {
    CheckSystemCalls(path, code, &findings);
  }
  return findings;
}

}  // namespace cleanfork::tidy
