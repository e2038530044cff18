// How much a simulated kernel has room for. The state is flat, so that its bytes are its value;
// what does not fit aborts and names the capacity, never fails as a kernel would.
#ifndef CLEANFORK_MOCKS_SIM_CAPACITY_H_
#define CLEANFORK_MOCKS_SIM_CAPACITY_H_

#include <cstddef>

namespace cleanfork::sim {

constexpr int kMaxProcesses = 32;      // that are not reaped yet, at once
constexpr int kMaxDescriptors = 256;   // of one process; also the highest number plus one
constexpr int kMaxDescriptions = 256;  // open file descriptions, pidfds among them
constexpr int kMaxPipes = 64;
constexpr int kMaxPages = 512;  // of 4 KiB, in pipes and files together
constexpr int kMaxInodes = 192;
constexpr int kMaxNames = 256;       // entries of all directories
constexpr size_t kMaxNameSize = 64;  // of one, with its NUL
constexpr int kMaxFilePages = 16;    // of one file: 64 KiB
constexpr size_t kMaxGroups = 64;    // supplementary, of one process
constexpr size_t kPageSize = 4096;
constexpr int kMaxSockets = 32;                          // that are open
constexpr int kMaxReceivers = 8;                         // sockets of others, that can be sent to
constexpr int kMaxDatagrams = 64;                        // of a whole run
constexpr size_t kMaxDatagramBytes = size_t{256} << 10;  // in all of them together

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_CAPACITY_H_
