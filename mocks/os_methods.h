// The table of calls as types: for doubles that treat most calls alike and some of them apart.
#ifndef CLEANFORK_MOCKS_OS_METHODS_H_
#define CLEANFORK_MOCKS_OS_METHODS_H_

#include "cleanfork/os.h"
#include "cleanfork/os_call.h"
#include "cleanfork/sys_result.h"

namespace cleanfork {

// OsMethod<OsCall::kRead>::kPointer is &Os::Read.
template <OsCall kCall>
struct OsMethod;

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  template <>                                                                        \
  struct OsMethod<OsCall::k##Method> {                                               \
    static constexpr auto kPointer = &Os::Method;                                    \
    using ResultType = Result;                                                       \
  };
#include "cleanfork/os_calls.inc"

// SysResultValue<SysResult<T>>::Type is T; kIsSysResult says whether there is one at all.
template <typename Result>
struct SysResultValue {
  static constexpr bool kIsSysResult = false;
};
template <typename T>
struct SysResultValue<SysResult<T>> {
  static constexpr bool kIsSysResult = true;
  using Type = T;
};

}  // namespace cleanfork

#endif  // CLEANFORK_MOCKS_OS_METHODS_H_
