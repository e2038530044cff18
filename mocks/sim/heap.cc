#include "mocks/sim/heap.h"

namespace cleanfork::sim {

thread_local HeapTracker* HeapTracker::installed_ = nullptr;
thread_local ProcessHeap* AllocatingFor::current_ = nullptr;

}  // namespace cleanfork::sim
