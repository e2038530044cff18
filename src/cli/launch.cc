#include "src/cli/launch.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cleanfork/child_error.h"
#include "cleanfork/fd_io.h"
#include "cleanfork/names.h"
#include "cleanfork/probe.h"
#include "cleanfork/unique_fd.h"
#include "src/cli/log_writer.h"
#include "src/cli/service.h"

namespace cleanfork::cli {

const char* const kPathNote =
    "Relative paths are taken from the working directory; under `bazel run`, from "
    "BUILD_WORKING_DIRECTORY.";

namespace {

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status ApplyNotEmpty(const char* argument, std::string* to) {
  *to = argument;
  return to->empty() ? Wrong("must not be empty") : absl::OkStatus();
}

absl::Status ApplyUser(const char* argument, Settings* settings) {
  const std::string text = argument;
  const size_t colon = text.find(':');
  settings->user = text.substr(0, colon);
  if (settings->user.empty()) return Wrong("names no user");
  if (colon == std::string::npos) return absl::OkStatus();
  settings->group = text.substr(colon + 1);
  return settings->group.empty() ? Wrong("names no group after the ':'") : absl::OkStatus();
}

absl::Status ApplyUmask(const char* argument, Settings* settings) {
  const std::string text = argument;
  if (text.empty() || text.size() > 4 || text.find_first_not_of("01234567") != std::string::npos ||
      std::stoul(text, nullptr, 8) > 0777) {
    return Wrong("is not an octal number from 0 to 777");
  }
  settings->umask = static_cast<mode_t>(std::stoul(text, nullptr, 8));
  return absl::OkStatus();
}

bool IsVariableName(const std::string& name) {
  return !name.empty() && name.find('=') == std::string::npos;
}

absl::Status ApplyEnv(const char* argument, Settings* settings) {
  const std::string text = argument;
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return Wrong("is not NAME=VALUE");
  settings->environment.set.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  return absl::OkStatus();
}

absl::Status ApplyKeepEnv(const char* argument, Settings* settings) {
  if (!IsVariableName(argument)) return Wrong("is not the name of a variable");
  settings->environment.inherit = false;
  settings->environment.keep.push_back(argument);
  return absl::OkStatus();
}

absl::Status ApplyKeepFd(const char* argument, Settings* settings) {
  int fd = 0;
  if (!ParseNumberBetween(argument, 3, std::numeric_limits<int>::max(), &fd)) {
    return Wrong("is not a descriptor from 3 up");
  }
  settings->keep_descriptors.push_back(fd);
  return absl::OkStatus();
}

absl::Status ApplyRetries(const char* argument, Settings* settings) {
  int retries = 0;
  if (!ParseNumberBetween(argument, 0, 1000, &retries))
    return Wrong("is not a number from 0 to 1000");
  settings->retries = retries;
  return absl::OkStatus();
}

// A number that may be negative.
bool ParseSigned(const std::string& text, int least, int most, int* number) {
  const bool minus = text[0] == '-';
  if (!ParseNumberBetween(text.substr(minus ? 1 : 0), 0, std::max(-least, most), number))
    return false;
  if (minus) *number = -*number;
  return *number >= least && *number <= most;
}

absl::Status ApplyNice(const char* argument, Settings* settings) {
  int nice = 0;
  if (!ParseSigned(argument, -20, 19, &nice)) return Wrong("is not a number from -20 to 19");
  settings->nice = nice;
  return absl::OkStatus();
}

absl::Status ApplyOomScore(const char* argument, Settings* settings) {
  int score = 0;
  if (!ParseSigned(argument, -1000, 1000, &score)) {
    return Wrong("is not a number from -1000 to 1000");
  }
  settings->oom_score_adjust = score;
  return absl::OkStatus();
}

bool ParseLimitValue(const std::string& text, uint64_t* value) {
  if (text == "infinity") {
    *value = RLIM_INFINITY;
    return true;
  }
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos &&
         absl::SimpleAtoi(text, value);
}

// NOFILE=1024:4096, soft and hard; NOFILE=1024, both.
absl::Status ApplyLimit(const char* argument, Settings* settings) {
  const std::string text = argument;
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return Wrong("is not NAME=SOFT[:HARD]");
  const std::string name = text.substr(0, equals);
  ChildLimit limit;
  limit.resource = ResourceFromName(name.c_str());
  if (limit.resource == -1) {
    return Wrong(absl::StrCat("\"", name, "\" is no limit of setrlimit(2), as NOFILE is one"));
  }
  for (const ChildLimit& other : settings->limits) {
    if (other.resource == limit.resource) return Wrong("this limit is given twice");
  }
  const std::string values = text.substr(equals + 1);
  const size_t colon = values.find(':');
  const std::string hard = colon == std::string::npos ? values : values.substr(colon + 1);
  if (!ParseLimitValue(values.substr(0, colon), &limit.limit.soft) ||
      !ParseLimitValue(hard, &limit.limit.hard)) {
    return Wrong("a limit is a number, of bytes, seconds or pieces, or infinity");
  }
  if (limit.limit.soft > limit.limit.hard) return Wrong("the soft limit is above the hard one");
  settings->limits.push_back(limit);
  return absl::OkStatus();
}

std::vector<Option> IdentityOptions() {
  return {
      {"user", 0, "USER[:GROUP]",
       "Run as this user, by name or number, and in this group or the user's own.", ApplyUser},
      {"group", 0, "GROUP", "Run in this group.",
       [](const char* argument, Settings* settings) {
         return ApplyNotEmpty(argument, &settings->group);
       }},
      {"groups", 0, "POLICY",
       "Supplementary groups: init, those of the user (default); none; keep, the caller's; or a "
       "list such as audio,27.",
       [](const char* argument, Settings* settings) {
         return ApplyNotEmpty(argument, &settings->groups);
       }},
      {"no-new-privs", 0, nullptr,
       "Let no exec give the program or its children more privileges: sudo and the like then run "
       "without theirs.",
       [](const char*, Settings* settings) {
         settings->no_new_privs = true;
         return absl::OkStatus();
       }},
  };
}

std::vector<Option> SurroundingsOptions() {
  return {
      {"chdir", 0, "DIRECTORY",
       "Working directory, entered as the new user. Default: / for start, the caller's for run.",
       [](const char* argument, Settings* settings) {
         return ApplyNotEmpty(argument, &settings->chdir);
       }},
      {"chroot", 0, "DIRECTORY",
       "Make this the root directory. The program and --chdir are looked for inside it, the "
       "streams' files and the pid file outside.",
       [](const char* argument, Settings* settings) {
         return ApplyNotEmpty(argument, &settings->chroot);
       }},
      {"umask", 0, "OCTAL", "File mode creation mask. Default: 022.", ApplyUmask},
      {"env", 0, "NAME=VALUE", "Set a variable. May be given more than once.", ApplyEnv},
      {"clear-env", 0, nullptr, "Pass none of the caller's variables on.",
       [](const char*, Settings* settings) {
         settings->environment.inherit = false;
         return absl::OkStatus();
       }},
      {"keep-env", 0, "NAME", "Pass on this variable and no others. May be given more than once.",
       ApplyKeepEnv},
  };
}

std::vector<Option> ResourceOptions() {
  return {
      {"limit", 0, "NAME=SOFT[:HARD]",
       "Set a limit of setrlimit(2), such as NOFILE=1024:4096 or CORE=infinity; without HARD both "
       "to the same. May be given more than once.",
       ApplyLimit},
      {"nice", 0, "NUMBER", "Nice value, from -20, the most favourable, to 19.", ApplyNice},
      {"oom-score-adjust", 0, "NUMBER",
       "How willing the kernel is to kill it for want of memory: from -1000, never, to 1000.",
       ApplyOomScore},
  };
}

std::vector<Option> DescriptorOptions() {
  return {
      {"stdin", 0, "FILE|null|inherit", "Standard input. Default: null for start, inherit for run.",
       [](const char* argument, Settings* settings) {
         return ApplyNotEmpty(argument, &settings->in);
       }},
      {"stdout", 0, "FILE|null|inherit|syslog[:FACILITY[.LEVEL]]",
       "Standard output; a file is appended to. Default: null for start, inherit for run. syslog "
       "is "
       "for start alone, with daemon.info if no other is given.",
       [](const char* argument, Settings* settings) {
         return ApplyNotEmpty(argument, &settings->out);
       }},
      {"stderr", 0, "FILE|null|inherit|syslog[:FACILITY[.LEVEL]]",
       "Standard error, likewise; to syslog with daemon.err. Default: for start the caller's if "
       "that is a regular file, else null; "
       "inherit for run.",
       [](const char* argument, Settings* settings) {
         return ApplyNotEmpty(argument, &settings->err);
       }},
      {"keep-fd", 0, "NUMBER",
       "Leave this descriptor open; all others from 3 up are closed. May be given more than once.",
       ApplyKeepFd},
      {"retries", 0, "NUMBER",
       "How often to try again when there is no process to be had. Default: 4.", ApplyRetries},
  };
}

bool IsAbsolute(const std::string& path) { return !path.empty() && path[0] == '/'; }

// The working directory as the kernel has it, or something that is none: "" if it cannot be told,
// "/x (deleted)" if it has gone (proc_pid_cwd(5)).
std::string PhysicalWorkingDirectory(Os& os) {
  char path[PATH_MAX];
  const SysResult<size_t> size = os.ReadLink("/proc/self/cwd", path, sizeof(path));
  return size.ok() ? std::string(path, size.value()) : "";
}

// Whether `path` is an absolute path of the directory that we are in.
bool IsWorkingDirectory(const std::string& path, Os& os) {
  if (!IsAbsolute(path)) return false;
  const SysResult<FileStatus> claimed = os.Stat(path.c_str());
  const SysResult<FileStatus> actual = os.Stat(".");
  return claimed.ok() && actual.ok() && claimed.value().device == actual.value().device &&
         claimed.value().inode == actual.value().inode;
}

// The directory that relative paths are meant from, where it is not simply the working directory.
std::string BaseDirectory(Os& os) {
  const char* directory = os.GetEnv("BUILD_WORKING_DIRECTORY");
  if (directory == nullptr || directory[0] != '/') return "";
  // `bazel run` starts us in the runfiles. Elsewhere the variable is one that some program above us
  // has had from `bazel run` and passed on, and means nothing to us.
  const std::string here = PhysicalWorkingDirectory(os) + "/";
  return here.find(".runfiles/") != std::string::npos ? directory : "";
}

// The same without what `bazel run` meant for us alone, unless it was asked for by name.
Environment WithoutBazel(const Environment& environment, Os& os) {
  return WithoutVariables(environment, {"BUILD_WORKING_DIRECTORY", "BUILD_WORKSPACE_DIRECTORY"},
                          os);
}

Stream ToStream(const std::string& text, const Stream& by_default, Os& os) {
  if (text.empty()) return by_default;
  if (text == "null" || IsSyslog(text)) return Stream::Null();
  if (text == "inherit") return Stream::Inherit();
  return Stream::File(CallersPath(text, os));
}

absl::StatusOr<gid_t> FindGroup(const std::string& name, Os& os) {
  const SysResult<GroupRecord> found = RetryOnEintr([&] { return os.GetGrNam(name.c_str()); });
  if (found.ok()) return found.value().gid;
  gid_t gid = 0;
  if (found.error() == ENOENT && name.find_first_not_of("0123456789") == std::string::npos &&
      absl::SimpleAtoi(name, &gid)) {
    CLEANFORK_PROBE("a supplementary group that is not known is taken for a number");
    return gid;
  }
  ChildError error;
  error.step = Step::kResolveUser;
  error.error = found.error();
  return ChildErrorStatus(
      absl::StrCat(found.error() == ENOENT ? "there is no" : "look-up of", " group \"", name, "\""),
      error);
}

absl::Status ApplyGroupPolicy(const std::string& policy, Os& os, Identity* identity) {
  if (policy.empty() || policy == "init") return absl::OkStatus();
  if (policy == "none") {
    identity->groups = GroupPolicy::kNone;
    return absl::OkStatus();
  }
  if (policy == "keep") {
    identity->groups = GroupPolicy::kKeep;
    return absl::OkStatus();
  }
  identity->groups = GroupPolicy::kExplicit;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(policy, ','))) {
    if (name.empty()) return Wrong(absl::StrCat("--groups=", policy, ": has an empty name"));
    const absl::StatusOr<gid_t> gid = FindGroup(name, os);
    if (!gid.ok()) return gid.status();
    identity->group_list.push_back(*gid);
  }
  return absl::OkStatus();
}

// The directories, and the program, which is looked for in them.
absl::Status PlaceInDirectories(const Settings& settings, Os& os, Launch* launch) {
  std::string& program = launch->command[0];
  ForkOptions& options = launch->options;
  const bool has_slash = program.find('/') != std::string::npos;
  if (!settings.chroot.empty()) {
    const absl::StatusOr<std::string> root = AbsolutePath(settings.chroot, os);
    if (!root.ok()) return root.status();
    options.chroot = *root;
    // From here on a path is one of another tree, in which the working directory has no place.
    if (!settings.chdir.empty()) options.directory = settings.chdir;
    if (!settings.chdir.empty() && !IsAbsolute(settings.chdir)) {
      return Wrong(absl::StrCat("--chdir=", settings.chdir,
                                ": give an absolute path: it is entered inside --chroot"));
    }
    if (!has_slash || IsAbsolute(program)) return absl::OkStatus();
    return Wrong(
        absl::StrCat("\"", program, "\": give an absolute path: it is looked for inside --chroot"));
  }
  // A name without a slash is looked for in PATH; one with a slash is meant from here, not from
  // where the child is by then. If it stays here, the name is good as it is.
  const bool stays_here = settings.chdir.empty() && options.directory.empty();
  if (has_slash && stays_here) {
    program = CallersPath(program, os);
  } else if (has_slash) {
    const absl::StatusOr<std::string> found = AbsolutePath(program, os);
    if (!found.ok()) return found.status();
    program = *found;
  }
  if (settings.chdir.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> directory = AbsolutePath(settings.chdir, os);
  if (!directory.ok()) return directory.status();
  options.directory = *directory;
  return absl::OkStatus();
}

// Whether two paths lead to one file. Two that are written alike do, also if nothing is there yet.
bool IsSameFile(const std::string& a, const std::string& b, Os& os) {
  if (a == b) return true;
  const SysResult<FileStatus> one = os.Stat(a.c_str());
  const SysResult<FileStatus> other = os.Stat(b.c_str());
  return one.ok() && other.ok() && one.value().device == other.value().device &&
         one.value().inode == other.value().inode;
}

// What a program writes to a log would not be a pid, and the pid would stand in its log.
absl::Status CheckPidFileIsNoStream(const Launch& launch, Os& os) {
  if (launch.pid_file.empty()) return absl::OkStatus();
  const ForkOptions& options = launch.options;
  for (const Stream* stream : {&options.in, &options.out, &options.err}) {
    if (stream->kind() == Stream::Kind::kFile && IsSameFile(stream->path(), launch.pid_file, os)) {
      return Wrong(absl::StrCat("--pidfile=", launch.pid_file,
                                ": the pid file cannot be one of the three streams too"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<Option> LaunchOptions() {
  std::vector<Option> options;
  for (const std::vector<Option>& group :
       {IdentityOptions(), SurroundingsOptions(), ResourceOptions(), DescriptorOptions()}) {
    options.insert(options.end(), group.begin(), group.end());
  }
  return options;
}

std::string CallersPath(const std::string& path, Os& os) {
  const std::string base = BaseDirectory(os);
  return IsAbsolute(path) || base.empty() ? path : absl::StrCat(base, "/", path);
}

absl::StatusOr<std::string> AbsolutePath(const std::string& path, Os& os) {
  std::string known = CallersPath(path, os);
  if (IsAbsolute(known)) return known;
  // As pwd(1) -L does it: PWD is a claim, which shows the symbolic links that led here.
  const char* pwd = os.GetEnv("PWD");
  if (pwd != nullptr && IsWorkingDirectory(pwd, os)) return absl::StrCat(pwd, "/", path);
  CLEANFORK_PROBE("PWD does not say where we are");
  const std::string directory = PhysicalWorkingDirectory(os);
  if (IsWorkingDirectory(directory, os)) return absl::StrCat(directory, "/", path);
  return Wrong(absl::StrCat("\"", path,
                            "\": give an absolute path: neither PWD nor /proc/self/cwd "
                            "says where we are"));
}

Environment WithoutVariables(Environment environment, const std::vector<std::string>& names,
                             Os& os) {
  const auto is_set = [&os](const std::string& name) { return os.GetEnv(name.c_str()) != nullptr; };
  char* const* variable = os.GetEnviron();
  if (!environment.inherit || variable == nullptr ||
      std::none_of(names.begin(), names.end(), is_set)) {
    return environment;
  }
  environment.inherit = false;
  for (; *variable != nullptr; ++variable) {
    const std::string name = std::string(*variable).substr(0, std::string(*variable).find('='));
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      environment.keep.push_back(name);
    }
  }
  return environment;
}

void LogFiles::Make(const Stream& stream) {
  if (stream.kind() != Stream::Kind::kFile) return;
  const SysResult<int> made = RetryOnEintr([&] {
    return os_.Open(stream.path().c_str(),
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, stream.mode());
  });
  if (!made.ok()) return;
  const UniqueFd fd(os_, made.value());
  const SysResult<FileStatus> file = os_.FStat(fd.get());
  if (file.ok()) made_.push_back({stream.path(), file.value()});
}

LogFiles::~LogFiles() {
  for (const Made& made : made_) {
    const SysResult<FileStatus> now = os_.Stat(made.path.c_str());
    if (now.ok() && now.value().device == made.file.device &&
        now.value().inode == made.file.inode && now.value().size == 0) {
      CLEANFORK_PROBE("a log file that nobody wrote to is removed");
      os_.Unlink(made.path.c_str()).IgnoreError();
    }
  }
}

absl::StatusOr<Launch> PrepareLaunch(const Settings& settings, const ForkOptions& defaults,
                                     Os& os) {
  Launch launch;
  launch.options = defaults;
  ForkOptions& options = launch.options;
  if (settings.command.empty()) return Wrong("no program is given: ... -- PROGRAM [ARGUMENT]...");
  launch.command = settings.command;
  absl::Status placed = PlaceInDirectories(settings, os, &launch);
  if (!placed.ok()) return placed;
  if (!settings.user.empty() || !settings.group.empty()) {
    Identity identity;
    identity.user = settings.user;
    identity.group = settings.group;
    const absl::Status applied = ApplyGroupPolicy(settings.groups, os, &identity);
    if (!applied.ok()) return applied;
    options.identity = std::move(identity);
  } else if (!settings.groups.empty()) {
    return Wrong("--groups needs --user or --group");
  }
  options.limits = settings.limits;
  options.nice = settings.nice;
  options.oom_score_adjust = settings.oom_score_adjust;
  options.no_new_privs = settings.no_new_privs;
  if (settings.umask.has_value()) options.umask = settings.umask;
  options.environment = WithoutBazel(settings.environment, os);
  options.in = ToStream(settings.in, defaults.in, os);
  options.out = ToStream(settings.out, defaults.out, os);
  options.err = ToStream(settings.err, defaults.err, os);
  options.keep_descriptors = settings.keep_descriptors;
  if (settings.retries.has_value()) options.retry.attempts = *settings.retries + 1;
  absl::StatusOr<std::string> pid_file = PidFilePath(settings, os);
  if (!pid_file.ok()) return pid_file.status();
  launch.pid_file = *std::move(pid_file);
  // Before the claim, which empties the file, and removes it when the start fails.
  absl::Status apart = CheckPidFileIsNoStream(launch, os);
  if (!apart.ok()) return apart;
  return launch;
}

absl::StatusOr<int> DescriptorBeside(const ForkOptions& options, int fd, UniqueFd* copy, Os& os) {
  int highest = 0;
  bool is_taken = false;
  for (const DescriptorMove& move : options.descriptors) {
    highest = std::max(highest, move.to);
    is_taken = is_taken || move.to == fd;
  }
  if (!is_taken) return fd;
  const SysResult<int> made = os.FcntlDupFd(fd, highest + 1);
  if (!made.ok()) {
    ChildError error;
    error.step = Step::kWritePidFile;
    error.error = made.error();
    return ChildErrorStatus("fcntl(F_DUPFD_CLOEXEC)", error);
  }
  *copy = UniqueFd(os, made.value());
  return made.value();
}

absl::StatusOr<Started> StartChild(Launch launch, const Settings& settings,
                                   const std::string& subcommand, Context& context) {
  const auto say = [&](const std::string& what) {
    if (settings.verbose) {
      context.err << "cleanfork: " << subcommand << ": " << OneLine(what) << std::endl;
    }
  };
  std::optional<PidFile> pid_file;
  UniqueFd copy;
  if (!launch.pid_file.empty()) {
    absl::StatusOr<PidFile> claimed = PidFile::Claim(launch.pid_file, context.os);
    if (!claimed.ok()) return claimed.status();
    pid_file = *std::move(claimed);
    const absl::StatusOr<int> descriptor =
        DescriptorBeside(launch.options, pid_file->descriptor(), &copy, context.os);
    if (!descriptor.ok()) return descriptor.status();
    launch.options.pid_file_descriptor = *descriptor;
    say(absl::StrCat("claimed the pid file ", launch.pid_file));
  }
  auto logs = std::make_unique<LogFiles>(context.os);
  logs->Make(launch.options.out);
  logs->Make(launch.options.err);
  if (pid_file.has_value()) {
    // PrepareLaunch() has looked. Now all of them are there: one may have been a symbolic link to
    // another.
    const absl::Status apart = CheckPidFileIsNoStream(launch, context.os);
    if (!apart.ok()) return apart;
  }
  say(absl::StrCat("starting ", absl::StrJoin(launch.command, " ")));
  absl::StatusOr<Child> child = Spawn(launch.command, launch.options, context.os);
  if (!child.ok()) return child.status();
  say(absl::StrCat(launch.command[0], " runs as pid ", child->pid()));
  return Started{*std::move(child), std::move(pid_file), std::move(logs)};
}

}  // namespace cleanfork::cli
