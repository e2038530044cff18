#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

std::string Differs(const ExecutedProcess& process, const char* what, SignalSet now,
                    SignalSet before) {
  return explore::Who(process) + " returned with " + what + ": " + explore::SignalText(now) +
         "; expected as at its beginning: " + explore::SignalText(before);
}

std::string Check(const Execution& run) {
  const ExecutedProcess* first = explore::ReturnedFirst(run);
  if (first == nullptr) return "";
  const ExecutedProcess& before = run.beginning();
  if (first->mask != before.mask) {
    return Differs(*first, "blocked signals", first->mask, before.mask);
  }
  if (first->ignored != before.ignored) {
    return Differs(*first, "ignored signals", first->ignored, before.ignored);
  }
  if (first->handled != before.handled) {
    return Differs(*first, "handled signals", first->handled, before.handled);
  }
  return "";
}

}  // namespace

std::shared_ptr<const Checker> MaskAndDispositionsRestored() {
  return MakeChecker("mask and dispositions are restored", Check);
}

}  // namespace cleanfork
