// All CLEANFORK_PROBE()s of the library and the command, as they stand in the source: made when it
// is built.
#ifndef CLEANFORK_TESTS_EXPLORE_PROBES_PROBES_OF_SRC_H_
#define CLEANFORK_TESTS_EXPLORE_PROBES_PROBES_OF_SRC_H_

#include <string>
#include <vector>

namespace cleanfork::explore {

struct SourceProbe {
  std::string text;
  std::string file;
  int line;
};

std::vector<SourceProbe> ProbesOfSrc();

}  // namespace cleanfork::explore

#endif  // CLEANFORK_TESTS_EXPLORE_PROBES_PROBES_OF_SRC_H_
