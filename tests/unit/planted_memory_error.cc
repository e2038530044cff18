// A program whose simulated process reads what it has freed, for valgrind_test.cc.
#include "cleanfork/sim_os.h"

int main() {
  cleanfork::SimOs sim;
  const cleanfork::SimRun run = sim.Run([](cleanfork::Os& os) {
    int* volatile number = new int(0);
    delete number;
    os.Umask(022);
    return *number != 0 ? 1 : 2;
  });
  return run.end == cleanfork::SimEnd::kAllEnded ? 0 : 1;
}
