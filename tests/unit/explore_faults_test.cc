// The faults that calls are offered: by state, and as docs/faults.md has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cleanfork/names.h"
#include "cleanfork/os_call.h"
#include "mocks/sim/faults.h"
#include "mocks/sim/kernel.h"
#include "tests/unit/sim_call_cases.h"

namespace cleanfork::sim {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr int kRoot = 0;
constexpr int kUser = 2;

std::string NameOf(const Fault& fault) {
  if (fault.kind == Fault::Kind::kShort) return "short";
  return ErrnoName(fault.error);
}

std::vector<std::string> FaultsOf(const Kernel& kernel, int slot, const CallCase& call) {
  FaultList list;
  if (call.faults != nullptr) call.faults(kernel, slot, &list);
  std::vector<std::string> names;
  for (const Fault& fault : list) names.push_back(NameOf(fault));
  return names;
}

class FaultsTest : public testing::Test {
 protected:
  FaultsTest() { *kernel_ = *KernelCases()[0].kernel; }

  std::vector<std::string> FaultsOf(const std::string& text, int slot = kRoot) {
    for (const CallCase& call : CallCases()) {
      if (call.text == text) return sim::FaultsOf(*kernel_, slot, call);
    }
    ADD_FAILURE() << "there is no case " << text;
    return {};
  }

  void BlockAllSignals(int slot) { kernel_->processes[slot].signals.mask = ~uint64_t{0}; }

  const std::unique_ptr<Kernel> kernel_ = NewKernel();
};

TEST_F(FaultsTest, APipeHasNoDiskBehindIt) {
  EXPECT_THAT(FaultsOf("Read(kEmptyRead, scratch, 100)"), UnorderedElementsAre("EINTR", "short"));
  EXPECT_THAT(FaultsOf("Read(kFullRead, scratch, 5000)"), ElementsAre("short"));
  EXPECT_THAT(FaultsOf("Write(kFullWrite, bytes, 1)"), ElementsAre("EINTR"));
  EXPECT_THAT(FaultsOf("Close(kFullRead)"), IsEmpty());
}

TEST_F(FaultsTest, AFileIsNeverWaitedFor) {
  EXPECT_THAT(FaultsOf("Read(kShared, scratch, 3)"), ElementsAre("EIO"));
  EXPECT_THAT(FaultsOf("Write(kShared, bytes, 3)"),
              UnorderedElementsAre("EDQUOT", "EIO", "ENOSPC", "short"));
}

TEST_F(FaultsTest, TheNullDeviceDoesNotFail) {
  EXPECT_THAT(FaultsOf("Read(kNull, scratch, 3)"), IsEmpty());
  EXPECT_THAT(FaultsOf("Write(kNull, bytes, 3)"), IsEmpty());
  EXPECT_THAT(FaultsOf("Close(kNull)"), IsEmpty());
  EXPECT_THAT(FaultsOf("Open(\"/dev/null\", O_RDWR, 0)"), UnorderedElementsAre("EMFILE", "ENOMEM"));
}

TEST_F(FaultsTest, AWriteOfNoMoreThanPipeBufIsNeverShort) {
  EXPECT_THAT(FaultsOf("Write(kEmptyWrite, bytes, 5)"), IsEmpty());
  EXPECT_THAT(FaultsOf("Write(kEmptyWrite, bytes, 65'000)"), ElementsAre("short"));
  EXPECT_THAT(FaultsOf("Write(kNonblockWrite, bytes, 5000)"), ElementsAre("short"));
}

TEST_F(FaultsTest, WhoBlocksAllSignalsIsNotInterrupted) {
  BlockAllSignals(kRoot);
  EXPECT_THAT(FaultsOf("Read(kEmptyRead, scratch, 100)"), ElementsAre("short"));
  EXPECT_THAT(FaultsOf("WaitPid(101, 0)"), IsEmpty());
  EXPECT_THAT(FaultsOf("Close(kOwn)"), UnorderedElementsAre("EDQUOT", "EIO", "ENOSPC"));
  EXPECT_THAT(FaultsOf("Write(kEmptyWrite, bytes, 65'000)"), IsEmpty());
  EXPECT_THAT(FaultsOf("Write(kNonblockWrite, bytes, 5000)"), ElementsAre("short"));
}

TEST_F(FaultsTest, OnlyWhatWouldWaitIsInterrupted) {
  EXPECT_THAT(FaultsOf("WaitPid(101, 0)"), ElementsAre("EINTR"));
  EXPECT_THAT(FaultsOf("WaitPid(-1, 0)"), IsEmpty());  // there is a zombie
  EXPECT_THAT(FaultsOf("WaitPid(999, 0)"), IsEmpty());
  EXPECT_THAT(FaultsOf("ClockNanoSleep(CLOCK_MONOTONIC, 0, 1000)"), ElementsAre("EINTR"));
  EXPECT_THAT(FaultsOf("ClockNanoSleep(CLOCK_BOOTTIME, 0, 0)"), IsEmpty());
}

TEST_F(FaultsTest, RootIsExemptFromTheSystemsLimitOfFiles) {
  const std::string open = "Open(\"/data\", O_RDONLY | O_CLOEXEC, 0)";
  EXPECT_THAT(FaultsOf(open, kRoot), Not(Contains("ENFILE")));
  EXPECT_THAT(FaultsOf(open, kUser), Contains("ENFILE"));
}

TEST_F(FaultsTest, ANewFileNeedsADisk) {
  EXPECT_THAT(FaultsOf("Open(\"/new\", O_RDWR | O_CREAT | O_EXCL, 0644)"),
              UnorderedElementsAre("EDQUOT", "EIO", "EMFILE", "ENOMEM", "ENOSPC"));
  EXPECT_THAT(FaultsOf("Open(\"/data\", O_WRONLY | O_TRUNC, 0)"),
              UnorderedElementsAre("EIO", "EMFILE", "ENOMEM"));
  EXPECT_THAT(FaultsOf("Open(\"/missing\", O_RDONLY, 0)"),
              UnorderedElementsAre("EMFILE", "ENOMEM"));
}

TEST_F(FaultsTest, AChangeOfIdsThatIsForbiddenAnywayHasNoFaults) {
  EXPECT_THAT(FaultsOf("SetUid(34)", kRoot), UnorderedElementsAre("EAGAIN", "EINVAL", "EPERM"));
  EXPECT_THAT(FaultsOf("SetUid(34)", kUser), IsEmpty());
  EXPECT_THAT(FaultsOf("SetUid(33)", kUser), ElementsAre("EPERM"));
  EXPECT_THAT(FaultsOf("SetGroups(some_groups, 2)", kUser), IsEmpty());
}

TEST_F(FaultsTest, OnlyANewRealUserMayLackMemory) {
  EXPECT_THAT(FaultsOf("SetEuid(34)", kRoot), UnorderedElementsAre("EINVAL", "EPERM"));
  EXPECT_THAT(FaultsOf("SetUid(0)", kRoot), ElementsAre("EPERM"));
}

TEST_F(FaultsTest, OnlyCloseFailsAfterWhatItDoes) {
  for (const CallCase& call : CallCases()) {
    FaultList list;
    if (call.faults != nullptr) call.faults(*kernel_, kRoot, &list);
    for (const Fault& fault : list) {
      EXPECT_EQ(fault.kind == Fault::Kind::kErrnoAfter, call.call == OsCall::kClose) << call.text;
    }
  }
}

TEST_F(FaultsTest, NothingIsOfferedTwice) {
  for (const KernelCase& each : KernelCases()) {
    for (const CallCase& call : CallCases()) {
      const std::vector<std::string> names = sim::FaultsOf(*each.kernel, kUser, call);
      EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size())
          << call.text;
    }
  }
}

TEST_F(FaultsTest, EveryCallOfTheKernelIsAmongTheCases) {
  std::set<OsCall> calls;
  for (const CallCase& call : CallCases()) calls.insert(call.call);
  for (const OsCallInfo& info : OsCalls()) {
    const std::string page = info.page;
    const bool environment =
        page == "getenv(3)" || page == "setenv(3)" || page == "environ(7)";  // memory
    EXPECT_EQ(calls.count(info.call) == 1, !environment) << info.name;
  }
}

// docs/faults.md ---------------------------------------------------------------------------------

std::vector<std::string> ReadPage() {
  std::ifstream page("docs/faults.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(page, line);) lines.push_back(line);
  return lines;
}

std::string Cell(const std::string& line, int number) {
  size_t at = 0;
  for (int i = 0; i <= number; ++i) at = line.find('|', at) + 1;
  const std::string cell = line.substr(at + 1, line.find('|', at) - at - 2);
  return cell[0] == '`' ? cell.substr(1, cell.size() - 2) : cell;
}

std::vector<std::string> Without(const std::set<std::string>& all,
                                 const std::set<std::string>& some) {
  std::vector<std::string> rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(rest));
  return rest;
}

TEST(FaultsPageTest, HasWhatIsOfferedInAnyStateAndNothingElse) {
  std::set<std::string> offered;
  for (const KernelCase& each : KernelCases()) {
    for (int slot = 0; slot < each.kernel->processes.used; ++slot) {
      for (const CallCase& call : CallCases()) {
        for (const std::string& name : FaultsOf(*each.kernel, slot, call)) {
          offered.insert(std::string(GetOsCallInfo(call.call).name) + " " + name);
        }
      }
    }
  }
  std::set<std::string> on_page;
  for (const std::string& line : ReadPage()) {
    if (line.compare(0, 3, "| `") == 0) on_page.insert(Cell(line, 0) + " " + Cell(line, 1));
  }
  EXPECT_THAT(Without(offered, on_page), IsEmpty()) << "is offered, and not on the page";
  EXPECT_THAT(Without(on_page, offered), IsEmpty()) << "is on the page, and never offered";
}

TEST(FaultsPageTest, NamesEveryCallThatIsInjectedNothing) {
  std::string page;
  for (const std::string& line : ReadPage()) page += line + "\n";
  const std::string never = page.substr(page.find("## What is never injected"));
  for (const OsCallInfo& info : OsCalls()) {
    if (!NeverFailsByChance(info.call)) continue;
    EXPECT_NE(never.find("`" + std::string(info.name) + "`"), std::string::npos) << info.name;
  }
}

// The manual page that the seam cites knows the error, but for these, which docs/faults.md has from
// elsewhere.
TEST(FaultsPageTest, HasErrorsThatTheCallsPageKnows) {
  const std::set<std::string> others = {"close EDQUOT", "open EIO", "pidfd_open EPERM",
                                        "pipe ENOMEM", "pipe2 ENOMEM"};
  std::set<std::string> unknown;
  for (const std::string& line : ReadPage()) {
    if (line.compare(0, 3, "| `") != 0 || Cell(line, 1) == "short") continue;
    const OsCallInfo* info = FindOsCall(Cell(line, 0).c_str());
    ASSERT_NE(info, nullptr) << line;
    bool known = false;
    for (int error : info->errnos) known |= Cell(line, 1) == ErrnoName(error);
    if (!known) unknown.insert(Cell(line, 0) + " " + Cell(line, 1));
  }
  EXPECT_EQ(unknown, others);
}

}  // namespace
}  // namespace cleanfork::sim
