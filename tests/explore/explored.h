// Tests of a scenario within all its bounds.
//
//   class Spawned : public Explored {};
//   TEST_P(Spawned, KeepsTheRules) {
//     EXPECT_THAT(ExploreSlice(SpawnAProgram(), GetParam()), Exhausted());
//   }
//   INSTANTIATE_TEST_SUITE_P(Bounds, Spawned, ::testing::ValuesIn(Slices()), SliceName);
#ifndef CLEANFORK_TESTS_EXPLORE_EXPLORED_H_
#define CLEANFORK_TESTS_EXPLORE_EXPLORED_H_

#include <gtest/gtest.h>

#include <string>

#include "tests/explore/scenarios.h"

namespace cleanfork::explore {

class Explored : public ::testing::TestWithParam<Slice> {};

inline std::string SliceName(const ::testing::TestParamInfo<Slice>& info) {
  return info.param.name;
}

}  // namespace cleanfork::explore

#endif  // CLEANFORK_TESTS_EXPLORE_EXPLORED_H_
