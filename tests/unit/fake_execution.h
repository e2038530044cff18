// A run made by hand, for the tests of checkers.
#ifndef CLEANFORK_TESTS_UNIT_FAKE_EXECUTION_H_
#define CLEANFORK_TESTS_UNIT_FAKE_EXECUTION_H_

#include <optional>
#include <string>
#include <vector>

#include "cleanfork/checker.h"
#include "cleanfork/fault_plan.h"

namespace cleanfork {

// As it is made, a root's process that has returned 0, and nothing went wrong.
class FakeExecution : public Execution {
 public:
  FakeExecution() {
    ExecutedProcess first;
    first.pid = 100;
    first.descriptors = {0, 1, 2};
    first.groups = {0};
    first.capabilities = {0xff, 0xff, 0};
    beginning_ = first;
    first.end = ExecutedProcess::End::kReturned;
    processes_.push_back(first);
  }

  ExecutedProcess& first() { return processes_.front(); }
  ExecutedProcess& at_beginning() { return beginning_; }

  // A further child of `parent`, like the first process at its beginning; it has exited with 0. The
  // reference holds until the next one.
  ExecutedProcess& AddChild(int parent = 0) {
    ExecutedProcess child = beginning_;
    const uint32_t ordinal = ++forks_[static_cast<size_t>(parent)];
    child.path = processes_[static_cast<size_t>(parent)].path.Child(ordinal);
    child.pid = 100 + static_cast<pid_t>(processes_.size());
    child.parent = parent;
    child.end = ExecutedProcess::End::kExited;
    processes_.push_back(child);
    return processes_.back();
  }

  ExecutedCall& AddCall(int process, OsCall call, int error = 0, bool injected = false) {
    ExecutedCall made;
    made.process = process;
    made.call = call;
    for (const ExecutedCall& before : calls_) {
      if (before.process == process && before.call == call) ++made.index;
    }
    made.error = error;
    made.injected = injected;
    calls_.push_back(made);
    return calls_.back();
  }

  void AddNote(int process, const std::string& key, int64_t value) {
    ExecutedNote note;
    note.process = process;
    note.key = key;
    note.value = value;
    notes_.push_back(note);
  }

  void set_end(SimEnd end, const std::string& message) {
    end_ = end;
    message_ = message;
  }
  void set_end(SimEnd end) { end_ = end; }
  void set_deviations(const std::string& plan) { deviations_ = *ParseFaultPlan(plan, nullptr); }
  void set_fault_free_status(int status) { fault_free_status_ = status; }

  SimEnd end() const override { return end_; }
  const std::string& message() const override { return message_; }
  const std::vector<ExecutedProcess>& processes() const override { return processes_; }
  const ExecutedProcess& beginning() const override { return beginning_; }
  const std::vector<ExecutedCall>& calls() const override { return calls_; }
  const FaultPlan& deviations() const override { return deviations_; }
  const std::vector<ExecutedNote>& notes() const override { return notes_; }
  int fault_free_status() const override { return fault_free_status_; }
  std::optional<std::string> FileContents(const std::string&) const override { return {}; }
  std::vector<SimProcess> Inspect() const override { return {}; }

 private:
  SimEnd end_ = SimEnd::kAllEnded;
  std::string message_;
  std::vector<ExecutedProcess> processes_;
  std::vector<uint32_t> forks_ = std::vector<uint32_t>(32);
  ExecutedProcess beginning_;
  std::vector<ExecutedCall> calls_;
  FaultPlan deviations_;
  std::vector<ExecutedNote> notes_;
  int fault_free_status_ = 0;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_UNIT_FAKE_EXECUTION_H_
