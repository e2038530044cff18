// Search: makes all choices there are, depth first, each run again from its beginning, or from
// where one before it was saved. Of runs that differ only in the order of steps that have nothing
// to do with each other it makes one, by sleep sets (Godefroid): after all runs have been made in
// which a process takes the next step, those in which another does so first need not try it again,
// until somebody has done something that has to do with that step.
#ifndef CLEANFORK_MOCKS_EXPLORE_SEARCH_H_
#define CLEANFORK_MOCKS_EXPLORE_SEARCH_H_

#include <array>
#include <cstdint>
#include <vector>

#include "mocks/explore/choices.h"
#include "mocks/explore/state_table.h"
#include "mocks/sim/capacity.h"
#include "mocks/sim/explorer.h"
#include "mocks/sim/fiber.h"

namespace cleanfork::explore {

class Search : public Choices {
 public:
  explicit Search(const ExploreOptions& options) : Choices(options) {}

  // The runs with up to `deviations` of them come next. Which processes are sent signals is not
  // forgotten.
  void Begin(int deviations);

  void BeginRun() override;

  // Whether the run is to be saved where it is, before it goes on as no run has; and what is to be
  // known of it for that. The next run may begin there if LeadsOn().
  struct Saved {
    Mark mark;
    size_t at = 0;
    uint64_t asleep = 0;
  };
  bool TakesCheckpoints() const { return options_.checkpoints && sim::Fiber::kCanBeSaved; }
  bool WantsCheckpoint() const;
  Saved Save();
  bool LeadsOn(const Saved& saved) const { return saved.at < depth_; }
  void BeginRunFrom(const Saved& saved);

  // To the next run; false when all were made.
  bool Advance();

  // Whether the last run is of this shard, and of no lower bound.
  bool IsCounted() const;

  // How much of the runs of this bound is done, from 0 to 1, if all that is left were like what
  // has been.
  double Done() const;

  int ChooseProcess(const sim::Candidate* candidates, int count,
                    const sim::StateSource& state) override;
  void NotePassed(const ProcessPath& process) override {
    ++steps_;
    Choices::NotePassed(process);
  }
  void NoteInterrupted(const sim::Candidate* others, int count,
                       const sim::Footprint& step) override;
  bool ChooseWhetherItStays(const sim::Place& place, const sim::Fault& fault) override;
  bool WantsStates() const override { return options_.merge_states; }
  sim::Fault ChooseFault(const sim::Place& place, bool within,
                         const sim::FaultSource& faults) override;

 private:
  using Slots = uint64_t;  // a bit each, and one for kNone
  static constexpr int kBits = sim::kMaxProcesses + 1;

  // Where a run may go one way or another.
  struct Node {
    bool of_process = false;
    uint32_t at = 0;  // the alternative that is taken
    // Of processes: their slots, in the order of the alternatives; those that need not be tried;
    // and those that were.
    std::array<int8_t, kBits> slots;
    uint32_t count = 0;
    Slots asleep = 0;
    Slots done = 0;
    std::vector<sim::Fault> faults;
  };

  static Slots BitOf(int slot) { return Slots{1} << (slot < 0 ? sim::kMaxProcesses : slot); }
  static Slots Sleeping(Slots before, const sim::Candidate* candidates, int count,
                        const sim::Footprint& step);
  Node& Push(bool of_process);
  bool HasBeenIn(uint64_t state, const sim::Candidate* candidates, int count);
  bool IsOfShard(uint64_t hash) const;
  void LeaveToOtherShards(const sim::Place& place, std::vector<sim::Fault>* faults) const;

  std::vector<Node> nodes_;  // the first depth_ of them are in use
  size_t depth_ = 0;
  size_t at_ = 0;      // of the run's next choice
  Slots asleep_ = 0;   // now
  int steps_ = 0;      // since it began, or was last to be saved
  StateTable states_;  // that runs of this bound have come to
};

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_SEARCH_H_
