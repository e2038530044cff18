// Bodies by chance, of two or three processes and a few calls each. What they do is a list of
// operations, so that one that shows something can be printed, and comes again with its seed.
#ifndef CLEANFORK_TESTS_EXPLORE_RANDOM_BODIES_H_
#define CLEANFORK_TESTS_EXPLORE_RANDOM_BODIES_H_

#include <cstdint>
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

// What may happen to a body: its exploration is to stay small enough for many of them.
struct RandomBounds {
  const char* name;
  int faults;
  int signals;
  int kills;
};
constexpr RandomBounds kRandomBounds[] = {
    {"alone", 0, 0, 0}, {"fault", 1, 0, 0}, {"signal", 0, 1, 0}, {"kill", 0, 0, 1}};
ExploreOptions RandomBodyOptions(const RandomBounds& bounds, int64_t max_runs);

// The number of that name in the environment.
int FromEnvironment(const char* name, int otherwise);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_EXPLORE_RANDOM_BODIES_H_
