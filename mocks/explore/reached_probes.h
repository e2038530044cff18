// ReachedProbes: which probes (cleanfork/probe.h) runs come to.
#ifndef CLEANFORK_MOCKS_EXPLORE_REACHED_PROBES_H_
#define CLEANFORK_MOCKS_EXPLORE_REACHED_PROBES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

namespace cleanfork::explore {

// Those of one run. What a process allocates is taken back with it (cleanfork/sim_heap.h), and it
// is processes that come to probes: so this allocates nothing.
class ReachedProbes {
 public:
  // Of a run, each counted once; aborts when there are more.
  static constexpr size_t kMost = 256;

  void Clear() { size_ = 0; }
  size_t size() const { return size_; }
  void ReturnTo(size_t size) { size_ = size; }
  void Add(const char* what);

  const char* const* begin() const { return probes_.data(); }
  const char* const* end() const { return probes_.data() + size_; }

 private:
  std::array<const char*, kMost> probes_;
  size_t size_ = 0;
};

// How many runs came to each.
class ProbeCounts {
 public:
  void Count(const ReachedProbes& of_run);
  const std::map<std::string, int64_t>& counts() const { return counts_; }

 private:
  // One text may stand at several addresses.
  std::map<std::string, int64_t> counts_;
  std::unordered_map<const char*, int64_t*> by_address_;
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_REACHED_PROBES_H_
