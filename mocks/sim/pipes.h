// Pipes: pipe(7), slot for slot as Linux fills them, so that a writer blocks where it would there.
#ifndef CLEANFORK_MOCKS_SIM_PIPES_H_
#define CLEANFORK_MOCKS_SIM_PIPES_H_

#include <cstddef>

#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// A new pipe, with neither readers nor writers yet.
int TakePipe(Kernel* kernel);

// One end less; frees the pipe with the last.
void DropReader(Kernel* kernel, int pipe);
void DropWriter(Kernel* kernel, int pipe);

inline bool IsEmpty(const Pipe& pipe) { return pipe.count == 0; }
inline bool IsFull(const Pipe& pipe) { return pipe.count == Pipe::kSlots; }

// How much of a write of `size` bytes goes into the page of the last one.
size_t FitsIntoLast(const Pipe& pipe, size_t size);

// Takes up to `size` bytes, as many as there are.
size_t TakeBytes(Kernel* kernel, int pipe, void* buffer, size_t size);

// Puts in what goes without waiting, and returns how much. `first` says that nothing of this write
// is in yet: only then does it go on in the page of the last one.
size_t PutBytes(Kernel* kernel, int pipe, const void* buffer, size_t size, bool first);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_PIPES_H_
