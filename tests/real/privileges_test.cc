// Dropping privileges, judged from outside: what /proc says of the child, and what the child can
// take back. Every test starts as root with the supplementary groups 0, 4 and 24.
#include <errno.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/os_wrapper.h"
#include "cleanfork/spawn.h"
#include "tests/real/entry_points.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/unused_uid.h"

namespace cleanfork {
namespace {

constexpr char kTryToRegain[] = "--try-to-regain";

using Ids = std::vector<uint64_t>;

std::string Print(const Ids& ids) {
  std::ostringstream text;
  for (uint64_t id : ids) text << ' ' << id;
  return text.str();
}

std::string Expect(const char* what, const Ids& is, const Ids& wanted) {
  if (is == wanted) return "";
  return std::string(what) + " are" + Print(is) + ", not" + Print(wanted) + "; ";
}

std::string BecomeRootWithGroups() {
  const gid_t groups[] = {0, 4, 24};
  return setgroups(3, groups) == 0 ? "" : "setgroups failed";
}

// What is left of root's power in a process that /proc describes.
std::string CheckUnprivileged(const ProcessState& state, uint64_t uid, uint64_t gid,
                              const Ids& groups) {
  std::string wrong = Expect("uids", state.uids, Ids(4, uid));
  wrong += Expect("gids", state.gids, Ids(4, gid));
  Ids sorted = state.groups;
  std::sort(sorted.begin(), sorted.end());
  wrong += Expect("groups", sorted, groups);
  wrong += Expect("effective, permitted, inheritable and ambient capabilities",
                  {state.capabilities_effective, state.capabilities_permitted,
                   state.capabilities_inheritable, state.capabilities_ambient},
                  Ids(4, 0));
  return wrong;
}

class Privileges : public EveryEntryPoint {
 protected:
  void SetUp() override { CLEANFORK_SKIP_WITHOUT_PRIVILEGES(); }

  // Starts a child with `identity` as root, in a process of its own, and checks it.
  std::string StartAndCheck(const Identity& identity, uint64_t uid, uint64_t gid,
                            const Ids& groups) {
    const EntryPoint entry = GetParam();
    return InOwnProcess([&, entry] {
      std::string wrong = BecomeRootWithGroups();
      const CallerState before = ReadCallerState();
      ForkOptions options;
      options.identity = identity;
      absl::StatusOr<Child> child = StartPausing(entry, options, RealOs());
      if (!child.ok()) return std::string(child.status().message());
      const std::optional<ProcessState> state = ReadProcessState(child->pid());
      if (!state.has_value()) return std::string("no such process");
      wrong += CheckUnprivileged(*state, uid, gid, groups);
      child = absl::CancelledError("ended, and with it the pidfd that a Child holds");
      wrong += Difference(before, ReadCallerState());
      const gid_t own_groups = static_cast<gid_t>(getgroups(0, nullptr));
      if (own_groups != 3) wrong += "the caller's groups have changed; ";
      return wrong;
    });
  }
};

TEST_P(Privileges, NothingIsLeftOfRootInAChildThatIsNobody) {
  const passwd* nobody = getpwnam("nobody");
  ASSERT_NE(nobody, nullptr);
  EXPECT_EQ(
      StartAndCheck(Identity::User("nobody"), nobody->pw_uid, nobody->pw_gid, {nobody->pw_gid}),
      "");
}

TEST_P(Privileges, NumbersWithoutAnEntryAreTakenAsTheyAre) {
  EXPECT_EQ(StartAndCheck(Identity::Ids(UnusedUid(), 61002), UnusedUid(), 61002, {61002}), "");
}

TEST_P(Privileges, ExplicitGroupsAreThoseAndNoOthers) {
  Identity identity = Identity::Ids(UnusedUid(), 61002);
  identity.groups = GroupPolicy::kExplicit;
  identity.group_list = {7, 5, 7};
  EXPECT_EQ(StartAndCheck(identity, UnusedUid(), 61002, {5, 7}), "");
}

TEST_P(Privileges, GroupsAreKeptOnlyWhereThatIsAskedFor) {
  Identity identity = Identity::Ids(UnusedUid(), 61002);
  identity.groups = GroupPolicy::kKeep;
  EXPECT_EQ(StartAndCheck(identity, UnusedUid(), 61002, {0, 4, 24}), "");
}

TEST_P(Privileges, UserWithoutAGroupGetsItsOwnAndNeverRoots) {
  Identity identity;
  identity.uid = getpwnam("nobody")->pw_uid;
  EXPECT_EQ(StartAndCheck(identity, getpwnam("nobody")->pw_uid, getpwnam("nobody")->pw_gid,
                          {getpwnam("nobody")->pw_gid}),
            "");
}

TEST_P(Privileges, UserAndGroupZeroAreAppliedLikeAnyOther) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              std::string wrong = BecomeRootWithGroups();
              // Not root's own gid, which uid 0 and gid 0 have to replace.
              if (setresgid(61002, 61002, 61002) != 0) return std::string("setresgid failed");
              ForkOptions options;
              options.identity = Identity::Ids(0, 0);
              absl::StatusOr<Child> child = StartPausing(entry, options, RealOs());
              if (!child.ok()) return std::string(child.status().message());
              const std::optional<ProcessState> state = ReadProcessState(child->pid());
              wrong += Expect("uids", state->uids, Ids(4, 0));
              wrong += Expect("gids", state->gids, Ids(4, 0));
              wrong += Expect("groups", state->groups, {0});
              return wrong;
            }),
            "");
}

// Tries every way back to root. Which one worked, as an exit status; 0: none. Runs in the child.
int TryToRegain() {
  const uid_t same = static_cast<uid_t>(-1);
  const gid_t root = 0;
  if (setuid(0) == 0) return 1;
  if (seteuid(0) == 0) return 2;
  if (setreuid(0, same) == 0 || setreuid(same, 0) == 0) return 3;
  if (setresuid(0, same, same) == 0 || setresuid(same, 0, same) == 0 ||
      setresuid(same, same, 0) == 0) {
    return 4;
  }
  if (setgid(0) == 0) return 5;
  if (setegid(0) == 0) return 6;
  if (setresgid(0, same, same) == 0 || setresgid(same, 0, same) == 0 ||
      setresgid(same, same, 0) == 0) {
    return 7;
  }
  if (setgroups(1, &root) == 0 || setgroups(0, nullptr) == 0) return 8;
  setfsuid(0);
  if (setfsuid(same) == 0) return 9;
  setfsgid(0);
  if (setfsgid(same) == 0) return 10;
  return access("/etc/shadow", R_OK) == 0 ? 11 : 0;
}

TEST_P(Privileges, NoneCanBeTakenBack) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              const std::string wrong = BecomeRootWithGroups();
              ForkOptions options;
              options.identity = Identity::User("nobody");
              absl::StatusOr<Child> child = absl::InternalError("not started");
              if (entry == EntryPoint::kForkChild) {
                absl::StatusOr<pid_t> pid = ForkChild(options);
                if (!pid.ok()) return std::string(pid.status().message());
                if (*pid == 0) _exit(TryToRegain());
                child = Child(RealOs(), *pid, {});
              } else if (entry == EntryPoint::kRunInChild) {
                child = RunInChild([] { return TryToRegain(); }, options);
              } else {
                child = Spawn({"/proc/self/exe", kTryToRegain}, options);
              }
              if (!child.ok()) return std::string(child.status().message());
              absl::StatusOr<ExitStatus> ended = child->Wait();
              return wrong +
                     (ended.ok() && ended->success() ? "" : "regained: " + ended->ToString());
            }),
            "");
}

// A kernel that says that a call has succeeded, and does less than it was asked to. Only the child
// changes its identity, so only there it lies.
class LyingOs : public OsWrapper {
 public:
  enum Lie {
    kNone,
    kSetGroups,
    kSetResGid,
    kSetResUid,
    kKeepSavedUid,
    kKeepRealUid,
    kKeepSavedGid,
    kOneGroupMore
  };
  explicit LyingOs(Lie lie) : OsWrapper(RealOs()), lie_(lie) {}

  SysResult<void> SetGroups(const gid_t* groups, size_t size) override {
    if (lie_ == kSetGroups) return {};
    if (lie_ != kOneGroupMore) return OsWrapper::SetGroups(groups, size);
    gid_t more[8] = {};
    std::copy(groups, groups + size, more);
    more[size] = 4;
    return OsWrapper::SetGroups(more, size + 1);
  }
  SysResult<void> SetResGid(gid_t real, gid_t effective, gid_t saved) override {
    if (lie_ == kSetResGid) return {};
    return OsWrapper::SetResGid(real, effective, lie_ == kKeepSavedGid ? 0 : saved);
  }
  SysResult<void> SetResUid(uid_t real, uid_t effective, uid_t saved) override {
    if (lie_ == kSetResUid) return {};
    return OsWrapper::SetResUid(lie_ == kKeepRealUid ? 0 : real, effective,
                                lie_ == kKeepSavedUid ? 0 : saved);
  }

 private:
  Lie lie_;
};

TEST_P(Privileges, ChangeThatIsClaimedButNotMadeIsFoundOutAndNothingIsStarted) {
  const EntryPoint entry = GetParam();
  for (LyingOs::Lie lie :
       {LyingOs::kSetGroups, LyingOs::kSetResGid, LyingOs::kSetResUid, LyingOs::kKeepSavedUid,
        LyingOs::kKeepRealUid, LyingOs::kKeepSavedGid, LyingOs::kOneGroupMore}) {
    EXPECT_EQ(InOwnProcess([entry, lie] {
                std::string wrong = BecomeRootWithGroups();
                ForkOptions options;
                options.identity = Identity::User("nobody");
                const CallerState before = ReadCallerState();
                LyingOs os(lie);
                absl::StatusOr<Child> child = StartPausing(entry, options, os);
                if (child.ok()) return std::string("the lie was believed");
                const std::optional<ChildError> error = GetChildError(child.status());
                if (!error.has_value() || error->step != Step::kVerifyIdentity) {
                  wrong += std::string(child.status().message()) + "; ";
                }
                return wrong + DescribeChildren() + Difference(before, ReadCallerState());
              }),
              "")
        << "lie " << lie;
  }
}

TEST_P(Privileges, AKernelThatTellsTheTruthPassesTheSameCheck) {
  const EntryPoint entry = GetParam();
  EXPECT_EQ(InOwnProcess([entry] {
              const std::string wrong = BecomeRootWithGroups();
              ForkOptions options;
              options.identity = Identity::User("nobody");
              LyingOs os(LyingOs::kNone);
              absl::StatusOr<Child> child = StartPausing(entry, options, os);
              return wrong + (child.ok() ? "" : std::string(child.status().message()));
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(Real, Privileges, EntryPoints(), EntryPointTestName);

}  // namespace
}  // namespace cleanfork

// The test is also the program that Spawn() runs as another user: nobody may read the directory
// that it lies in, but /proc/self/exe leads to it all the same.
int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == cleanfork::kTryToRegain) {
    return cleanfork::TryToRegain();
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
