// RunRecord: what checkers see of a run, taken out of the engine when one looks: many runs are not
// looked at, having been so in a lower bound.
#ifndef CLEANFORK_MOCKS_EXPLORE_RUN_RECORD_H_
#define CLEANFORK_MOCKS_EXPLORE_RUN_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cleanfork/checker.h"
#include "mocks/sim/engine.h"

namespace cleanfork::explore {

class RunRecord : public Execution {
 public:
  RunRecord(SimOs* sim, sim::Engine* engine);

  // Before a run: as the first process is when it begins.
  void Begin();

  // Before one that begins where there were so many notes.
  void BeginFrom(size_t notes);

  // After it. What is asked for from now on is taken out of the engine as it is then.
  void End(const SimRun& run, const FaultPlan& deviations, int fault_free_status);

  void AddNote(const std::string& key, int64_t value);
  void SetFaultFreeStatus(int status) { fault_free_status_ = status; }

  // Of all that can be told apart from outside: the same for runs that differ only in the order of
  // steps that have nothing to do with each other.
  uint64_t Outcome() const;

  SimEnd end() const override { return run_.end; }
  const std::string& message() const override { return run_.message; }
  const std::vector<ExecutedProcess>& processes() const override {
    if (!has_processes_) TakeProcesses();
    return processes_;
  }
  const ExecutedProcess& beginning() const override {
    if (!has_beginning_) TakeBeginning();
    return beginning_;
  }
  const std::vector<ExecutedCall>& calls() const override {
    if (!has_calls_) TakeCalls();
    return calls_;
  }
  const FaultPlan& deviations() const override { return *deviations_; }
  const std::vector<ExecutedNote>& notes() const override { return notes_; }
  int fault_free_status() const override { return fault_free_status_; }
  std::optional<std::string> FileContents(const std::string& path) const override;
  std::vector<SimProcess> Inspect() const override;

 private:
  void Take(const sim::ProcessRecord& record) const;
  void TakeProcesses() const;
  void TakeBeginning() const;
  void TakeCalls() const;

  SimOs& sim_;
  sim::Engine& engine_;
  SimRun run_;
  const FaultPlan* deviations_ = nullptr;
  int fault_free_status_ = 0;
  mutable bool has_processes_ = false;
  mutable bool has_beginning_ = false;
  mutable bool has_calls_ = false;
  mutable std::vector<ExecutedProcess> processes_;
  mutable ExecutedProcess beginning_;
  mutable std::vector<ExecutedCall> calls_;
  std::vector<ExecutedNote> notes_;
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_RUN_RECORD_H_
