#include "tests/real/daemonizers.h"

#include <glob.h>

#include <cstdio>

namespace cleanfork {
namespace {

using Words = std::vector<std::string>;

Words Join(Words words, const DaemonRequest& request) {
  words.push_back(request.program);
  words.insert(words.end(), request.arguments.begin(), request.arguments.end());
  return words;
}

Daemonizer Cleanfork(const std::string& command) {
  Daemonizer one;
  one.name = "cleanfork start";
  one.needs = command;
  one.wait = Daemonizer::Wait::kReadyFd;
  one.words = [command](const DaemonRequest& request) {
    Words words = {command, "start", "--user=nobody", "--chdir=" + request.directory,
                   "--pidfile=" + request.pid_file};
    if (request.wait) words.push_back("--wait=ready-fd");
    words.push_back("--");
    return Join(words, request);
  };
  return one;
}

Daemonizer Daemonize() {
  Daemonizer one;
  one.name = one.package = "daemonize";
  one.needs = "/usr/bin/daemonize";
  one.words = [](const DaemonRequest& request) {
    return Join(
        {"/usr/bin/daemonize", "-u", "nobody", "-c", request.directory, "-p", request.pid_file},
        request);
  };
  return one;
}

Daemonizer Daemon() {
  Daemonizer one;
  one.name = one.package = "daemon";
  one.needs = "/usr/bin/daemon";
  one.pid_file_as_user = true;
  one.words = [](const DaemonRequest& request) {
    // It takes no program from below /tmp, where others may write, without the word.
    return Join({"/usr/bin/daemon", "--unsafe", "-u", "nobody", "-D", request.directory, "-F",
                 request.pid_file, "--"},
                request);
  };
  return one;
}

Daemonizer StartStopDaemon(bool waits) {
  Daemonizer one;
  one.name = waits ? "start-stop-daemon --notify-await" : "start-stop-daemon";
  one.package = "dpkg";
  one.needs = "/sbin/start-stop-daemon";
  if (waits) one.wait = Daemonizer::Wait::kNotify;
  one.words = [waits](const DaemonRequest& request) {
    Words words = {"/sbin/start-stop-daemon",
                   "--start",
                   "--background",
                   "--chuid",
                   "nobody",
                   "--chdir",
                   request.directory,
                   "--pidfile",
                   request.pid_file,
                   "--make-pidfile",
                   "--startas",
                   request.program};
    if (waits) words.insert(words.end(), {"--notify-await", "--notify-timeout", "2"});
    words.push_back("--");
    words.insert(words.end(), request.arguments.begin(), request.arguments.end());
    return words;
  };
  return one;
}

// As its manual has it: exec_command is run with what Init() has set up.
Daemonizer ProcDaemon() {
  Daemonizer one;
  one.name = "Proc::Daemon";
  one.package = "libproc-daemon-perl";
  one.needs = "/usr/share/perl5/Proc/Daemon.pm";
  one.words = [](const DaemonRequest& request) {
    const std::string script =
        "my ($directory, $pid_file, @command) = @ARGV; my (undef, undef, $uid, $gid) = "
        "getpwnam 'nobody'; Proc::Daemon->new(work_dir => $directory, setuid => $uid, "
        "setgid => $gid, pid_file => $pid_file, exec_command => join ' ', @command)->Init; exit 0";
    return Join({"/usr/bin/perl", "-MProc::Daemon", "-e", script, "--", request.directory,
                 request.pid_file},
                request);
  };
  return one;
}

// As PEP 3143 has it; the exec is ours. With initgroups=True version 2.3.2 would set the groups
// and, in their place, not the gid.
Daemonizer PythonDaemon() {
  Daemonizer one;
  one.name = "python-daemon";
  one.package = "python3-daemon";
  one.needs = "/usr/lib/python3/dist-packages/daemon/daemon.py";
  one.pid_file_as_user = true;
  one.execs = false;
  one.words = [](const DaemonRequest& request) {
    const std::string script =
        "import daemon, daemon.pidfile, os, pwd, sys\n"
        "directory, pid_file = sys.argv[1:3]\n"
        "user = pwd.getpwnam('nobody')\n"
        "with daemon.DaemonContext(working_directory=directory, uid=user.pw_uid,\n"
        "                          gid=user.pw_gid, \n"
        "                          pidfile=daemon.pidfile.PIDLockFile(pid_file)):\n"
        "    os.execv(sys.argv[3], sys.argv[3:])\n";
    return Join({"/usr/bin/python3", "-c", script, request.directory, request.pid_file}, request);
  };
  return one;
}

// The exec, and the user and the groups, are of libdaemon_peer.cc: the library has none.
Daemonizer LibDaemon(const std::string& program) {
  Daemonizer one;
  one.name = "libdaemon";
  one.package = "libdaemon0";
  one.needs = "/usr/lib/*/libdaemon.so.0";
  one.execs = false;
  one.words = [program](const DaemonRequest& request) {
    return Join({program, request.directory, request.pid_file}, request);
  };
  return one;
}

}  // namespace

std::vector<Daemonizer> Daemonizers(const std::string& command, const std::string& libdaemon_peer) {
  std::vector<Daemonizer> all = {Cleanfork(command), Daemonize(), Daemon(), StartStopDaemon(false),
                                 StartStopDaemon(true)};
  if (!libdaemon_peer.empty()) all.push_back(LibDaemon(libdaemon_peer));
  all.push_back(ProcDaemon());
  all.push_back(PythonDaemon());
  return all;
}

std::vector<std::string> AnnouncingArguments(const std::string& fifo, Daemonizer::Wait wait) {
  switch (wait) {
    case Daemonizer::Wait::kCannot: break;
    case Daemonizer::Wait::kReadyFd: return {fifo, "ready-fd"};
    case Daemonizer::Wait::kNotify: return {fifo, "notify"};
  }
  return {fifo};
}

std::string WhyNotInstalled(const Daemonizer& daemonizer) {
  glob_t found = {};
  const bool is_there = ::glob(daemonizer.needs.c_str(), 0, nullptr, &found) == 0;
  ::globfree(&found);
  if (is_there) return "";
  if (daemonizer.package.empty()) return "there is no " + daemonizer.needs;
  return "not installed: apt-get install " + daemonizer.package;
}

std::string VersionOf(const Daemonizer& daemonizer) {
  if (daemonizer.package.empty()) return daemonizer.name;
  std::string version;
  const std::string command =
      "dpkg-query --show --showformat='${Version}' " + daemonizer.package + " 2>/dev/null";
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe != nullptr) {
    char line[128];
    if (std::fgets(line, sizeof(line), pipe) != nullptr) version = line;
    ::pclose(pipe);
  }
  return daemonizer.name + (version.empty() ? "" : " (" + version + ")");
}

}  // namespace cleanfork
