// The environment and the data base of users: setenv(3), environ(7), getpwnam(3), getgrouplist(3).
#include <gtest/gtest.h>

#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

void NoteVariable(Os& os, Notes& notes, const char* name) {
  const char* const value = os.GetEnv(name);
  notes.Add(value == nullptr ? std::string("none") : "'" + std::string(value) + "'");
}

int Count(Os& os) {
  int count = 0;
  for (char* const* at = os.GetEnviron(); at != nullptr && *at != nullptr; ++at) ++count;
  return count;
}

// Installs a block of two variables, one of them twice and one without "=".
void InstallBlock(Os& os) {
  static char one[] = "A=1", two[] = "B=x=y", again[] = "A=2", bare[] = "BARE";
  static char* block[] = {one, two, again, bare, nullptr};
  os.SetEnviron(block);
}

const ConformanceCase kVariables[] = {
    {"AreReplaced",
     [](Os& os, Notes& notes) {
       for (const char* value : {"1", "", "x=y", "a longer value than before"}) {
         notes.Add(os.SetEnv("CLEANFORK_A", value));
         NoteVariable(os, notes, "CLEANFORK_A");
       }
     },
     "ok '1' ok '' ok 'x=y' ok 'a longer value than before'"},
    {"AreRemoved",
     [](Os& os, Notes& notes) {
       os.SetEnv("CLEANFORK_A", "1").IgnoreError();
       const int before = Count(os);
       notes.Add(os.UnsetEnv("CLEANFORK_A"));
       NoteVariable(os, notes, "CLEANFORK_A");
       notes.Add(Count(os) - before);
       notes.Add(os.UnsetEnv("CLEANFORK_A"));
     },
     "ok none -1 ok"},
    {"OfBadNamesAreRefused",
     [](Os& os, Notes& notes) {
       for (const char* name : {"", "=", "A=B", "A="}) {
         notes.Add(os.SetEnv(name, "x"));
         notes.Add(os.UnsetEnv(name));
         NoteVariable(os, notes, name);
       }
     },
     "EINVAL EINVAL none EINVAL EINVAL none EINVAL EINVAL none EINVAL EINVAL none"},
    {"AreNotTheirPrefixes",
     [](Os& os, Notes& notes) {
       os.SetEnv("CLEANFORK_ABC", "1").IgnoreError();
       NoteVariable(os, notes, "CLEANFORK_AB");
       NoteVariable(os, notes, "CLEANFORK_ABCD");
       NoteVariable(os, notes, "cleanfork_abc");
     },
     "none none none"},
    {"AreThoseOfTheInstalledBlock",
     [](Os& os, Notes& notes) {
       InstallBlock(os);
       NoteVariable(os, notes, "A");
       NoteVariable(os, notes, "B");
       NoteVariable(os, notes, "BARE");
       NoteVariable(os, notes, "PATH");
       notes.Add(Count(os));
     },
     "'1' 'x=y' none none 4"},
    {"OfABlockAreReplacedOnce",
     [](Os& os, Notes& notes) {
       InstallBlock(os);
       notes.Add(os.SetEnv("A", "3"));
       NoteVariable(os, notes, "A");
       notes.Add(Count(os));
       notes.Add(os.SetEnv("C", "4"));
       notes.Add(Count(os));
     },
     "ok '3' 4 ok 5"},
    {"OfABlockAreRemovedAll",
     [](Os& os, Notes& notes) {
       InstallBlock(os);
       notes.Add(os.UnsetEnv("A"));
       NoteVariable(os, notes, "A");
       notes.Add(Count(os));
     },
     "ok none 2"},
    {"OfNoBlockAreNone",
     [](Os& os, Notes& notes) {
       os.SetEnviron(nullptr);
       NoteVariable(os, notes, "PATH");
       notes.Add(Count(os));
       notes.Add(os.UnsetEnv("PATH"));
       notes.Add(os.SetEnv("A", "1"));
       NoteVariable(os, notes, "A");
       notes.Add(Count(os));
     },
     "none 0 ok ok '1' 1"},
};
CLEANFORK_CONFORMANCE(Variables, kVariables);

const ConformanceCase kUsers[] = {
    {"OfTheNameRootHaveNumberZero",
     [](Os& os, Notes& notes) {
       const UserRecord root = os.GetPwNam("root").value();
       notes.Add(static_cast<int>(root.uid));
       notes.Add(static_cast<int>(root.gid));
       notes.Add(root.home);
       notes.Add(os.GetPwUid(0).value().home);
       notes.Add(os.GetPwUid(0).value().name);
       notes.Add(static_cast<int>(os.GetGrNam("root").value().gid));
     },
     "0 0 /root /root root 0"},
    {"ThatAreNotThereAreEnoent",
     [](Os& os, Notes& notes) {
       for (const char* name : {"", "no-such-user-here", "0", "ROOT"}) {
         notes.Add(os.GetPwNam(name));
         notes.Add(os.GetGrNam(name));
       }
       notes.Add(os.GetPwUid(3999999999));
       notes.Add(os.GetPwUid(static_cast<uid_t>(-1)));
     },
     "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"},
    {"ThatAreNotThereHaveTheGivenGroup",
     [](Os& os, Notes& notes) {
       gid_t groups[4] = {9, 9, 9, 9};
       notes.Add(os.GetGroupList("no-such-user-here", 77, groups, 4));
       notes.Add(static_cast<int>(groups[0]));
       notes.Add(static_cast<int>(groups[1]));
       notes.Add(os.GetGroupList("no-such-user-here", 77, groups, 1));
       notes.Add(os.GetGroupList("no-such-user-here", 77, groups, 0));
       notes.Add(os.GetGroupList("", 0, groups, 4));
     },
     "1 77 9 1 ERANGE 1"},
};
CLEANFORK_CONFORMANCE(Users, kUsers);

}  // namespace
}  // namespace cleanfork
