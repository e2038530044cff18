// Runs a part of a test in a process of its own, which may close its standard streams, block all
// signals, drop its privileges or die, without the test's taking harm.
#ifndef CLEANFORK_TESTS_REAL_OWN_PROCESS_H_
#define CLEANFORK_TESTS_REAL_OWN_PROCESS_H_

#include <functional>
#include <string>

#include "tests/real/required_privileges.h"

namespace cleanfork {

// Runs body() in a child and returns what it returned: "" when all is well, else what is wrong.
// Says so itself when the child dies, or does not end within four minutes: it is then killed, and
// its descendants with it. The child is a subreaper (PR_SET_CHILD_SUBREAPER of prctl(2)): what is
// orphaned below it becomes its child, so that no stray process goes unseen.
//
// EXPECT_* in body() would report nowhere.
std::string InOwnProcess(const std::function<std::string()>& body, int deadline_seconds = 240);

// Waits for children that were orphaned and handed on to this process, and are about to end; one
// that does not end in ten seconds is a stray process: killed, and described. "" if there is none.
std::string ReapOrphans();

// Whether this process is root with all capabilities, of the machine and not of a sandbox alone.
bool HasPrivileges();

}  // namespace cleanfork

// The start of a test that needs root.
#define CLEANFORK_SKIP_WITHOUT_PRIVILEGES()  \
  if (!::cleanfork::HasPrivileges())         \
  return ::cleanfork::SkipWithoutPrivileges( \
      "root with CAP_SETUID, CAP_SETGID and CAP_SYS_ADMIN, outside of a sandbox (tag local)")

#endif  // CLEANFORK_TESTS_REAL_OWN_PROCESS_H_
