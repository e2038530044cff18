// Words and numbers that the text and the page have in common.
#ifndef CLEANFORK_MOCKS_EXPLORE_REPORT_WORDS_H_
#define CLEANFORK_MOCKS_EXPLORE_REPORT_WORDS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cleanfork/explore.h"

namespace cleanfork::explore {

std::string Thousands(int64_t number);                    // "1,234,567"
std::string SecondsText(double seconds);                  // "0.42 s"
std::string VerdictWord(ExploreResult::Verdict verdict);  // "exhausted", "truncated", "failed"

// What the verdict means, in a sentence.
std::string VerdictSentence(const ExploreResult& result);

// "12,345 runs, 678 given up as like another, 0.42 s"
std::string TotalsText(const ExploreResult& result);

// The bounds of ExploreOptions, by name, in its order.
std::vector<std::pair<std::string, std::string>> BoundsOf(const ExploreOptions& options);

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_REPORT_WORDS_H_
