#include "src/cli/suggestion.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace cleanfork::cli {
namespace {

// Of two neighbours that have changed places nothing else is changed.
size_t Slips(const std::string& from, const std::string& to) {
  // slips[i][j]: from the first i letters of the one to the first j of the other.
  std::vector<std::vector<size_t>> slips(from.size() + 1, std::vector<size_t>(to.size() + 1));
  for (size_t i = 0; i <= from.size(); ++i) slips[i][0] = i;
  for (size_t j = 0; j <= to.size(); ++j) slips[0][j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t wrong = from[i - 1] == to[j - 1] ? 0 : 1;
      slips[i][j] =
          std::min(std::min(slips[i - 1][j], slips[i][j - 1]) + 1, slips[i - 1][j - 1] + wrong);
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
        slips[i][j] = std::min(slips[i][j], slips[i - 2][j - 2] + 1);
      }
    }
  }
  return slips[from.size()][to.size()];
}

}  // namespace

std::string Nearest(const std::string& word, const std::vector<std::string>& known) {
  size_t fewest = std::max<size_t>(word.size() / 3, 1) + 1;
  std::string nearest;
  for (const std::string& candidate : known) {
    // Whoever has typed nothing of a word has not meant it. And an argument may be long.
    const size_t longer = std::max(word.size(), candidate.size());
    const size_t shorter = std::min(word.size(), candidate.size());
    if (longer - shorter >= fewest || shorter < 2) continue;
    const size_t slips = Slips(word, candidate);
    if (slips >= fewest) continue;
    fewest = slips;
    nearest = candidate;
  }
  return nearest;
}

std::string Suggestion(const std::string& word, const std::vector<std::string>& known,
                       const std::string& prefix) {
  const std::string nearest = Nearest(word, known);
  return nearest.empty() ? "" : absl::StrCat(" (did you mean ", prefix, nearest, "?)");
}

}  // namespace cleanfork::cli
