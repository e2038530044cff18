// A system call outside real_os.cc.
#include <unistd.h>

namespace cleanfork {

pid_t PlantedFork() { return ::fork(); }

}  // namespace cleanfork
