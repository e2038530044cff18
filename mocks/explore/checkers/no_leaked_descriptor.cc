#include <algorithm>
#include <vector>

#include "cleanfork/checkers.h"
#include "mocks/explore/checkers/describe.h"

namespace cleanfork {
namespace {

// Those of `a` that are not in `b`.
std::vector<int> Without(const std::vector<int>& a, const std::vector<int>& b) {
  std::vector<int> rest;
  for (int number : a) {
    if (std::find(b.begin(), b.end(), number) == b.end()) rest.push_back(number);
  }
  return rest;
}

std::string Check(const Execution& run) {
  const ExecutedProcess* first = explore::ReturnedFirst(run);
  if (first == nullptr) return "";
  const std::vector<int>& before = run.beginning().descriptors;
  if (first->descriptors == before) return "";
  const std::vector<int> more = Without(first->descriptors, before);
  const std::vector<int> less = Without(before, first->descriptors);
  if (more.empty() && less.empty()) return "";  // in another order
  std::string what = explore::Who(*first) + " returned with ";
  if (!more.empty()) what += "open descriptors that it did not have: " + explore::NumberText(more);
  if (!more.empty() && !less.empty()) what += ", and with ";
  if (!less.empty()) what += "descriptors closed that it had: " + explore::NumberText(less);
  return what + "; expected to be open " + explore::NumberText(before);
}

}  // namespace

std::shared_ptr<const Checker> NoLeakedDescriptor() {
  return MakeChecker("no descriptor is leaked", Check);
}

}  // namespace cleanfork
