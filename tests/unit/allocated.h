// What the program that this is linked into has allocated.
#ifndef CLEANFORK_TESTS_UNIT_ALLOCATED_H_
#define CLEANFORK_TESTS_UNIT_ALLOCATED_H_

#include <cstdint>

namespace cleanfork {

struct Allocated {
  int64_t blocks = 0;    // from malloc(3) and its like; 0 under a sanitizer, which has its own
  int64_t bytes = 0;     // exact under a sanitizer; otherwise with what malloc(3) adds and keeps
  int64_t resident = 0;  // of heap, data and stacks, in KiB; 0 under a sanitizer
};

Allocated WhatIsAllocated();

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_UNIT_ALLOCATED_H_
