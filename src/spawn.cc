#include "cleanfork/spawn.h"

#include <memory>
#include <optional>
#include <utility>

#include "src/child_plan.h"
#include "src/launch.h"

namespace cleanfork {

absl::StatusOr<Child> Spawn(const Command& command, const ForkOptions& options, Os& os) {
  absl::StatusOr<std::unique_ptr<ChildPlan>> plan = ChildPlan::Build(options, &command, os);
  if (!plan.ok()) return plan.status();
  absl::StatusOr<std::optional<Child>> child = Launch(options, **plan, os).Run();
  if (!child.ok()) return child.status();
  return **std::move(child);  // a program's child never comes back as nullopt
}

}  // namespace cleanfork
