// Tag: a call of Os as a type, to overload functions by it.
#ifndef CLEANFORK_MOCKS_SIM_CALL_TAG_H_
#define CLEANFORK_MOCKS_SIM_CALL_TAG_H_

#include <type_traits>

#include "cleanfork/os_call.h"

namespace cleanfork::sim {

template <OsCall kCall>
using Tag = std::integral_constant<OsCall, kCall>;

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_CALL_TAG_H_
