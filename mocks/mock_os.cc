#include "cleanfork/mock_os.h"

#include <cerrno>
#include <exception>
#include <type_traits>

template class testing::NiceMock<cleanfork::MockOs>;
template class testing::NaggyMock<cleanfork::MockOs>;
template class testing::StrictMock<cleanfork::MockOs>;

namespace cleanfork {
namespace {

using ::testing::Return;

template <typename Result>
struct DefaultAnswer {
  Result operator()() const { return SysError(ENOSYS); }
};

// The calls that cannot fail are given their answers by name, in MockOsMethods().
template <>
struct DefaultAnswer<pid_t> {
  pid_t operator()() const { return 100; }
};
template <>
struct DefaultAnswer<uid_t> {  // gid_t and mode_t too
  uid_t operator()() const { return 1000; }
};
template <>
struct DefaultAnswer<const char*> {
  const char* operator()() const { return nullptr; }
};
template <>
struct DefaultAnswer<char* const*> {
  char* const* operator()() const {
    static char* const kEmpty[] = {nullptr};
    return kEmpty;
  }
};
template <>
struct DefaultAnswer<void> {
  void operator()() const {}
};

}  // namespace

MockOsMethods::MockOsMethods() {
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  ON_CALL(*this, Method).WillByDefault([](auto&&...) { return DefaultAnswer<Result>()(); });
#include "cleanfork/os_calls.inc"
  ON_CALL(*this, GetPpid).WillByDefault(Return(1));
  ON_CALL(*this, Umask).WillByDefault(Return(022));
}

MockOsMethods::~MockOsMethods() = default;

MockOs::MockOs() = default;
MockOs::~MockOs() = default;

void MockOs::DelegateTo(Os& os) {
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  ON_CALL(*this, Method).WillByDefault([&os] parameters -> Result { return os.Method arguments; });
#include "cleanfork/os_calls.inc"
  ON_CALL(*this, OnExit).WillByDefault([&os](int status) { os.Exit(status); });
}

void MockOs::Exit(int status) {
  in_flight_at_exit_ = std::uncaught_exceptions();
  OnExit(status);
  throw ProcessExited{status};
}

SysResult<pid_t> MockOs::VforkCall(int (*function)(void*), void* argument, int termination_signal) {
  const int in_flight = std::uncaught_exceptions();
  try {
    return MockOsMethods::VforkCall(function, argument, termination_signal);
  } catch (const ProcessExited&) {
    // VforkAsChild() exits without Exit() when the function returns.
    in_flight_at_exit_ = in_flight;
    throw;
  }
}

SysResult<void> MockOs::Close(int fd) {
  const int in_flight_at_exit = in_flight_at_exit_;
  if (in_flight_at_exit != kNoExit) {
    if (std::uncaught_exceptions() > in_flight_at_exit) return {};
    in_flight_at_exit_ = kNoExit;
  }
  return MockOsMethods::Close(fd);
}

}  // namespace cleanfork
