#include "cleanfork/os_wrapper.h"

#include <type_traits>

namespace cleanfork {

// A call that Os has and the table has not would leave OsWrapper abstract; a call that the table
// has and Os has not would override nothing.
static_assert(!std::is_abstract<OsWrapper>::value,
              "Os has a call that os_calls.inc lacks: CONTRIBUTING.md says how to add one");

OsWrapper::~OsWrapper() = default;

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result OsWrapper::Method parameters { return wrapped_.Method arguments; }
#include "cleanfork/os_calls.inc"

void OsWrapper::Exit(int status) {
  wrapped_.Exit(status);
  __builtin_unreachable();  // g++ does not see that a virtual function never returns
}

}  // namespace cleanfork
