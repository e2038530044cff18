// How large the process is that starts a child: fork(2) copies the tables of all its pages.
#ifndef CLEANFORK_BENCH_PARENT_SIZE_H_
#define CLEANFORK_BENCH_PARENT_SIZE_H_

#include <cstddef>

namespace cleanfork {

// Lets this process grow until it has that many MiB in use, in pages of 4 KiB, and says so. False,
// with a word why, where that would leave the machine less than 1 GiB.
bool GrowTo(size_t mebibytes);

}  // namespace cleanfork

#endif  // CLEANFORK_BENCH_PARENT_SIZE_H_
