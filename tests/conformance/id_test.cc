// Ids and capabilities, as far as they are no matter of privilege: credentials(7). What is: in
// identity_test.cc and credentials_test.cc.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "cleanfork/os.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

const ConformanceCase kIds[] = {
    {"AreToldAlikeByAllCalls",
     [](Os& os, Notes& notes) {
       const ResUid user = os.GetResUid().value();
       const ResGid group = os.GetResGid().value();
       notes.Add(user.real == os.GetUid() && user.effective == os.GetEuid());
       notes.Add(group.real == os.GetGid() && group.effective == os.GetEgid());
       notes.Add(os.SetFsUid(static_cast<uid_t>(-1)) == os.GetEuid());
       notes.Add(os.SetFsGid(static_cast<gid_t>(-1)) == os.GetEgid());
     },
     "yes yes yes yes"},
    {"OfMinusOneAreRefusedOrLeftAlone",
     [](Os& os, Notes& notes) {
       constexpr uid_t kNone = static_cast<uid_t>(-1);
       notes.Add(os.SetUid(kNone));
       notes.Add(os.SetGid(kNone));
       notes.Add(os.SetEuid(kNone));
       notes.Add(os.SetEgid(kNone));
       notes.Add(os.SetReUid(kNone, kNone));
       notes.Add(os.SetReGid(kNone, kNone));
       notes.Add(os.SetResUid(kNone, kNone, kNone));
       notes.Add(os.SetResGid(kNone, kNone, kNone));
     },
     "EINVAL EINVAL EINVAL EINVAL ok ok ok ok"},
    {"ThatOneHasCanBeSet",
     [](Os& os, Notes& notes) {
       const uid_t user = os.GetUid();
       const gid_t group = os.GetGid();
       notes.Add(os.SetGid(group));
       notes.Add(os.SetEgid(group));
       notes.Add(os.SetReGid(group, group));
       notes.Add(os.SetResGid(group, group, group));
       notes.Add(os.SetUid(user));
       notes.Add(os.SetEuid(user));
       notes.Add(os.SetReUid(user, user));
       notes.Add(os.SetResUid(user, user, user));
       notes.Add(os.GetUid() == user && os.GetGid() == group);
     },
     "ok ok ok ok ok ok ok ok yes"},
    {"OfAChildAreItsParents",
     [](Os& os, Notes& notes) {
       const ResUid user = os.GetResUid().value();
       const CapabilitySets sets = os.CapGet().value();
       if (os.Fork().value() == 0) {
         const CapabilitySets own = os.CapGet().value();
         const bool same = own.effective == sets.effective && own.permitted == sets.permitted &&
                           own.inheritable == sets.inheritable;
         os.Exit(same && os.GetUid() == user.real && os.GetEuid() == user.effective ? 0 : 1);
       }
       notes.Add(os.WaitPid(-1, 0).value().status);
     },
     "0"},
    {"ComeWithCapabilitiesThatArePermitted",
     [](Os& os, Notes& notes) {
       const CapabilitySets sets = os.CapGet().value();
       notes.Add((sets.effective & ~sets.permitted) == 0);
       notes.Add(os.PrctlSetNoNewPrivs());
       notes.Add(os.PrctlSetNoNewPrivs());
       notes.Add(os.CapGet().value().permitted == sets.permitted);
     },
     "yes ok ok yes"},
};
CLEANFORK_CONFORMANCE(Ids, kIds);

}  // namespace
}  // namespace cleanfork
