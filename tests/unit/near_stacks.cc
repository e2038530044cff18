// A program for valgrind_test.cc: simulated processes that take turns, run by a thread. Its stack
// is mapped where theirs are, so that a switch between them looks like a stack that grows or
// shrinks by less than valgrind's --max-stackframe; valgrind then takes the one that was left for
// free memory, unless it has been told that they are stacks. From the stack of the main thread they
// are too far away to be confused.
#include <sys/wait.h>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

constexpr int kTurns = 20;

// A byte goes to and fro between two processes, each of which keeps something on its stack.
int PassToAndFro(Os& os) {
  const PipeEnds there = os.Pipe().value();
  const PipeEnds back = os.Pipe().value();
  const pid_t child = os.Fork().value();
  int turns[kTurns] = {};
  for (int& turn : turns) {
    char byte = 'x';
    if (child != 0) os.Write(there.write_end, &byte, 1).IgnoreError();
    os.Read(child != 0 ? back.read_end : there.read_end, &byte, 1).IgnoreError();
    if (child == 0) os.Write(back.write_end, &byte, 1).IgnoreError();
    turn = byte == 'x' ? 1 : 0;
  }
  int sum = 0;
  for (int turn : turns) sum += turn;
  if (child == 0) return sum;
  const int status = os.WaitPid(child, 0).value().status;
  return sum == kTurns && WEXITSTATUS(status) == kTurns ? 0 : 1;
}

int RunInAThread() {
  int result = 1;
  std::thread([&result] {
    SimOs sim;
    const SimRun run = sim.Run(&PassToAndFro);
    if (run.end == SimEnd::kAllEnded) result = sim.process(100)->wait_status;
  }).join();
  return result;
}

}  // namespace
}  // namespace cleanfork

int main() { return cleanfork::RunInAThread() == 0 ? 0 : 1; }
