// Code that may throw what nobody catches.
#ifndef CLEANFORK_MOCKS_SIM_UNCAUGHT_H_
#define CLEANFORK_MOCKS_SIM_UNCAUGHT_H_

#include <string>

namespace cleanfork::sim {

// The exception that is being handled, as std::terminate() prints it: "std::runtime_error: text";
// its type alone, if it is not a std::exception.
std::string DescribeException();

// Runs `code`; whether it does not throw. Otherwise `exception` says what.
template <typename Code>
bool RunToEnd(const Code& code, std::string* exception) {
#if defined(__cpp_exceptions)
  try {
    code();
  } catch (...) {
    *exception = DescribeException();
    return false;
  }
#else
  code();
  static_cast<void>(exception);
#endif
  return true;
}

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_UNCAUGHT_H_
