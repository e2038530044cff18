// Footprint: what one step of a process reads and writes of the kernel's state that others can read
// or write too. Two steps of different processes whose footprints do not meet may be exchanged:
// whoever explores orders need try only one of the two.
//
// To name more than a step touches costs time; to name less loses runs. Numbers of pipes and
// descriptions are folded, which names more.
#ifndef CLEANFORK_MOCKS_SIM_FOOTPRINT_H_
#define CLEANFORK_MOCKS_SIM_FOOTPRINT_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "mocks/sim/capacity.h"

namespace cleanfork::sim {

// Of each process.
enum class ProcessPart {
  kOwn,       // what its own calls alone change, but others may look at in /proc
  kArrivals,  // signals sent to it that are not blocked: each of its steps reads that
  kPending,   // signals sent to it that are, and what it does with signals
  kChildren,  // which children it has, and what there is to be told of them
  kIdentity,  // that it is there; its parent, group, session and credentials, as others see them
  kExit,      // whether it is on its way out, which /proc tells
  kEnd,       // whether it is a zombie, or gone
};
constexpr int kProcessParts = 7;

// Of each pipe.
enum class PipePart {
  kHead,   // what is read next
  kTail,   // where the next bytes go
  kState,  // whether there is anything in it, and room
  kReaders,
  kWriters,
};
constexpr int kPipeParts = 5;

// Of which there is one.
enum class SystemPart {
  kFiles,      // names, inodes, contents
  kLocks,      // of files
  kSockets,    // and what was sent to them
  kRandom,     // of getrandom(2)
  kProcesses,  // the table: which numbers are taken
  kOpenFiles,  // how many there are
};
constexpr int kSystemParts = 6;

// Of a step that is made now, or of one that is made whatever others do until then: that one may
// touch more.
enum class When { kNow, kLater };

class Footprint {
 public:
  enum class Access {
    kRead,
    kWrite,
    kCommute,  // a write that may be exchanged with others of its kind: one reader less
  };

  void Add(Access access, ProcessPart part, int slot) {
    const int bit = static_cast<int>(part) * kMaxProcesses + slot;
    Set(access, bit);
  }
  void Add(Access access, PipePart part, int pipe) {
    Set(access, kFirstOfPipes + static_cast<int>(part) * kPipes + pipe % kPipes);
  }
  void Add(Access access, SystemPart part) { Set(access, kFirstOfSystem + static_cast<int>(part)); }
  void AddDescription(Access access, int description) {
    Set(access, kFirstOfDescriptions + description % kDescriptions);
  }
  void AddEverything() {
    for (Words& words : words_) words.fill(~uint64_t{0});
  }

  bool IsNothing() const {
    uint64_t all = 0;
    for (const Words& words : words_) {
      for (uint64_t word : words) all |= word;
    }
    return all == 0;
  }

  // Whether all that it touches is what a process itself does with its signals.
  bool IsWithinPendingOf(int slot) const {
    const int bit = static_cast<int>(ProcessPart::kPending) * kMaxProcesses + slot;
    const uint64_t own = uint64_t{1} << (bit % 64);
    uint64_t others = 0;
    for (size_t i = 0; i < kWords; ++i) {
      const uint64_t any = words_[0][i] | words_[1][i] | words_[2][i];
      others |= i == static_cast<size_t>(bit / 64) ? any & ~own : any;
    }
    return others == 0;
  }

  friend bool AreIndependent(const Footprint& a, const Footprint& b) {
    uint64_t both = 0;
    for (size_t i = 0; i < kWords; ++i) {
      const uint64_t a_reads = a.words_[0][i], b_reads = b.words_[0][i];
      const uint64_t a_writes = a.words_[1][i], b_writes = b.words_[1][i];
      const uint64_t a_commutes = a.words_[2][i], b_commutes = b.words_[2][i];
      both |= a_writes & (b_reads | b_writes | b_commutes);
      both |= b_writes & (a_reads | a_commutes);
      both |= (a_reads & b_commutes) | (b_reads & a_commutes);
    }
    return both == 0;
  }

 private:
  // Of pipes and descriptions, those that are told from each other.
  static constexpr int kPipes = 16;
  static constexpr int kDescriptions = 64;
  static constexpr int kFirstOfPipes = kProcessParts * kMaxProcesses;
  static constexpr int kFirstOfSystem = kFirstOfPipes + kPipeParts * kPipes;
  static constexpr int kFirstOfDescriptions = kFirstOfSystem + kSystemParts;
  static constexpr int kBits = kFirstOfDescriptions + kDescriptions;
  static constexpr size_t kWords = (kBits + 63) / 64;
  using Words = std::array<uint64_t, kWords>;

  void Set(Access access, int bit) {
    words_[static_cast<size_t>(access)][static_cast<size_t>(bit / 64)] |= uint64_t{1} << (bit % 64);
  }

  std::array<Words, 3> words_ = {};  // by Access
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_FOOTPRINT_H_
