// Tables of cases that hold on the real kernel and on the simulated one. A row is a test of its
// own.
//
//   const ConformanceCase kReads[] = {
//       {"OfADirectoryIsRefused",
//        [](Os& os, Notes& notes) { notes.Add(os.Read(OpenTree(os), nullptr, 0)); },
//        "EISDIR"},
//   };
//   CLEANFORK_CONFORMANCE(Read, kReads);
//
// A row that cannot hold on one of the two says there why, as its last member: it is skipped there,
// with that reason. count_test counts these, and those that hold on both, and misses any case that
// stands in cases.txt and is lost.
#ifndef CLEANFORK_TESTS_CONFORMANCE_CONFORMANCE_CASE_H_
#define CLEANFORK_TESTS_CONFORMANCE_CONFORMANCE_CASE_H_

#include <gtest/gtest.h>

#include <iosfwd>
#include <string>

#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {

// The property that a test records (RecordProperty() of gtest) which needs privileges on the real
// kernel, so that count_test counts it apart.
constexpr const char* kPrivileged = "privileged";

struct Excuse {
  enum class From { kNothing, kSimulated, kReal };
  From from = From::kNothing;
  const char* why = "";
};

constexpr Excuse NotOnSimulated(const char* why) { return {Excuse::From::kSimulated, why}; }
constexpr Excuse NotOnReal(const char* why) { return {Excuse::From::kReal, why}; }

struct ConformanceCase {
  const char* name;
  ObservedBody body;
  const char* expected;
  Excuse excuse = {};
};

void PrintTo(const ConformanceCase& row, std::ostream* out);
std::string CaseName(const testing::TestParamInfo<ConformanceCase>& info);

class Conformance : public testing::TestWithParam<ConformanceCase> {};

// As above, for rows that begin as root and take other identities: where the real kernel does not
// allow that, they skip.
class ConformanceOfRoot : public Conformance {
 protected:
  void SetUp() override;
};

#define CLEANFORK_CONFORMANCE(Noun, rows) \
  INSTANTIATE_TEST_SUITE_P(Noun, Conformance, testing::ValuesIn(rows), CaseName)
#define CLEANFORK_CONFORMANCE_OF_ROOT(Noun, rows) \
  INSTANTIATE_TEST_SUITE_P(Noun, ConformanceOfRoot, testing::ValuesIn(rows), CaseName)

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_CONFORMANCE_CONFORMANCE_CASE_H_
