// Worlds in which something runs out or is in use, on both kernels.
#ifndef CLEANFORK_TESTS_CONFORMANCE_SCARCE_WORLD_H_
#define CLEANFORK_TESTS_CONFORMANCE_SCARCE_WORLD_H_

#include <cstdint>
#include <string>

#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {

// As Observe(), with two blocks of 4096 bytes free in /tmp, which is empty. kNoSmallDisk where the
// real kernel lets this user mount none.
constexpr int64_t kSmallDisk = 8192;
constexpr const char* kNoSmallDisk = "no file system could be mounted";
std::string ObserveSmallDiskOnRealKernel(const ObservedBody& body);
std::string ObserveSmallDiskOnSimulatedKernel(const ObservedBody& body);

// As Observe(), with a program that reads its standard input to the end and ends with status 0.
inline const std::string kReader = kTestFile + "-reader";
std::string ObserveReaderOnRealKernel(const ObservedBody& body);
std::string ObserveReaderOnSimulatedKernel(const ObservedBody& body);

inline std::string ObserveWithSmallDisk(const ObservedBody& body) {
#ifdef CLEANFORK_CONFORMANCE_OF_SIM_OS
  return ObserveSmallDiskOnSimulatedKernel(body);
#else
  return ObserveSmallDiskOnRealKernel(body);
#endif
}

inline std::string ObserveWithReader(const ObservedBody& body) {
#ifdef CLEANFORK_CONFORMANCE_OF_SIM_OS
  return ObserveReaderOnSimulatedKernel(body);
#else
  return ObserveReaderOnRealKernel(body);
#endif
}

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_CONFORMANCE_SCARCE_WORLD_H_
