// Chooser: who decides where a run may go one way or another.
#ifndef CLEANFORK_MOCKS_SIM_CHOOSER_H_
#define CLEANFORK_MOCKS_SIM_CHOOSER_H_

namespace cleanfork::sim {

enum class ChoiceKind {
  kSchedule,  // which process goes on; alternative 0 is the one that ran last, if it can
};

class Chooser {
 public:
  virtual ~Chooser() = default;

  // Whether it is to be asked at all: to find the alternatives takes longer than most calls.
  virtual bool Asks(ChoiceKind kind) const = 0;

  // One of `alternatives`, at least 2, from 0. Alternative 0 is what happens if nobody chooses.
  virtual int Choose(ChoiceKind kind, int alternatives) = 0;
};

class DefaultChooser : public Chooser {
 public:
  bool Asks(ChoiceKind) const override { return false; }
  int Choose(ChoiceKind, int) override { return 0; }
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_CHOOSER_H_
