// SimHeap and what a body does to it: variables that outlive processes, and SimHeaps.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/process_local.h"
#include "cleanfork/sim_heap.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

const char kText[] = "more than fits into the object of a string itself, so it has a block";

// Made when it is first used, in whatever process that is.
std::string& Name() {
  static ProcessLocal<std::string> name(kText);
  return name.get();
}

std::vector<std::string>& Names() {
  static ProcessLocal<std::vector<std::string>> names(std::vector<std::string>{kText, kText});
  return names.get();
}

TEST(SimHeapInABody, AProcessLocalThatIsMadeThereOutlivesItsProcess) {
  SimOs sim;
  const SimHeap heap;
  for (int run = 0; run < 3; ++run) {
    sim.Run([](Os& os) -> int {
      // Blocks of the same size, in the place of those that were freed too early.
      const std::vector<std::string> others(20, std::string(sizeof(kText) - 1, 'x'));
      const bool is_new = Name() == kText && Names() == std::vector<std::string>(2, kText);
      Name() += "one";
      Names().emplace_back("one");
      os.Exit(is_new ? 3 : 4);
      return static_cast<int>(others.size());
    });
    EXPECT_EQ(sim.process(100)->wait_status, 3 << 8);
  }
}

struct NotAStringYet {
  explicit NotAStringYet(std::unique_ptr<int> number) : text(std::to_string(*number)) {}
  std::string text;
};

TEST(SimHeapInABody, AProcessLocalIsMadeOfWhatCanOnlyBeMoved) {
  ProcessLocal<NotAStringYet> local(std::make_unique<int>(7));
  EXPECT_EQ(local->text, "7");
}

TEST(SimHeapInABodyDeathTest, ASimHeapIsNotMadeThere) {
  SimOs sim;
  const SimOs::Body body = [](Os&) {
    const SimHeap heap;
    return 0;
  };
  EXPECT_DEATH(sim.Run(body), "SimHeap: made within a body of a SimOs");
}

TEST(SimHeapInABodyDeathTest, ASimHeapIsNotDestroyedThere) {
  SimOs sim;
  auto heap = std::make_unique<SimHeap>();
  EXPECT_DEATH(sim.Run([&heap](Os&) {
    heap.reset();
    return 0;
  }),
               "SimHeap: destroyed within a body of a SimOs");
}

}  // namespace
}  // namespace cleanfork
