#include "tests/explore/probes/find_probes.h"

#include <algorithm>
#include <cstddef>

#include "tests/tidy/cxx_text.h"

namespace cleanfork::explore {
namespace {

constexpr char kSpace[] = " \t\n";

// The literals, one after the other as the compiler joins them, at `at` of `source`.
std::string ReadLiterals(const std::string& source, size_t at) {
  std::string text;
  for (;;) {
    at = source.find_first_not_of(kSpace, at);
    if (at == std::string::npos || source[at] != '"') return text;
    const size_t end = source.find('"', at + 1);
    if (end == std::string::npos) return "";
    text += source.substr(at + 1, end - at - 1);
    at = end + 1;
  }
}

}  // namespace

std::vector<FoundProbe> FindProbes(const std::string& source) {
  const std::string code = tidy::BlankPreprocessor(tidy::BlankCommentsAndLiterals(source));
  const std::string macro = "CLEANFORK_PROBE(";
  std::vector<FoundProbe> found;
  for (size_t at = code.find(macro); at != std::string::npos; at = code.find(macro, at + 1)) {
    FoundProbe probe;
    probe.text = ReadLiterals(source, at + macro.size());
    const auto begin = source.begin();
    probe.line = 1 + static_cast<int>(std::count(begin, begin + static_cast<ptrdiff_t>(at), '\n'));
    found.push_back(probe);
  }
  return found;
}

}  // namespace cleanfork::explore
