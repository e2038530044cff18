// The part of /proc that fork code reads: proc(5). Its files have no inodes; they are what they say
// at the moment when they are read.
#ifndef CLEANFORK_MOCKS_SIM_PROC_FILES_H_
#define CLEANFORK_MOCKS_SIM_PROC_FILES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "cleanfork/os_types.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// Finds `path`, below /proc and without that ("self/stat"), as a description without flags. Returns
// an errno or 0; ENOENT where there is no such process. Refuses what a real /proc has and this has
// not.
int FindProc(const Kernel& kernel, const Process& self, const std::string& path,
             Description* found);

const char* ProcName(int entry);                  // "stat"
bool IsProcLink(const Description& description);  // /proc/PID/fd/N
bool IsProcDirectory(const Description& description);
FileStatus ProcStatus(const Kernel& kernel, const Description& description);

// Where a link of the process's own in /proc leads, "self" or "self/ns/pid", as readlink(2) says.
// Refuses other links.
std::string ProcTarget(const Kernel& kernel, const Process& self, const std::string& path);

// The names in a directory of /proc, without "." and "..".
std::vector<std::string> ProcNames(const Kernel& kernel, const Description& description);

// The whole text of a file of /proc, as `reader` reads it; empty when the process is gone.
std::string ProcText(const Kernel& kernel, const Process& reader, const Description& description);

// Returns an errno or 0.
int WriteProc(Kernel* kernel, const Process& self, const Description& description,
              const void* bytes, size_t size);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_PROC_FILES_H_
