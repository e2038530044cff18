// Bodies by chance, of two or three processes and a few calls each. What they do is a list of
// operations, so that one that shows something can be printed, and comes again with its seed.
#ifndef CLEANFORK_TESTS_EXPLORE_RANDOM_BODIES_H_
#define CLEANFORK_TESTS_EXPLORE_RANDOM_BODIES_H_

#include <string>

#include "cleanfork/checker.h"
#include "cleanfork/explore.h"

namespace cleanfork {

struct RandomBody {
  std::string text;
  Scenario scenario;  // without checkers
};
RandomBody MakeRandomBody(int seed);

// What a run came to, in words: of each process its calls and what it saw.
std::string DescribeRun(const Execution& run);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_EXPLORE_RANDOM_BODIES_H_
