#include "tests/conformance/programs/program_shrinker.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace cleanfork::programs {
namespace {

class Shrinker {
 public:
  Shrinker(Program program, const std::function<bool(const Program&)>& shows)
      : program_(std::move(program)), shows_(shows) {}

  Program Run() {
    bool smaller = true;
    while (smaller) {
      smaller = false;
      for (int process = kMostProcesses - 1; process > 0; --process) {
        smaller |= LeaveOutProcess(process);
      }
      for (size_t size = std::max<size_t>(program_.size() / 2, 1); size > 0; size /= 2) {
        smaller |= LeaveOut(size);
      }
      smaller |= SimplifyArguments();
      smaller |= MergeProcesses();
      smaller |= SimplifyProcesses();
    }
    return program_;
  }

 private:
  // Where a process is meant by an argument, its group included.
  static bool Means(Kind kind, int argument, int process) {
    if (kind == Kind::kNew || kind == Kind::kProcess) return argument == process;
    return kind == Kind::kTarget && argument < kOwnGroup && argument % kGroupOf == process;
  }

  static Program Rename(Program program, int from, int to) {
    for (Step& step : program) {
      if (step.process == from) step.process = to;
      const std::vector<Kind>& kinds = InfoOf(step.call).kinds;
      for (size_t i = 0; i < kinds.size(); ++i) {
        if (Means(kinds[i], step.arguments[i], from)) step.arguments[i] += to - from;
      }
    }
    return program;
  }

  bool IsNamed(int process) const {
    for (const Step& step : program_) {
      const std::vector<Kind>& kinds = InfoOf(step.call).kinds;
      for (size_t i = 0; i < kinds.size(); ++i) {
        if (Means(kinds[i], step.arguments[i], process)) return true;
      }
    }
    return false;
  }

  // Lets the parent do what a child does, or gives the child a smaller number.
  bool SimplifyProcesses() {
    bool smaller = false;
    for (size_t at = 0; at < program_.size(); ++at) {
      const Step step = program_[at];
      const std::vector<Kind>& kinds = InfoOf(step.call).kinds;
      if (kinds.empty() || kinds[0] != Kind::kNew) continue;
      Program candidate = program_;
      candidate.erase(candidate.begin() + static_cast<long>(at));
      smaller |= Take(Rename(candidate, step.arguments[0], step.process));
    }
    for (int process = kMostProcesses - 1; process > 1; --process) {
      for (int free = 1; free < process && IsNamed(process); ++free) {
        if (!IsNamed(free)) smaller |= Take(Rename(program_, process, free));
      }
    }
    return smaller;
  }

  bool Take(const Program& candidate) {
    if (!shows_(candidate)) return false;
    program_ = candidate;
    return true;
  }

  // All that it does, and its making.
  bool LeaveOutProcess(int process) {
    Program candidate;
    for (const Step& step : program_) {
      const CallInfo& info = InfoOf(step.call);
      const bool makes =
          !info.kinds.empty() && info.kinds[0] == Kind::kNew && step.arguments[0] == process;
      if (step.process != process && !makes) candidate.push_back(step);
    }
    return candidate.size() < program_.size() && Take(candidate);
  }

  bool LeaveOut(size_t size) {
    bool smaller = false;
    // From the end: what comes late is needed by least.
    for (size_t end = program_.size(); end > 0;) {
      const size_t start = end > size ? end - size : 0;
      Program candidate(program_.begin(), program_.begin() + static_cast<long>(start));
      candidate.insert(candidate.end(), program_.begin() + static_cast<long>(end), program_.end());
      smaller |= Take(candidate);
      end = start;
    }
    return smaller;
  }

  // What is simpler than an argument, the simplest first. Each is smaller in one order of all
  // values, so that this comes to an end.
  static std::vector<int> Simpler(Kind kind, int value) {
    std::vector<int> simpler;
    const KindInfo& info = InfoOf(kind);
    if (info.flags) {
      for (const Word& word : info.words) {
        if ((value & word.value) != 0) simpler.push_back(value & ~word.value);
      }
      return simpler;
    }
    for (const Word& word : info.words) {
      if (word.value == value) return simpler;
      simpler.push_back(word.value);
    }
    if (!info.words.empty()) return simpler;
    for (int each : {0, 1, 3, 100}) {
      if (each < value) simpler.push_back(each);
    }
    for (int less = value / 2; less > 0; less /= 2) simpler.push_back(value - less);
    if (value < 0) simpler.push_back(0);
    return simpler;
  }

  bool SimplifyArguments() {
    bool smaller = false;
    for (size_t at = 0; at < program_.size(); ++at) {
      const std::vector<Kind>& kinds = InfoOf(program_[at].call).kinds;
      for (size_t i = 0; i < kinds.size(); ++i) {
        if (kinds[i] == Kind::kNew) continue;
        for (int value : Simpler(kinds[i], program_[at].arguments[i])) {
          Program candidate = program_;
          candidate[at].arguments[i] = value;
          if (!Take(candidate)) continue;
          smaller = true;
          break;
        }
      }
    }
    return smaller;
  }

  // Lets an earlier process do what a later one does.
  bool MergeProcesses() {
    bool smaller = false;
    for (size_t at = 0; at < program_.size(); ++at) {
      for (int process = 0; process < program_[at].process; ++process) {
        Program candidate = program_;
        candidate[at].process = process;
        if (!Take(candidate)) continue;
        smaller = true;
        break;
      }
    }
    return smaller;
  }

  Program program_;
  const std::function<bool(const Program&)>& shows_;
};

}  // namespace

Program Shrink(Program program, const std::function<bool(const Program&)>& shows) {
  return Shrinker(std::move(program), shows).Run();
}

}  // namespace cleanfork::programs
