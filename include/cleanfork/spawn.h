// Spawn: runs another program.
//
//   absl::StatusOr<cleanfork::Child> child = cleanfork::Spawn({"sort", "-u", "words"}, options);
//   if (!child.ok()) return child.status();   // exec("sort"): No such file or directory …
//
// Returns once the program runs: once execve(2) has succeeded in a process that is set up as
// ForkOptions say. A program that cannot be executed, a step that fails, and a child that is
// killed before its exec are errors, each with its step and errno; there is then no child and
// nothing left behind.
//
// The child shares the caller's memory until it execs (Os::VforkCall), so the time this takes does
// not grow with the caller, and it is safe in a program with threads. The calling thread waits
// until then with all signals blocked; the child's new user may stop it (SIGSTOP) and so hold the
// thread.
//
// A caller that ignores SIGCHLD, or has a thread that waits for any child (waitpid(-1)), is told in
// the same way whether the program was started; only how it ended is then lost. A thread that waits
// with __WALL or __WCLONE can take a child away that is killed in its exec, and make it look like
// one that was started. (Under AddressSanitizer, ThreadSanitizer, valgrind and emulators such as
// qemu's a program that ends at once may be an error of unknown cause, ECHILD of Step::kStart.)
//
// Thread-safe. Not signal-safe. Not a thing to be cancelled: a thread that pthread_cancel(3) ends
// in here may leave a child, which only a wait with __WALL finds until it has exec'd.
#ifndef CLEANFORK_SPAWN_H_
#define CLEANFORK_SPAWN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"

namespace cleanfork {

// A program and its arguments, argv[0] among them. A name without a slash is looked for along the
// PATH of the child's environment, as execvp(3) does; without PATH, in /bin and /usr/bin. A
// relative name with a slash, and an empty or relative element of PATH, start from
// ForkOptions::directory, which the child has entered by then. A file without an interpreter line
// is ENOEXEC, not handed to a shell. A program that is open for writing (ETXTBSY), as one that
// another thread has just written may still be, is waited for as ForkOptions::retry says, a quarter
// of a second at the most.
using Command = std::vector<std::string>;

absl::StatusOr<Child> Spawn(const Command& command, const ForkOptions& options = ForkOptions(),
                            Os& os = RealOs());

}  // namespace cleanfork

#endif  // CLEANFORK_SPAWN_H_
