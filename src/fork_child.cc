#include "cleanfork/fork_child.h"

#include <memory>
#include <utility>

#include "src/child_plan.h"
#include "src/enter_child.h"
#include "src/invalid_options.h"
#include "src/launch.h"

namespace cleanfork {
namespace {

constexpr int kBodyThrewStatus = 70;  // EX_SOFTWARE of sysexits.h

// All that runs in the child, of which nothing may unwind into the caller's code.
int RunBody(const std::function<int()>& body, const ForkOptions& options,
            std::unique_ptr<ChildPlan> plan, Os& os) {
#if defined(__cpp_exceptions)
  try {
    EnterChild(options, std::move(plan), os);
    return body();
  } catch (const ProcessExited&) {
    throw;  // a double's Exit(), on its way out
  } catch (...) {
    return kBodyThrewStatus;
  }
#else
  EnterChild(options, std::move(plan), os);
  return body();
#endif
}

}  // namespace

absl::StatusOr<pid_t> ForkChild(const ForkOptions& options, Os& os) {
  for (const Stream* stream : {&options.in, &options.out, &options.err}) {
    if (stream->kind() == Stream::Kind::kPipe) {
      return InvalidOptions("ForkChild() has no way to return a stream's pipe; RunInChild() has");
    }
  }
  absl::StatusOr<std::unique_ptr<ChildPlan>> plan = ChildPlan::Build(options, nullptr, os);
  if (!plan.ok()) return plan.status();
  absl::StatusOr<std::optional<Child>> child = Launch(options, **plan, os).Run();
  if (!child.ok()) return child.status();
  if (child->has_value()) return (*child)->Detach();
  EnterChild(options, *std::move(plan), os);
  return 0;
}

absl::StatusOr<Child> RunInChild(const std::function<int()>& body, const ForkOptions& options,
                                 Os& os) {
  if (!body) return InvalidOptions("RunInChild() needs a body");
  absl::StatusOr<std::unique_ptr<ChildPlan>> plan = ChildPlan::Build(options, nullptr, os);
  if (!plan.ok()) return plan.status();
  absl::StatusOr<std::optional<Child>> child = Launch(options, **plan, os).Run();
  if (!child.ok()) return child.status();
  if (child->has_value()) return **std::move(child);
  os.Exit(RunBody(body, options, *std::move(plan), os) & 0xff);
  __builtin_unreachable();  // g++ does not see that a virtual function never returns
}

}  // namespace cleanfork
