// ForkOptions: what ForkChild(), RunInChild() and Spawn() do to the child. A plain value; the
// defaults are the safe ones.
//
//   cleanfork::ForkOptions options;
//   options.identity = cleanfork::Identity::User("nobody");
//   options.err = cleanfork::Stream::File("/var/log/worker.log");
//   absl::StatusOr<cleanfork::Child> child = cleanfork::Spawn({"/usr/bin/worker"}, options);
//
// Everything is checked and looked up in the parent, before the fork; what contradicts itself is
// an InvalidArgument status. The order in which the child does it is fixed: docs/steps.md.
#ifndef CLEANFORK_FORK_OPTIONS_H_
#define CLEANFORK_FORK_OPTIONS_H_

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cleanfork/listen_fds.h"
#include "cleanfork/os_types.h"
#include "cleanfork/retry_policy.h"

namespace cleanfork {

// Where the child stands among sessions: setsid(2), daemon(7) steps 5 to 8.
enum class Session {
  kKeep,  // the caller's: the terminal's SIGINT and SIGHUP reach the child too
  kNew,   // a session of its own: no controlling terminal
  // Besides, a second fork: it can never get a terminal, and is not the caller's child; unless the
  // caller is PID 1 or a subreaper (prctl(2)), which is given it as a child and has to reap it.
  kDaemon,
};

// What becomes of the supplementary groups when the identity changes.
enum class GroupPolicy {
  kInit,      // those of the user in group(5), as initgroups(3) does
  kNone,      // none but the gid itself
  kExplicit,  // Identity::group_list
  kKeep,      // the caller's. Dangerous: root's groups stay with the unprivileged child
};

// Whom the child runs as. A uid without a gid means the user's primary group; a uid without an
// entry in passwd(5) then is an error. (uid_t)-1 and (gid_t)-1 are refused: setresuid(2) takes
// them for "unchanged". A caller that is not uid 0 and has CAP_SETUID is refused as well, at
// Step::kRegain: a change of ids leaves it the capability (capabilities(7)), and so the way back.
struct Identity {
  static Identity User(std::string name) {
    Identity identity;
    identity.user = std::move(name);
    return identity;
  }
  static Identity Ids(uid_t uid, gid_t gid) {
    Identity identity;
    identity.uid = uid;
    identity.gid = gid;
    return identity;
  }

  // By name, or by number; not both of one kind. A name of digits that no entry has is a number.
  std::string user;
  std::optional<uid_t> uid;
  std::string group;
  std::optional<gid_t> gid;

  GroupPolicy groups = GroupPolicy::kInit;
  std::vector<gid_t> group_list;  // for kExplicit

  // Sets USER, LOGNAME, HOME and SHELL of the child from passwd(5), where there is an entry.
  bool set_environment = true;
};

// What one of the three standard streams becomes. A stream never stays closed: where the caller's
// own is closed, Inherit() and Keep...() mean /dev/null.
class Stream {
 public:
  enum class Kind {
    kNull,
    kInherit,
    kKeepIfRegularFile,
    kKeepUnlessTerminal,
    kFile,
    kPipe,
    kDescriptor
  };

  // /dev/null, which is checked to be the real device.
  static Stream Null() { return Stream(Kind::kNull); }
  // The caller's.
  static Stream Inherit() { return Stream(Kind::kInherit); }
  // The caller's if it is a regular file, else /dev/null: a pipe or a socket that is kept would
  // hold up whoever waits for its end. One that cannot be looked at is an error.
  static Stream KeepIfRegularFile() { return Stream(Kind::kKeepIfRegularFile); }
  // The caller's unless it is a terminal, else /dev/null.
  static Stream KeepUnlessTerminal() { return Stream(Kind::kKeepUnlessTerminal); }
  // A file, opened in the parent, before any privilege is dropped: for input read-only, for output
  // created with `mode` if missing (under the parent's umask) and appended to. A FIFO keeps the
  // caller waiting until its other end is opened: fifo(7).
  static Stream File(std::string path, mode_t mode = 0644) {
    Stream stream(Kind::kFile);
    stream.path_ = std::move(path);
    stream.mode_ = mode;
    return stream;
  }
  // A pipe, whose other end comes with the Child. Not for Session::kDaemon.
  static Stream Pipe() { return Stream(Kind::kPipe); }
  // A copy of an open descriptor of the caller's, which stays open there: Descriptor(1) for the
  // error stream is "2>&1" as the caller sees it.
  static Stream Descriptor(int fd) {
    Stream stream(Kind::kDescriptor);
    stream.fd_ = fd;
    return stream;
  }

  Kind kind() const { return kind_; }
  const std::string& path() const { return path_; }
  mode_t mode() const { return mode_; }
  int fd() const { return fd_; }

 private:
  explicit Stream(Kind kind) : kind_(kind) {}
  Kind kind_;
  std::string path_;
  mode_t mode_ = 0;
  int fd_ = -1;
};

// The environment of the child.
struct Environment {
  // All of the caller's variables, or of them only those named in `keep`. Never among them, whoever
  // names them: LISTEN_PID, LISTEN_PIDFDID, LISTEN_FDS and LISTEN_FDNAMES, which tell of the
  // caller's descriptors and not of the child's (sd_listen_fds(3)); see ForkOptions::listen_fds.
  bool inherit = true;
  std::vector<std::string> keep;

  // Set last, over what was inherited and over what the identity sets: {"LANG", "C"}. LISTEN_PID
  // and LISTEN_PIDFDID are refused: what is known before the fork is no pid of the child.
  std::vector<std::pair<std::string, std::string>> set;
};

// What happens to SIGCHLD in the caller. There is no handler in either case. To be told of the
// children that ended, beside an application with children of its own, use ChildRegistry.
enum class SigchldPolicy {
  kLeaveAlone,
  // Ignores SIGCHLD in the whole process from the first fork on, so that the kernel discards
  // ended children: then system(3) and waitpid(2) fail everywhere in the program, and nobody is
  // told how a child ended.
  kIgnore,
};

// A resource limit: {RLIMIT_NOFILE, {1024, 4096}}, soft and hard; RLIM_INFINITY for none.
struct ChildLimit {
  int resource = 0;
  ResourceLimit limit;
};

// A descriptor of the caller's, and the number under which the child has it.
struct DescriptorMove {
  int from = -1;
  int to = -1;
};

struct SignalHandler {
  int signal = 0;
  SignalAction action;
};

struct ForkOptions {
  // The settings of OpenXPKI::Daemonize, for those who move over: 5 attempts 2 s apart, SIGCHLD
  // ignored, umask 0, standard error kept unless it is a terminal, the caller's session.
  // docs/migrating-from-openxpki.md.
  static ForkOptions OpenXpki();

  RetryPolicy retry;
  SigchldPolicy sigchld = SigchldPolicy::kLeaveAlone;

  Session session = Session::kNew;

  // Every signal is set to its default action in the child; then these are installed, while all
  // signals are still blocked; then the child's mask becomes `signal_mask`.
  std::vector<SignalHandler> signal_handlers;
  SignalSet signal_mask;

  // Absent: the caller's. The child asks the kernel what has come of it: real, effective, saved and
  // filesystem ids, groups, and, if it was root, that no capability is left, permitted or
  // effective. A caller that has told the kernel to keep them (PR_SET_KEEPCAPS, securebits;
  // capabilities(7)) therefore gets an error.
  std::optional<Identity> identity;

  // Whether an exec, of this child or of its descendants, can no longer give it more privileges:
  // PR_SET_NO_NEW_PRIVS of prctl(2). Set-user-ID programs such as sudo and ping then run without
  // their owner's power, and a security module's change of domain may be refused. That would change
  // what a service and its programs can do today, so it has to be asked for; a child that is to be
  // unprivileged for good wants it.
  bool no_new_privs = false;

  // The signal, from 1 to 64, that the kernel sends the child when the caller has ended; a child
  // whose caller has ended already is not started. Absent: none. It hangs on the calling thread,
  // not on the process: the signal comes when that thread ends. An exec of a set-user-ID program,
  // or a change of identity by the child itself, takes it back (prctl(2)). Not for
  // Session::kDaemon, whose parent is the first child, nor where children are in another PID
  // namespace.
  std::optional<int> parent_death_signal;

  // Set by setrlimit(2) while the child still has the caller's privileges, which a hard limit takes
  // to be raised (EPERM). Refused: a resource that getrlimit(2) does not know or that is given
  // twice, a soft limit above the hard one. What is not named is the caller's. The rest of the
  // set-up is subject to them: below 3, RLIMIT_NOFILE leaves no standard streams (EBADF). A full
  // RLIMIT_NPROC of another user is an EAGAIN of the exec.
  std::vector<ChildLimit> limits;

  // The nice value itself, not a difference: -20, the most favourable, to 19. Less than the
  // caller's takes CAP_SYS_NICE or RLIMIT_NICE (EACCES). Absent: the caller's.
  std::optional<int> nice;

  // How willing the kernel is to kill the child when memory runs out: -1000, never, to 1000, first
  // (/proc/PID/oom_score_adj, proc(5)). Less than the caller's takes CAP_SYS_RESOURCE (EACCES);
  // without /proc it fails. Absent: the caller's.
  std::optional<int> oom_score_adjust;

  // Absent: the caller's. Range 0 to 0777.
  std::optional<mode_t> umask = 022;

  // The directory that becomes the child's root, an absolute path; chroot(2), which takes
  // CAP_SYS_CHROOT (EPERM). The child then stands in it: nothing of the caller's directory is left
  // as a way out. A program, its interpreter and its libraries are looked for inside; the streams'
  // files and /dev/null are opened before, outside. No prison for a child that stays root. Where
  // close_range(2) is refused, closing descriptors takes a /proc inside. Empty: the caller's.
  std::string chroot;

  // An absolute path, entered after the identity has changed, inside `chroot`; empty: the caller's,
  // or with `chroot` its "/".
  std::string directory = "/";

  Stream in = Stream::Null();
  Stream out = Stream::Null();
  Stream err = Stream::KeepIfRegularFile();

  // Closes every descriptor from 3 up but those listed. These survive the exec of Spawn(); other
  // children have them as they are, close-on-exec flag included, for an exec of their own.
  bool close_other_descriptors = true;
  std::vector<int> keep_descriptors;

  // Copies of the caller's descriptors under numbers of their own, as if all were made at once:
  // {{3, 4}, {4, 3}} exchanges the two. They stay open past `close_other_descriptors` and an exec;
  // what the child had there before is closed. From 0 to 2, `to` is a stream, which then must be
  // left at its default, and means Stream::Descriptor(from): {{1, 2}, {2, 1}} exchanges output and
  // errors. Refused: the same `to` twice, or in `keep_descriptors` or `pid_file_descriptor`, or not
  // below a soft RLIMIT_NOFILE of `limits`. A `from` that is not open is EBADF. Until the child
  // runs, numbers above the highest `to` are used: where the caller's RLIMIT_NOFILE leaves none, it
  // is EINVAL or EMFILE.
  std::vector<DescriptorMove> descriptors;

  // Sockets for a service that looks for them with sd_listen_fds(3) or ListenFds(): copies of the
  // caller's descriptors, which become 3, 4, ... in the order in which they stand here, together
  // with `descriptors` and under the same rules. LISTEN_FDS and LISTEN_FDNAMES say how many they
  // are and their names, an empty one as "unknown"; LISTEN_PID is what getpid(2) says in the
  // process that execs or goes on in the caller's code, the second child of a daemon too. What
  // ListenFds() has returned can stand here. A name has at most 255 printable ASCII characters; ':'
  // and '\' are escaped by a '\', which libsystemd and ListenFds() take off again and other readers
  // may not. Refused: a number that `descriptors`, `keep_descriptors` or `pid_file_descriptor` have
  // as well, and `environment` with one of the variables in its `set`.
  // (A PidFile often has 3: give pid_file_descriptor a copy from fcntl(2), F_DUPFD_CLOEXEC, which
  // shares its lock.)
  std::vector<ListenFd> listen_fds;

  // An open descriptor into which the process that is to run writes its own pid and a newline, in
  // place of what was there, before it drops its privileges; it keeps the descriptor, and with it
  // a lock that stands on the file: cleanfork/pid_file.h. Absent: -1.
  int pid_file_descriptor = -1;

  Environment environment;

  // Hooks: in the parent before the first fork; in the parent after the child is set up; in the
  // child after that. The last two know who they are by it. The child's must make async-signal-
  // safe calls only if the parent has more than one thread; Spawn() refuses it, and `reseed`.
  std::function<void()> before_fork;
  std::function<void(pid_t)> in_parent;
  std::function<void()> in_child;

  // Called in the child with bytes from getrandom(2), for the application to seed its generators
  // with: two children never get the same ones.
  std::function<void(const unsigned char* bytes, size_t size)> reseed;
};

}  // namespace cleanfork

#endif  // CLEANFORK_FORK_OPTIONS_H_
