#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "mocks/sim/fiber.h"

namespace cleanfork::sim {
namespace {

// Two sides that take turns, and what they say.
struct Turns {
  Fiber host;
  Fiber* fiber = nullptr;
  std::string said;
  int argument = 0;

  void Back() { Fiber::Switch(*fiber, host); }
  void There() { Fiber::Switch(host, *fiber); }
};

void Talk(void* argument) {
  auto& turns = *static_cast<Turns*>(argument);
  turns.said += "one ";
  turns.Back();
  turns.said += "two ";
  Fiber::Exit(*turns.fiber, turns.host);
}

TEST(Fiber, GoesOnWhereItLeftOff) {
  Turns turns;
  Fiber fiber("a test", 1, &Talk, &turns);
  turns.fiber = &fiber;
  turns.There();
  turns.said += "host ";
  turns.There();
  EXPECT_EQ(turns.said, "one host two ");
}

// A fiber that is put back does again what it has done since; with what its stack held then.
TEST(Fiber, IsPutBackWhereItWas) {
  if (!Fiber::kCanBeSaved) GTEST_SKIP() << "others know of its stack here";
  Turns turns;
  const auto count = [](void* argument) {
    auto& own = *static_cast<Turns*>(argument);
    for (int number = 0;; ++number) {
      own.said += std::to_string(number) + " ";
      own.Back();
    }
  };
  Fiber fiber("a test", 1, count, &turns);
  turns.fiber = &fiber;
  turns.There();
  turns.There();
  Fiber::Image image;
  fiber.Save(&image);
  turns.There();
  turns.There();
  fiber.Restore(image);
  turns.There();
  EXPECT_EQ(turns.said, "0 1 2 3 2 ");
}

TEST(Fiber, KnowsOfItsExceptions) {
  Turns turns;
  const auto fail = [](void* argument) {
    auto& own = *static_cast<Turns*>(argument);
    own.Back();
    try {
      throw std::runtime_error("one");
    } catch (const std::runtime_error&) {
      own.Back();
    }
    own.Back();
  };
  Fiber fiber("a test", 1, fail, &turns);
  turns.fiber = &fiber;
  turns.There();
  EXPECT_FALSE(fiber.HasExceptions());
  turns.There();
  EXPECT_TRUE(fiber.HasExceptions());
  turns.There();
  EXPECT_FALSE(fiber.HasExceptions());
}

TEST(Fiber, StacksAreUsedAgain) {
  const char* first = nullptr;
  for (int i = 0; i < 100; ++i) {
    FiberStack* stack = FiberStack::Take();
    if (first == nullptr) first = stack->bottom();
    EXPECT_EQ(stack->bottom(), first);
    FiberStack::GiveBack(stack);
  }
}

TEST(Fiber, StacksOfAThreadGoWithIt) {
  const int64_t before = FiberStack::InAll();
  int64_t within = 0;
  std::thread([&within] {
    const OverflowReport report;
    Turns turns;
    Fiber fiber("a test", 1, &Talk, &turns);
    turns.fiber = &fiber;
    turns.There();
    Fiber another("a test", 2, &Talk, &turns);
    within = FiberStack::InAll();
  }).join();
  EXPECT_EQ(within, before + 2);
  EXPECT_EQ(FiberStack::InAll(), before);
}

// As a thread_local that is destroyed after those.
TEST(Fiber, AStackThatIsGivenBackWhenTheThreadHasEndedIsFreed) {
  const int64_t before = FiberStack::InAll();
  std::thread([] {
    thread_local std::unique_ptr<Fiber> late;
    late.reset();
    late = std::make_unique<Fiber>("a test", 1, &Talk, nullptr);
  }).join();
  EXPECT_EQ(FiberStack::InAll(), before);
}

void ThrowOverASwitch(void* argument) {
  auto& turns = *static_cast<Turns*>(argument);
  try {
    throw std::runtime_error("of the fiber");
  } catch (const std::runtime_error&) {
    turns.Back();
    try {
      throw;
    } catch (const std::runtime_error& error) {
      turns.said += error.what();
    }
  }
  Fiber::Exit(*turns.fiber, turns.host);
}

TEST(Fiber, AnExceptionThatIsHandledBelongsToItsFiber) {
  Turns turns;
  Fiber fiber("a test", 1, &ThrowOverASwitch, &turns);
  turns.fiber = &fiber;
  turns.There();
  EXPECT_EQ(std::current_exception(), nullptr);
  try {
    throw std::runtime_error("of the host");
  } catch (const std::runtime_error&) {
    turns.There();
    EXPECT_EQ(turns.said, "of the fiber");
    try {
      throw;
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "of the host");
    }
  }
}

void UseMuchStack(void* argument) {
  auto& turns = *static_cast<Turns*>(argument);
  volatile char buffer[200 * 1024];
  for (size_t i = 0; i < sizeof(buffer); i += 512) buffer[i] = 'x';
  // Aligned as the ABI wants it, or the compiler's vector instructions fault.
  alignas(16) volatile char aligned[16] = {};
  turns.argument = buffer[512] == 'x' && reinterpret_cast<uintptr_t>(aligned) % 16 == 0;
  turns.Back();
  __builtin_trap();
}

// Under AddressSanitizer an abandoned frame leaves poison behind, which the next one must not meet.
TEST(Fiber, MayBeDroppedInTheMiddleAndItsStackUsedAgain) {
  for (int i = 0; i < 3; ++i) {
    Turns turns;
    Fiber fiber("a test", 1, &UseMuchStack, &turns);
    turns.fiber = &fiber;
    turns.There();
    EXPECT_EQ(turns.argument, 1);
  }
}

int Recurse(int depth) {  // NOLINT(misc-no-recursion)
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  return depth == 0 ? frame[0] : Recurse(depth - 1) + frame[0];
}

void Overflow(void* argument) {
  auto& turns = *static_cast<Turns*>(argument);
  turns.argument = Recurse(1'000'000);
  turns.Back();
}

TEST(FiberDeathTest, AnOverflowNamesWhoseStackItWas) {
  EXPECT_DEATH(
      {
        const OverflowReport report;
        Turns turns;
        Fiber fiber("simulated process", 101, &Overflow, &turns);
        turns.fiber = &fiber;
        turns.There();
      },
      "stack overflow in simulated process 101");
}

TEST(FiberDeathTest, AnOverflowIsReportedOnTheThreadThatAsked) {
  EXPECT_DEATH(
      {
        const OverflowReport of_the_main_thread;
        std::thread other([] {
          const OverflowReport report;
          Turns turns;
          Fiber fiber("simulated process", 102, &Overflow, &turns);
          turns.fiber = &fiber;
          turns.There();
        });
        other.join();
      },
      "stack overflow in simulated process 102");
}

void DoNothing(int) {}

void (*HandlerOfSegv())(int) {
  struct sigaction now = {};
  sigaction(SIGSEGV, nullptr, &now);
  return now.sa_handler;
}

// Sets a handler and, at its end, what was there before.
class SegvHandler {
 public:
  SegvHandler() {
    struct sigaction action = {};
    action.sa_handler = &DoNothing;
    sigaction(SIGSEGV, &action, &before_);
  }
  SegvHandler(const SegvHandler&) = delete;
  SegvHandler& operator=(const SegvHandler&) = delete;
  ~SegvHandler() { sigaction(SIGSEGV, &before_, nullptr); }

 private:
  struct sigaction before_;
};

TEST(OverflowReport, PutsBackTheHandlerThatWasThere) {
  const SegvHandler handler;
  {
    const OverflowReport report;
    { const OverflowReport second; }
    EXPECT_NE(HandlerOfSegv(), &DoNothing);
  }
  EXPECT_EQ(HandlerOfSegv(), &DoNothing);
}

TEST(OverflowReport, LeavesAHandlerAloneThatSomebodyElseHasSetSince) {
  std::optional<OverflowReport> report;
  report.emplace();
  const SegvHandler handler;
  report.reset();
  EXPECT_EQ(HandlerOfSegv(), &DoNothing);
}

TEST(OverflowReport, MayBeDestroyedOnAnotherThread) {
  auto report = std::make_unique<OverflowReport>();
  EXPECT_TRUE(report->IsOfThisThread());
  std::thread other([&report] {
    EXPECT_FALSE(report->IsOfThisThread());
    report.reset();
  });
  other.join();
  void (*const before)(int) = HandlerOfSegv();
  { const OverflowReport again; }
  EXPECT_EQ(HandlerOfSegv(), before);
}

}  // namespace
}  // namespace cleanfork::sim
