#include <utility>

#include "cleanfork/checkers.h"

namespace cleanfork {
namespace {

class FunctionChecker : public Checker {
 public:
  FunctionChecker(std::string name, std::function<std::string(const Execution&)> check)
      : name_(std::move(name)), check_(std::move(check)) {}

  std::string name() const override { return name_; }
  std::string Check(const Execution& run) const override { return check_(run); }

 private:
  const std::string name_;
  const std::function<std::string(const Execution&)> check_;
};

// In the order in which they are asked: what explains the others comes first.
std::vector<std::shared_ptr<const Checker>> CommonCheckers() {
  return {NothingNondeterministic(),
          NoUncaughtException(),
          NoDeadlock(),
          NoLivelock(),
          NoBadDescriptor(),
          NoHalfDroppedPrivilege(),
          NoLeakedDescriptor(),
          NoZombie(),
          MaskAndDispositionsRestored(),
          TransientFaultsAbsorbed(),
          ReportedErrorWasInjected()};
}

}  // namespace

std::shared_ptr<const Checker> MakeChecker(std::string name,
                                           std::function<std::string(const Execution&)> check) {
  return std::make_shared<FunctionChecker>(std::move(name), std::move(check));
}

std::vector<std::shared_ptr<const Checker>> StandardCheckers() {
  std::vector<std::shared_ptr<const Checker>> checkers = CommonCheckers();
  // A child that falls through does much else that is wrong.
  checkers.insert(checkers.begin() + 1, ExitsOnce());
  checkers.push_back(NoStrayChild());
  return checkers;
}

std::vector<std::shared_ptr<const Checker>> DaemonCheckers() {
  std::vector<std::shared_ptr<const Checker>> checkers = CommonCheckers();
  checkers.push_back(NothingRunsOnAfterFailure());
  return checkers;
}

}  // namespace cleanfork
