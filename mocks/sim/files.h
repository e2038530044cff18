// The tree of files: inodes, names, contents; path_resolution(7) and inode(7).
#ifndef CLEANFORK_MOCKS_SIM_FILES_H_
#define CLEANFORK_MOCKS_SIM_FILES_H_

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "cleanfork/os_types.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

constexpr int kRootInode = 0;

// An inode without a name yet, of the given type and permissions.
int TakeInode(Kernel* kernel, mode_t mode, uid_t uid, gid_t gid);

// The directory's entry of that name: an inode or kNone.
int LookUp(const Kernel& kernel, int directory, const std::string& name);
void AddName(Kernel* kernel, int directory, const std::string& name, int inode);
void RemoveName(Kernel* kernel, int directory, const std::string& name);

// Those flags of open(2) that a description keeps; and the description of one that is open once
// more.
constexpr int kDescriptionFlags = O_ACCMODE | O_APPEND | O_NONBLOCK;
Description OpenInode(Kernel* kernel, int inode, int flags);

// It is open once less; frees one that no name leads to either.
void ReleaseInode(Kernel* kernel, int inode);

size_t ReadFileAt(const Kernel& kernel, int inode, void* buffer, size_t size, int64_t offset);

// How much was written: less than `size` when the disk is full.
size_t WriteFileAt(Kernel* kernel, int inode, const void* buffer, size_t size, int64_t offset);
void Truncate(Kernel* kernel, int inode, int64_t size);
std::string Contents(const Kernel& kernel, int inode);

FileStatus StatusOf(const Kernel& kernel, int inode);
std::string PathOf(const Kernel& kernel, int inode);

// Permissions as access(2) has them, by the file-system ids.
constexpr int kRead = 4;
constexpr int kWrite = 2;
constexpr int kExecute = 1;
bool MayAccess(const Kernel& kernel, const Credentials& credentials, int inode, int how);

// A write or a truncation by somebody without CAP_FSETID takes the set-user-ID and the set-group-ID
// bit away: inode(7).
void TakeSetIdBits(Kernel* kernel, const Credentials& credentials, int inode);

// Whether a descriptor is open that it may be written by; whether a process runs it. Not both, for
// one fails with ETXTBSY.
bool IsOpenForWriting(const Kernel& kernel, int inode);
bool IsRunning(const Kernel& kernel, int inode);

// The type of a lock of another description of the same file that stands in the way of `type`.
int FindConflictingLock(const Kernel& kernel, const Description& own, int type);

// Where a path leads. `error` is 0, or ENOENT with `directory` and `name` for a last part that is
// not there, or what stopped it.
struct Resolved {
  int error = 0;
  int inode = kNone;
  int directory = kNone;
  std::string name;   // the last part
  bool proc = false;  // it is below /proc: `name` is the rest of the path
};
Resolved Resolve(const Kernel& kernel, const Process& process, const char* path, bool follow_last);

// For O_CREAT: EISDIR where a slash follows the last part.
Resolved ResolveToCreate(const Kernel& kernel, const Process& process, const char* path,
                         bool follow_last);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_FILES_H_
