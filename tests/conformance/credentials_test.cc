// Every state of real, effective and saved id over {0, 1, 2}, every call that sets ids with every
// argument out of those and -1: what the real kernel does, SimOs does too.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "cleanfork/names.h"
#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"

namespace cleanfork {
namespace {

constexpr uint32_t kIds[] = {0, 1, 2};
constexpr uint32_t kArguments[] = {~uint32_t{0}, 0, 1, 2};

struct Transition {
  std::string name;
  std::function<int(Os& os)> make;  // an errno or 0
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

// Who one is after a call, and what it returned: 64 bits for ids and error, and the capabilities.
struct Outcome {
  int32_t result;
  ResUid uid;
  ResGid gid;
  uint32_t fsuid;
  uint32_t fsgid;
  CapabilitySets capabilities;
};

Outcome Look(Os& os, int result) {
  Outcome outcome = {};
  outcome.result = result;
  outcome.uid = os.GetResUid().value();
  outcome.gid = os.GetResGid().value();
  outcome.fsuid = os.SetFsUid(~0U);
  outcome.fsgid = os.SetFsGid(~0U);
  outcome.capabilities = os.CapGet().value();
  // How many capabilities there are depends on the kernel: all or none, and those of files.
  constexpr uint64_t kFileSystem = 0x1f;
  for (uint64_t* set : {&outcome.capabilities.effective, &outcome.capabilities.permitted}) {
    *set = *set >> 5 == 0 ? (*set & kFileSystem) : (*set & kFileSystem) | 1 << 5;
  }
  return outcome;
}

std::string Text(const Outcome& o) {
  return std::to_string(o.result) + " uid " + Text(o.uid.real) + " " + Text(o.uid.effective) + " " +
         Text(o.uid.saved) + " " + Text(o.fsuid) + " gid " + Text(o.gid.real) + " " +
         Text(o.gid.effective) + " " + Text(o.gid.saved) + " " + Text(o.fsgid) + " caps " +
         std::to_string(o.capabilities.effective) + " " + std::to_string(o.capabilities.permitted);
}

// The state from which each call is made: by gids first, since uids may take the power away.
struct State {
  uint32_t uid[3];
  uint32_t gid[3];
};

// Makes every call in a child of its own; the outcomes in their order.
void MakeAll(Os& os, const std::vector<Transition>& calls, const State& state,
             std::vector<Outcome>* outcomes) {
  const PipeEnds ends = os.Pipe().value();
  for (const Transition& call : calls) {
    const pid_t child = os.Fork().value();
    if (child == 0) {
      const bool set = os.SetResGid(state.gid[0], state.gid[1], state.gid[2]).ok() &&
                       os.SetResUid(state.uid[0], state.uid[1], state.uid[2]).ok();
      const Outcome outcome = Look(os, call.make(os));
      os.Exit(set && os.Write(ends.write_end, &outcome, sizeof(outcome)).ok() ? 0 : 1);
    }
    os.WaitPid(child, 0).IgnoreError();
    Outcome outcome = {};
    os.Read(ends.read_end, &outcome, sizeof(outcome)).IgnoreError();
    outcomes->push_back(outcome);
  }
  os.Close(ends.read_end).IgnoreError();
  os.Close(ends.write_end).IgnoreError();
}

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

class Credentials : public testing::Test {
 protected:
  void SetUp() override {
    if (IsRoot()) return;
    const char* const required = std::getenv("CLEANFORK_REQUIRE_PRIVILEGED");
    ASSERT_TRUE(required == nullptr || std::string(required) != "1");
    GTEST_SKIP() << "only root can take every identity";
  }

  void Compare(const std::vector<Transition>& calls, const State& state) {
    std::vector<Outcome> real;
    MakeAll(RealOs(), calls, state, &real);
    std::vector<Outcome> simulated;
    SimOs sim;
    const SimRun run = sim.Run([&](Os& os) {
      std::vector<Outcome> outcomes;
      MakeAll(os, calls, state, &outcomes);
      simulated = outcomes;
      return 0;
    });
    ASSERT_EQ(run.end, SimEnd::kAllEnded) << run.message;
    ASSERT_EQ(simulated.size(), real.size());
    for (size_t i = 0; i < calls.size(); ++i) {
      EXPECT_EQ(Text(simulated[i]), Text(real[i]))
          << calls[i].name << " with uids " << state.uid[0] << " " << state.uid[1] << " "
          << state.uid[2] << ", gids " << state.gid[0] << " " << state.gid[1] << " "
          << state.gid[2];
    }
    count_ += calls.size();
  }

  size_t count_ = 0;
};

TEST_F(Credentials, OfUsersChangeAsOnTheRealKernel) {
  const std::vector<Transition> calls = UidCalls();
  for (uint32_t a : kIds) {
    for (uint32_t b : kIds) {
      for (uint32_t c : kIds) Compare(calls, {{a, b, c}, {0, 0, 0}});
    }
  }
  EXPECT_EQ(count_, 27 * (3 * 4 + 16 + 64));
}

TEST_F(Credentials, OfGroupsChangeAsOnTheRealKernel) {
  const std::vector<Transition> calls = GidCalls();
  for (uint32_t user : {0, 1}) {  // capable of it and not
    for (uint32_t a : kIds) {
      for (uint32_t b : kIds) {
        for (uint32_t c : kIds) Compare(calls, {{user, user, user}, {a, b, c}});
      }
    }
  }
  EXPECT_EQ(count_, 2 * 27 * (4 * 4 + 16 + 64));
}

}  // namespace
}  // namespace cleanfork
