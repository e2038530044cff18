// The daemonizer on the real kernel, for strace(1) to inject faults into.
#include "bench/daemonizer.h"
#include "cleanfork/os.h"

int main() { return cleanfork::RunDaemonizer(cleanfork::RealOs()); }
