// Who the child will be: an Identity looked up in passwd(5) and group(5), in the parent.
#ifndef CLEANFORK_SRC_IDENTITY_H_
#define CLEANFORK_SRC_IDENTITY_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"

namespace cleanfork {

struct ResolvedIdentity {
  std::optional<uid_t> uid;  // absent: unchanged
  std::optional<gid_t> gid;
  std::optional<std::vector<gid_t>> groups;  // sorted, without duplicates; absent: unchanged
  std::optional<UserRecord> record;          // where passwd(5) has one for the uid
};

// Errors: kResolveUser with ENOENT for an unknown user or group; kValidate for what contradicts
// itself or for an id of -1.
absl::StatusOr<ResolvedIdentity> ResolveIdentity(const Identity& identity, Os& os);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_IDENTITY_H_
