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
    }
    return program_;
  }

 private:
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
    for (int each : {0, 1, 3, 100, value / 2, value - 1}) {
      if (each >= 0 && each < value) simpler.push_back(each);
    }
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
