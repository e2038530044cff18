// What a word that was mistyped may have been meant to be.
#ifndef CLEANFORK_SRC_CLI_SUGGESTION_H_
#define CLEANFORK_SRC_CLI_SUGGESTION_H_

#include <string>
#include <vector>

namespace cleanfork::cli {

// The one of `known` that takes the fewest slips to come to `word`, the first of several; "" where
// that takes more slips than anybody makes, which is one for each three letters. A slip is a letter
// too many, too few or wrong, or two that have changed places.
std::string Nearest(const std::string& word, const std::vector<std::string>& known);

// " (did you mean <prefix><nearest>?)", or "" where there is none.
std::string Suggestion(const std::string& word, const std::vector<std::string>& known,
                       const std::string& prefix);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_SUGGESTION_H_
