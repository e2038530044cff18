// Who a simulated process is: credentials(7), and as much of capabilities(7) as changes of ids and
// permissions need.
#ifndef CLEANFORK_MOCKS_SIM_CREDENTIALS_H_
#define CLEANFORK_MOCKS_SIM_CREDENTIALS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "cleanfork/os_types.h"
#include "mocks/sim/capacity.h"

namespace cleanfork::sim {

// Numbers of capabilities(7), as bits.
constexpr uint64_t kCapDacOverride = uint64_t{1} << 1;
constexpr uint64_t kCapDacReadSearch = uint64_t{1} << 2;
constexpr uint64_t kCapFowner = uint64_t{1} << 3;
constexpr uint64_t kCapFsetId = uint64_t{1} << 4;
constexpr uint64_t kCapKill = uint64_t{1} << 5;
constexpr uint64_t kCapSetGid = uint64_t{1} << 6;
constexpr uint64_t kCapSetUid = uint64_t{1} << 7;
constexpr uint64_t kCapSysChroot = uint64_t{1} << 18;
constexpr uint64_t kCapSysAdmin = uint64_t{1} << 21;
constexpr uint64_t kCapSysNice = uint64_t{1} << 23;
constexpr uint64_t kCapSysResource = uint64_t{1} << 24;
constexpr uint64_t kAllCapabilities = (uint64_t{1} << 41) - 1;  // up to CAP_CHECKPOINT_RESTORE

// Of users and of groups alike.
struct Ids {
  uint32_t real;
  uint32_t effective;
  uint32_t saved;
  uint32_t file_system;
};

struct Credentials {
  Ids user;
  Ids group;
  uint32_t groups[kMaxGroups];
  uint32_t group_count;
  uint32_t no_new_privs;
  CapabilitySets capabilities;

  bool Has(uint64_t capability) const { return (capabilities.effective & capability) != 0; }
  bool InGroup(gid_t gid) const;  // by the file-system id, as permissions are checked
};

// Each returns an errno or 0, and changes `credentials` only on success.
int SetUid(Credentials* credentials, uid_t uid);
int SetReUid(Credentials* credentials, uid_t real, uid_t effective);
int SetResUid(Credentials* credentials, uid_t real, uid_t effective, uid_t saved);
void SetFsUid(Credentials* credentials, uid_t uid);
int SetGid(Credentials* credentials, gid_t gid);
int SetReGid(Credentials* credentials, gid_t real, gid_t effective);
int SetResGid(Credentials* credentials, gid_t real, gid_t effective, gid_t saved);
void SetFsGid(Credentials* credentials, gid_t gid);

// Whether a change is one that takes the parent-death signal back: prctl(2). Linux asks the same of
// set*id and of exec.
bool IsNewIdentity(const Credentials& old, const Credentials& now);

// What execve(2) of a file without set-id bits and capabilities does.
void ChangeForExec(Credentials* credentials);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_CREDENTIALS_H_
