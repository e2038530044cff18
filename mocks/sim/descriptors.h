// Descriptors and the open file descriptions behind them: open(2), dup(2), fcntl(2).
#ifndef CLEANFORK_MOCKS_SIM_DESCRIPTORS_H_
#define CLEANFORK_MOCKS_SIM_DESCRIPTORS_H_

#include <string>

#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

// What stands behind a descriptor, or null.
Description* FindDescription(Kernel* kernel, const Process& process, int fd);
const Description* FindDescription(const Kernel& kernel, const Process& process, int fd);

// The lowest free descriptor from `minimum` up and below RLIMIT_NOFILE, or -1.
int FindFreeDescriptor(const Process& process, int minimum);

// Makes a description like `model`, of one reference, behind `fd`, which is free.
void InstallDescription(Kernel* kernel, Process* process, int fd, const Description& model,
                        bool close_on_exec);

// Whether `count` more may be open in the whole system: ENFILE, if not.
bool HasRoomForFiles(const Kernel& kernel, const Process& process, int count);

// Frees `fd`, which is open, and with the last reference what is behind it.
void CloseDescriptor(Kernel* kernel, Process* process, int fd);
void CloseAllDescriptors(Kernel* kernel, Process* process);
void CloseForExec(Kernel* kernel, Process* process);

// fork(2): every description has one reference more.
void ShareDescriptors(Kernel* kernel, const Process& process);

// "pipe 3, to read", "/etc/passwd": for messages and inspection.
std::string DescribeDescription(const Kernel& kernel, const Description& description);

// fstat(2).
FileStatus StatusBehind(const Kernel& kernel, const Description& description);

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_DESCRIPTORS_H_
