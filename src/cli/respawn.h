// When a service that has ended is started again: --respawn, --backoff and --respawn-limit.
#ifndef CLEANFORK_SRC_CLI_RESPAWN_H_
#define CLEANFORK_SRC_CLI_RESPAWN_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "cleanfork/child.h"
#include "src/cli/option.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

std::vector<Option> RespawnOptions();

// InvalidArgument for --backoff and --respawn-limit without --respawn.
absl::Status CheckRespawn(const Settings& settings);

// Whether an end of this kind is one after which the service is wanted again. As systemd's
// Restart=on-failure has it, one that a signal ended by which services are told to end is none.
bool IsWantedAgain(RespawnSettings::When when, const ExitStatus& ended);

// Counts ends, and says how long to wait after each.
class RespawnSchedule {
 public:
  explicit RespawnSchedule(const RespawnSettings& settings) : settings_(settings) {}

  // The service has ended at `now`, nanoseconds on CLOCK_MONOTONIC. Returns how many nanoseconds to
  // wait before it is started again: the initial back-off, doubled for each other respawn within
  // the interval of the limit, at most the longest, and of that a part from a half to all, by
  // `random`. Nullopt: the limit is reached.
  std::optional<int64_t> Next(int64_t now, uint32_t random);

  // How many respawns the interval that ends at the last Next() has seen.
  size_t count() const { return respawns_.size(); }

 private:
  const RespawnSettings settings_;
  std::deque<int64_t> respawns_;  // when; of the last interval
};

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_RESPAWN_H_
