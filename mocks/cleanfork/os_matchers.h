// gMock matchers for what a call of Os returned, with texts that name the errno.
//
//   EXPECT_THAT(os.Fork(), cleanfork::SysOk(4711));
//   EXPECT_THAT(os.SetUid(0), cleanfork::SysFails(EPERM));
//   EXPECT_THAT(os.Open(path, O_RDONLY, 0), cleanfork::SysFails(testing::AnyOf(ENOENT, EACCES)));
//   EXPECT_THAT([&] { os.Exit(3); }, cleanfork::ExitsWith(3));
//
// What a failed expectation prints (a test holds the matchers to it):
//
//     Value of: os.Fork()
//     Expected: succeeds
//       Actual: failed with EAGAIN (Resource temporarily unavailable) (of type …)
//
//     Value of: os.SetUid(0)
//     Expected: fails with EPERM (Operation not permitted)
//       Actual: succeeded (of type …)
//
//     Value of: os.Fork()
//     Expected: succeeds with a value that is equal to 4711
//       Actual: succeeded with 7 (of type …)
#ifndef CLEANFORK_OS_MATCHERS_H_
#define CLEANFORK_OS_MATCHERS_H_

#include <gmock/gmock.h>

#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "cleanfork/os.h"
#include "cleanfork/os_printers.h"

namespace cleanfork {
namespace mock_internal {

class SysOkMatcher {
 public:
  using is_gtest_matcher = void;
  template <typename T>
  bool MatchAndExplain(const SysResult<T>& result, std::ostream*) const {
    return result.ok();
  }
  void DescribeTo(std::ostream* os) const { *os << "succeeds"; }
  void DescribeNegationTo(std::ostream* os) const { *os << "fails"; }
};

template <typename Result, typename Value>
class SysOkWithImpl : public ::testing::MatcherInterface<const Result&> {
 public:
  explicit SysOkWithImpl(::testing::Matcher<const Value&> inner) : inner_(std::move(inner)) {}
  bool MatchAndExplain(const Result& result,
                       ::testing::MatchResultListener* listener) const override {
    return result.ok() && inner_.MatchAndExplain(result.value(), listener);
  }
  void DescribeTo(std::ostream* os) const override {
    *os << "succeeds with a value that ";
    inner_.DescribeTo(os);
  }
  void DescribeNegationTo(std::ostream* os) const override {
    *os << "fails, or succeeds with a value that ";
    inner_.DescribeNegationTo(os);
  }

 private:
  const ::testing::Matcher<const Value&> inner_;
};

template <typename Inner>
class SysOkWithMatcher {
 public:
  explicit SysOkWithMatcher(Inner inner) : inner_(std::move(inner)) {}

  template <typename Result>
  operator ::testing::Matcher<Result>() const {  // NOLINT: gMock's way to a polymorphic matcher
    using Plain = std::decay_t<Result>;
    using Value = std::decay_t<decltype(std::declval<Plain>().value())>;
    return ::testing::Matcher<Result>(::testing::MakeMatcher(
        new SysOkWithImpl<Plain, Value>(::testing::SafeMatcherCast<const Value&>(inner_))));
  }

 private:
  const Inner inner_;
};

// An errno, or any matcher of one.
class SysFailsMatcher {
 public:
  using is_gtest_matcher = void;
  explicit SysFailsMatcher(int error);
  explicit SysFailsMatcher(::testing::Matcher<int> error) : error_(std::move(error)) {}

  template <typename T>
  bool MatchAndExplain(const SysResult<T>& result, std::ostream*) const {
    return !result.ok() && error_.Matches(result.error());
  }
  void DescribeTo(std::ostream* os) const;
  void DescribeNegationTo(std::ostream* os) const;

 private:
  ::testing::Matcher<int> error_;
  std::string name_;  // of the one errno, where it is one
};

}  // namespace mock_internal

// The call succeeded.
inline mock_internal::SysOkMatcher SysOk() { return {}; }

// The call succeeded with a value that equals or matches `value`.
template <typename Value>
mock_internal::SysOkWithMatcher<Value> SysOk(Value value) {
  return mock_internal::SysOkWithMatcher<Value>(std::move(value));
}

// The call failed, with whatever errno.
inline mock_internal::SysFailsMatcher SysFails() {
  return mock_internal::SysFailsMatcher(::testing::Matcher<int>(::testing::_));
}

// The call failed with `error`, an errno or a matcher of one.
inline mock_internal::SysFailsMatcher SysFails(int error) {
  return mock_internal::SysFailsMatcher(error);
}
template <typename Matcher, typename = std::enable_if_t<!std::is_convertible_v<Matcher, int>>>
mock_internal::SysFailsMatcher SysFails(Matcher error) {
  return mock_internal::SysFailsMatcher(::testing::SafeMatcherCast<int>(std::move(error)));
}

// A callable that leaves through Exit() of a double, that is by ProcessExited, with a status that
// equals or matches `status`. Whether it returned or threw something else is in the message.
MATCHER_P(ExitsWith, status,
          std::string(negation ? "does not exit" : "exits") + " with a status that " +
              ::testing::DescribeMatcher<int>(status)) {
  try {
    arg();
  } catch (const ProcessExited& exited) {
    *result_listener << "which exits with " << exited.status;
    return ::testing::ExplainMatchResult(status, exited.status, result_listener);
  } catch (...) {
    *result_listener << "which throws something other than ProcessExited";
    return false;
  }
  *result_listener << "which returns";
  return false;
}

}  // namespace cleanfork

#endif  // CLEANFORK_OS_MATCHERS_H_
