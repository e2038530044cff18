// Every state of real, effective and saved id over {0, 1, 2}, with these and those capabilities,
// and every call that sets ids with every argument out of those and -1: what the real kernel does,
// SimOs does too. More than 30,000 transitions; the last line says how many.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"
#include "tests/real/required_privileges.h"
#include "tests/real/sanitizers.h"

namespace cleanfork {
namespace {

constexpr uint32_t kIds[] = {0, 1, 2};
constexpr uint32_t kArguments[] = {~uint32_t{0}, 0, 1, 2};
constexpr size_t kStates = 27;
constexpr size_t kUidCalls = 3 * 4 + 16 + 64;
constexpr size_t kGidCalls = 4 * 4 + 16 + 64;
constexpr size_t kRequired = 30'000;

// Forks of the real kernel are slow under these: every state, but not every call.
constexpr size_t kStride = kAddressSanitizer ? 4 : 1;

size_t total = 0;
bool all_ran = true;

struct Transition {
  std::string name;
  std::function<int(Os& os)> make;  // an errno or 0; of setfsuid and setfsgid what they return
};

std::string Text(uint32_t id) { return std::to_string(static_cast<int32_t>(id)); }

std::vector<Transition> UidCalls() {
  std::vector<Transition> calls;
  for (uint32_t a : kArguments) {
    calls.push_back({"setuid(" + Text(a) + ")", [=](Os& os) { return os.SetUid(a).error(); }});
    calls.push_back({"seteuid(" + Text(a) + ")", [=](Os& os) { return os.SetEuid(a).error(); }});
    calls.push_back(
        {"setfsuid(" + Text(a) + ")", [=](Os& os) { return static_cast<int>(os.SetFsUid(a)); }});
    for (uint32_t b : kArguments) {
      const std::string two = Text(a) + ", " + Text(b);
      calls.push_back({"setreuid(" + two + ")", [=](Os& os) { return os.SetReUid(a, b).error(); }});
      for (uint32_t c : kArguments) {
        calls.push_back({"setresuid(" + two + ", " + Text(c) + ")",
                         [=](Os& os) { return os.SetResUid(a, b, c).error(); }});
      }
    }
  }
  return calls;
}

std::vector<Transition> GidCalls() {
  std::vector<Transition> calls;
  for (uint32_t a : kArguments) {
    calls.push_back({"setgid(" + Text(a) + ")", [=](Os& os) { return os.SetGid(a).error(); }});
    calls.push_back({"setegid(" + Text(a) + ")", [=](Os& os) { return os.SetEgid(a).error(); }});
    calls.push_back(
        {"setfsgid(" + Text(a) + ")", [=](Os& os) { return static_cast<int>(os.SetFsGid(a)); }});
    calls.push_back(
        {"setgroups(" + Text(a) + ")", [=](Os& os) { return os.SetGroups(&a, 1).error(); }});
    for (uint32_t b : kArguments) {
      const std::string two = Text(a) + ", " + Text(b);
      calls.push_back({"setregid(" + two + ")", [=](Os& os) { return os.SetReGid(a, b).error(); }});
      for (uint32_t c : kArguments) {
        calls.push_back({"setresgid(" + two + ", " + Text(c) + ")",
                         [=](Os& os) { return os.SetResGid(a, b, c).error(); }});
      }
    }
  }
  return calls;
}

// Who a process is, from the call on; capabilities as far as both kernels have them.
struct Start {
  ResUid uid;
  ResGid gid;
  CapabilitySets capabilities;
  bool moves_fsuid = false;  // to `fsuid`, before the call
  uint32_t fsuid = 0;
};

// What a call returned, and who one is afterwards.
struct Outcome {
  int32_t result;
  ResUid uid;
  ResGid gid;
  uint32_t fsuid;
  uint32_t fsgid;
  uint32_t groups;
  uint32_t first_group;
  CapabilitySets capabilities;
};

// All that root has here: a container's has not all of them.
uint64_t KnownCapabilities() {
  static const uint64_t known = RealOs().CapGet().value().permitted;
  return known;
}

Outcome Look(Os& os, int result) {
  Outcome outcome = {};
  outcome.result = result;
  outcome.uid = os.GetResUid().value();
  outcome.gid = os.GetResGid().value();
  outcome.fsuid = os.SetFsUid(~0U);
  outcome.fsgid = os.SetFsGid(~0U);
  gid_t groups[8] = {};
  outcome.groups = static_cast<uint32_t>(os.GetGroups(groups, 8).value_or(77));
  outcome.first_group = groups[0];
  outcome.capabilities = os.CapGet().value();
  return outcome;
}

std::string Text(const Outcome& o) {
  std::string text = std::to_string(o.result);
  text += " uid " + Text(o.uid.real) + " " + Text(o.uid.effective) + " " + Text(o.uid.saved) + " " +
          Text(o.fsuid);
  text += " gid " + Text(o.gid.real) + " " + Text(o.gid.effective) + " " + Text(o.gid.saved) + " " +
          Text(o.fsgid) + " groups " + Text(o.groups) + " " + Text(o.first_group);
  for (uint64_t set :
       {o.capabilities.effective, o.capabilities.permitted, o.capabilities.inheritable}) {
    char hex[32];
    std::snprintf(hex, sizeof(hex), " %llx", static_cast<unsigned long long>(set));
    text += hex;
  }
  return text;
}

std::string Text(const Start& start) {
  Outcome outcome = {};
  outcome.uid = start.uid;
  outcome.gid = start.gid;
  outcome.capabilities = start.capabilities;
  outcome.fsuid = start.moves_fsuid ? start.fsuid : start.uid.effective;
  outcome.fsgid = start.gid.effective;
  return Text(outcome);
}

// capset(2), which Os has not.
bool SetCapabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header = {};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  for (int half = 0; half < 2; ++half) {
    data[half].effective = static_cast<uint32_t>(sets.effective >> (32 * half));
    data[half].permitted = static_cast<uint32_t>(sets.permitted >> (32 * half));
    data[half].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * half));
  }
  return syscall(SYS_capset, &header, data) == 0;
}

// In a child of a real root: gids first, since uids may take the power away; then what they took.
bool Become(const Start& start) {
  Os& os = RealOs();
  const gid_t groups = 0;
  return prctl(PR_SET_KEEPCAPS, 1L) == 0 && os.SetGroups(&groups, 1).ok() &&
         os.SetResGid(start.gid.real, start.gid.effective, start.gid.saved).ok() &&
         os.SetResUid(start.uid.real, start.uid.effective, start.uid.saved).ok() &&
         prctl(PR_SET_KEEPCAPS, 0L) == 0 && SetCapabilities(start.capabilities);
}

// Makes every call in a child of its own; the outcomes in their order.
std::vector<Outcome> MakeAll(Os& os, const std::vector<Transition>& calls, const Start& start,
                             bool (*become)(const Start&)) {
  std::vector<Outcome> outcomes;
  const PipeEnds ends = os.Pipe().value();
  for (size_t i = 0; i < calls.size(); i += kStride) {
    const pid_t child = os.Fork().value();
    if (child == 0) {
      const bool set = become(start);
      if (start.moves_fsuid) os.SetFsUid(start.fsuid);
      const Outcome outcome = Look(os, calls[i].make(os));
      os.Exit(set && os.Write(ends.write_end, &outcome, sizeof(outcome)).ok() ? 0 : 1);
    }
    Outcome outcome = {};
    outcome.result = -1;
    if (os.WaitPid(child, 0).value().status == 0) {
      os.Read(ends.read_end, &outcome, sizeof(outcome)).IgnoreError();
    }
    outcomes.push_back(outcome);
  }
  os.Close(ends.read_end).IgnoreError();
  os.Close(ends.write_end).IgnoreError();
  return outcomes;
}

std::vector<Outcome> MakeAllSimulated(const std::vector<Transition>& calls, const Start& start) {
  SimOsOptions options;
  options.uids = start.uid;
  options.gids = start.gid;
  options.capabilities = start.capabilities;
  std::vector<Outcome> simulated;
  SimOs sim(options);
  const SimRun run = sim.Run([&](Os& os) {
    const std::vector<Outcome> outcomes =
        MakeAll(os, calls, start, [](const Start&) { return true; });
    simulated = outcomes;  // by the first process alone: the others end by Exit()
    return 0;
  });
  if (run.end != SimEnd::kAllEnded) std::fprintf(stderr, "%s\n", run.message.c_str());
  return simulated;
}

// The same, in a real child: what simulated processes leave on the heap would make this process
// grow, and each fork of it slower.
std::vector<Outcome> MakeAllSimulatedApart(const std::vector<Transition>& calls,
                                           const Start& start) {
  Os& os = RealOs();
  const PipeEnds ends = os.Pipe().value();
  const pid_t child = os.Fork().value();
  if (child == 0) {
    const std::vector<Outcome> outcomes = MakeAllSimulated(calls, start);
    const size_t size = outcomes.size() * sizeof(Outcome);
    _exit(os.Write(ends.write_end, outcomes.data(), size).value_or(0) == size ? 0 : 1);
  }
  os.Close(ends.write_end).IgnoreError();
  std::vector<Outcome> outcomes;
  for (Outcome outcome; os.Read(ends.read_end, &outcome, sizeof(outcome)).value_or(0) > 0;) {
    outcomes.push_back(outcome);  // a pipe's 64 KiB hold all of them: none comes in parts
  }
  os.Close(ends.read_end).IgnoreError();
  EXPECT_EQ(os.WaitPid(child, 0).value().status, 0);
  return outcomes;
}

static_assert(kGidCalls * sizeof(Outcome) <= 65536, "the outcomes of a state go through a pipe");

bool IsRoot() {
  const SysResult<CapabilitySets> sets = RealOs().CapGet();
  constexpr uint64_t kSetIds = 3 << 6;
  if (RealOs().GetEuid() != 0 || (sets.value().effective & kSetIds) != kSetIds) return false;
  const pid_t child = RealOs().Fork().value();
  if (child == 0) {
    // In a sandbox's user namespace there are no others.
    const uid_t groups = 1;
    const bool may = RealOs().SetGroups(&groups, 1).ok() && RealOs().SetResUid(1, 1, 1).ok();
    _exit(may ? 0 : 1);
  }
  return RealOs().WaitPid(child, 0).value().status == 0;
}

constexpr uint64_t kChown = 1 << 0, kFowner = 1 << 3, kKill = 1 << 5;
constexpr uint64_t kSetGid = 1 << 6, kSetUid = 1 << 7;

// A way to have capabilities, in all 27 states.
struct Power {
  const char* name;
  bool of_groups;      // whether it is gids that change
  uint32_t uid;        // of those: all three
  bool as_by_ids;      // what setresuid(2) of root leaves
  uint64_t effective;  // or these
  uint64_t permitted;
  uint64_t inheritable;
  bool with_fsuids;  // the file-system id begins as each of kIds
};

void PrintTo(const Power& power, std::ostream* out) { *out << power.name; }

constexpr uint64_t kAll = ~uint64_t{0};

const Power kPowers[] = {
    {"UsersAsRootBecameThem", false, 0, true, 0, 0, 0, false},
    {"UsersWithoutCapabilities", false, 0, false, 0, 0, 0, false},
    {"UsersWhoMayHaveAllAndUseNone", false, 0, false, 0, kAll, 0, false},
    {"UsersWithAll", false, 0, false, kAll, kAll, 0, true},
    {"UsersWithSetuidAlone", false, 0, false, kSetUid, kSetUid | kSetGid | kChown, kKill, false},
    {"UsersWithAllButSetuid", false, 0, false, kAll & ~kSetUid, kAll, kAll, false},
    {"UsersWithFowner", false, 0, false, kFowner, kFowner | kKill, 0, false},
    {"GroupsAsRoot", true, 0, true, 0, 0, 0, false},
    {"GroupsAsUserOne", true, 1, true, 0, 0, 0, false},
    {"GroupsAsRootWithoutCapabilities", true, 0, false, 0, 0, 0, false},
    {"GroupsAsUserOneWithAll", true, 1, false, kAll, kAll, 0, false},
    {"GroupsAsUserOneWithSetgidAlone", true, 1, false, kSetGid, kSetGid, kSetGid, false},
    {"GroupsAsRootWithAllButSetgid", true, 0, false, kAll & ~kSetGid, kAll, 0, false},
};

class Credentials : public testing::TestWithParam<Power> {
 protected:
  void SetUp() override {
    if (IsRoot() && !kThreadSanitizer) return;
    all_ran = false;
    if (kThreadSanitizer) {
      GTEST_SKIP()
          << "ThreadSanitizer has a second thread: capset(2) and prctl(2) are for one, and "
             "setresuid(3) is for all, which then have to answer alike";
    }
    SkipWithoutPrivileges("root outside of a sandbox, which can take every identity");
  }

  void Compare(const std::vector<Transition>& calls, const Start& start) {
    const std::vector<Outcome> real = MakeAll(RealOs(), calls, start, &Become);
    const std::vector<Outcome> simulated = MakeAllSimulatedApart(calls, start);
    ASSERT_EQ(simulated.size(), real.size());
    for (size_t i = 0; i < real.size(); ++i) {
      ASSERT_NE(real[i].result, -1) << "this state cannot be made: " << Text(start);
      ASSERT_EQ(Text(simulated[i]), Text(real[i]))
          << calls[i * kStride].name << " of a process with " << Text(start);
    }
    count_ += real.size();
  }

  // Capabilities of a process with these uids.
  CapabilitySets Sets(const ResUid& uid) const {
    const Power& power = GetParam();
    const uint64_t known = KnownCapabilities();
    if (!power.as_by_ids) {
      return {power.effective & known, power.permitted & known, power.inheritable & known};
    }
    const bool root = uid.real == 0 || uid.effective == 0 || uid.saved == 0;
    return {uid.effective == 0 ? known : 0, root ? known : 0, 0};
  }

  size_t count_ = 0;
};

TEST_P(Credentials, ChangeAsOnTheRealKernel) {
  const Power& power = GetParam();
  const std::vector<Transition> calls = power.of_groups ? GidCalls() : UidCalls();
  ASSERT_EQ(calls.size(), power.of_groups ? kGidCalls : kUidCalls);
  for (uint32_t a : kIds) {
    for (uint32_t b : kIds) {
      for (uint32_t c : kIds) {
        Start start;
        start.uid = power.of_groups ? ResUid{power.uid, power.uid, power.uid} : ResUid{a, b, c};
        start.gid = power.of_groups ? ResGid{a, b, c} : ResGid{0, 0, 0};
        start.capabilities = Sets(start.uid);
        start.moves_fsuid = power.with_fsuids;
        for (uint32_t fsuid : kIds) {
          start.fsuid = fsuid;
          ASSERT_NO_FATAL_FAILURE(Compare(calls, start));
          if (!power.with_fsuids) break;
        }
      }
    }
  }
  const size_t each = (calls.size() + kStride - 1) / kStride;
  EXPECT_EQ(count_, kStates * each * (power.with_fsuids ? 3 : 1));
  total += count_;
}

INSTANTIATE_TEST_SUITE_P(Of, Credentials, testing::ValuesIn(kPowers),
                         [](const auto& info) { return std::string(info.param.name); });

class Summary : public testing::Environment {
 public:
  void TearDown() override {
    std::printf("credentials: %zu transitions, equal on both kernels\n", total);
    const testing::UnitTest& tests = *testing::UnitTest::GetInstance();
    const bool whole = tests.test_to_run_count() == tests.total_test_count() && all_ran;
    if (whole && kStride == 1 && tests.Passed() && total < kRequired) {
      ADD_FAILURE() << kRequired << " are required";
    }
  }
};

testing::Environment* const kSummary = testing::AddGlobalTestEnvironment(new Summary);

}  // namespace
}  // namespace cleanfork
