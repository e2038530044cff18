#ifndef CLEANFORK_SRC_CHILD_CLOSE_DESCRIPTORS_H_
#define CLEANFORK_SRC_CHILD_CLOSE_DESCRIPTORS_H_

#include <cstddef>

#include "cleanfork/os.h"

namespace cleanfork {

// Closes every descriptor from 3 up but `kept` and the two of `also_kept` (-1: none): with
// close_range(2), or, where the kernel or a seccomp filter has it not (ENOSYS, EPERM), by reading
// /proc/self/fd. Never by trying every number up to the limit, which may be 2^30. Signal-safe. The
// errno is that of the call which failed last.
SysResult<void> CloseDescriptors(Os& os, const int* kept, size_t kept_count, PipeEnds also_kept);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_CHILD_CLOSE_DESCRIPTORS_H_
