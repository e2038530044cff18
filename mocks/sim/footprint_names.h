// FootprintNames: puts a Footprint together, in the words of the kernel.
#ifndef CLEANFORK_MOCKS_SIM_FOOTPRINT_NAMES_H_
#define CLEANFORK_MOCKS_SIM_FOOTPRINT_NAMES_H_

#include <cstddef>

#include "mocks/sim/footprint.h"
#include "mocks/sim/kernel.h"

namespace cleanfork::sim {

class FootprintNames {
 public:
  FootprintNames(const Kernel& kernel, int slot, When when = When::kLater)
      : kernel_(kernel), slot_(slot), self_(kernel.processes[slot]), when_(when) {}

  const Footprint& footprint() const { return footprint_; }
  const Kernel& kernel() const { return kernel_; }
  const Process& self() const { return self_; }
  int slot() const { return slot_; }

  template <typename Part>
  void Read(Part part, int of) {
    footprint_.Add(Footprint::Access::kRead, part, of);
  }
  template <typename Part>
  void Write(Part part, int of) {
    footprint_.Add(Footprint::Access::kWrite, part, of);
  }
  template <typename Part>
  void Commute(Part part, int of) {
    footprint_.Add(Footprint::Access::kCommute, part, of);
  }
  void Read(SystemPart part) { footprint_.Add(Footprint::Access::kRead, part); }
  void Write(SystemPart part) { footprint_.Add(Footprint::Access::kWrite, part); }
  void Commute(SystemPart part) { footprint_.Add(Footprint::Access::kCommute, part); }
  void Everything() { footprint_.AddEverything(); }

  // Which processes there are and who they are, now and later.
  void ReadEverybody();

  // Looks whether the process of this pid is there, and who it is.
  void ReadProcess(pid_t pid);

  // A signal to another: it may arrive at once, or wait until it is unblocked.
  void Post(int target);

  // The end of a child, to its parent, as that one takes SIGCHLD now.
  void PostChildSignal(int parent);

  // What a description has that others share: its offset, its lock.
  void ReadDescription(const Description& description);
  void WriteDescription(const Description& description);

  void Open();         // one description more in the system
  void OpenLimited();  // the same, or ENFILE
  void Close(int fd);

  // pipe(7).
  void ReadPipe(int pipe, size_t size);
  void WritePipe(int pipe, size_t size);

  // The parent that waits in VforkCall() goes on: whatever it does depends on that.
  void ReleaseVforkParent();

 private:
  bool IsShared(int description) const;
  void CloseEndOfPipe(PipePart part, const Description& description);

  const Kernel& kernel_;
  const int slot_;
  const Process& self_;
  const When when_;
  Footprint footprint_;
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_FOOTPRINT_NAMES_H_
