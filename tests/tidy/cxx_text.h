// C++ source as far as the checks in this folder understand it: text without what only looks like
// code.
#ifndef CLEANFORK_TESTS_TIDY_CXX_TEXT_H_
#define CLEANFORK_TESTS_TIDY_CXX_TEXT_H_

#include <string>
#include <vector>

namespace cleanfork::tidy {

std::vector<std::string> SplitLines(const std::string& text);

bool EndsWith(const std::string& text, const std::string& suffix);

// `text` with every comment blanked and the inside of every string and character literal, raw
// ones too. Lines and columns stay as they were.
std::string BlankCommentsAndLiterals(const std::string& text);

// `code`, without comments and literals, with every preprocessor line blanked, continued ones
// whole.
std::string BlankPreprocessor(const std::string& code);

}  // namespace cleanfork::tidy

#endif  // CLEANFORK_TESTS_TIDY_CXX_TEXT_H_
