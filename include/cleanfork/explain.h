// Explain: what Spawn() would do, step by step in its order, without doing it.
//
//   absl::StatusOr<std::vector<cleanfork::PlannedAction>> plan =
//       cleanfork::Explain({"/usr/bin/worker"}, options);
//   if (!plan.ok()) return plan.status();   // as Spawn() would have failed before its fork
//   for (const cleanfork::PlannedAction& action : *plan) std::puts(action.text.c_str());
//
// The plan is the one that Spawn() builds, and not a description beside it: users and groups are
// looked up, and what contradicts itself is found. But nothing is forked, and no file of a stream
// is opened or made; so what would fail there, or in the child, is not found.
//
// Thread-safe as the look-ups of users are. Not signal-safe. Allocates.
#ifndef CLEANFORK_EXPLAIN_H_
#define CLEANFORK_EXPLAIN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/spawn.h"
#include "cleanfork/step.h"

namespace cleanfork {

struct PlannedAction {
  Step step = Step::kValidate;
  bool in_child = false;
  std::string text;  // for people: "setgid(65534)", "standard output is appended to /var/log/x"
};

// Errors are those of Spawn() at the steps validate, resolve-user, keep-descriptor,
// move-descriptor and pipe; of open-stream only those about /dev/null and descriptors.
absl::StatusOr<std::vector<PlannedAction>> Explain(const Command& command,
                                                   const ForkOptions& options = ForkOptions(),
                                                   Os& os = RealOs());

}  // namespace cleanfork

#endif  // CLEANFORK_EXPLAIN_H_
