#include <sys/wait.h>

#include <string>
#include <vector>

#include "cleanfork/sim_os.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {

std::string ObserveOnSimulatedKernel(const ObservedBody& body) {
  SimOsOptions options;
  for (const char* path : {"/bin/true", "/bin/false"}) {
    const int status = path[5] == 't' ? 0 : 1;
    options.programs.push_back(
        {path, [status](Os&, const std::vector<std::string>&) { return status; }});
  }
  SimOs sim(options);
  std::string text;
  const SimRun run = sim.Run([&](Os& os) {
    Notes notes;
    body(os, notes);
    text = notes.text();  // by the first process alone: the others end by Exit()
    return 0;
  });
  if (run.end == SimEnd::kDeadlock || run.end == SimEnd::kNondeterminism) return run.message;
  const int status = sim.process(100)->wait_status;
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "status " + std::to_string(WEXITSTATUS(status));
  return text;
}

}  // namespace cleanfork
