// Reads source for its CLEANFORK_PROBE()s.
#ifndef CLEANFORK_TESTS_EXPLORE_PROBES_FIND_PROBES_H_
#define CLEANFORK_TESTS_EXPLORE_PROBES_FIND_PROBES_H_

#include <string>
#include <vector>

namespace cleanfork::explore {

struct FoundProbe {
  std::string text;  // empty: it is no string literal
  int line = 0;
};

// Those in `source`, but for what a comment or a literal says of one.
std::vector<FoundProbe> FindProbes(const std::string& source);

}  // namespace cleanfork::explore

#endif  // CLEANFORK_TESTS_EXPLORE_PROBES_FIND_PROBES_H_
