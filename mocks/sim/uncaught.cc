#include "mocks/sim/uncaught.h"

#include <cxxabi.h>

#include <cstdlib>
#include <exception>
#include <string>
#include <typeinfo>

namespace cleanfork::sim {

std::string DescribeException() {
#if defined(__cpp_exceptions)
  const std::type_info* const type = abi::__cxa_current_exception_type();
  if (type == nullptr) return "of another language";
  int error = 0;
  char* const name = abi::__cxa_demangle(type->name(), nullptr, nullptr, &error);
  std::string text = name != nullptr ? name : type->name();
  std::free(name);
  try {
    throw;
  } catch (const std::exception& exception) {
    text += std::string(": ") + exception.what();
  } catch (...) {
    static_cast<void>(0);  // its type says all that is known of it
  }
  return text;
#else
  return "";
#endif
}

}  // namespace cleanfork::sim
