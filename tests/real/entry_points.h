// The four ways to start a child, as one parameter, for tests that hold for all of them.
#ifndef CLEANFORK_TESTS_REAL_ENTRY_POINTS_H_
#define CLEANFORK_TESTS_REAL_ENTRY_POINTS_H_

#include <gtest/gtest.h>

#include <string>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"

namespace cleanfork {

// kDaemonize is one whose starter is kept, and whose daemon says at once that it is ready; its
// threads are not counted.
enum class EntryPoint { kForkChild, kRunInChild, kSpawn, kDaemonize };

// What a daemon exits with that cannot say that it is ready.
constexpr int kNotReadyStatus = 99;

const char* EntryPointName(EntryPoint entry);

// Starts a child that waits, for a minute and a half at the most, until it is killed. It is then in
// the state in which the library leaves it. For Session::kDaemon the caller has to be a subreaper
// (tests/real/own_process.h).
absl::StatusOr<Child> StartPausing(EntryPoint entry, const ForkOptions& options, Os& os);

// Starts a child that exits with `status`.
absl::StatusOr<Child> StartExiting(EntryPoint entry, int status, const ForkOptions& options,
                                   Os& os);

// TEST_P over the four, with their names.
class EveryEntryPoint : public ::testing::TestWithParam<EntryPoint> {};

inline auto EntryPoints() {
  return ::testing::Values(EntryPoint::kForkChild, EntryPoint::kRunInChild, EntryPoint::kSpawn,
                           EntryPoint::kDaemonize);
}
inline std::string EntryPointTestName(const ::testing::TestParamInfo<EntryPoint>& info) {
  return EntryPointName(info.param);
}

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_ENTRY_POINTS_H_
