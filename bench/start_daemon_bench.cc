// What it takes to start a daemon, beside what others take: bench/README.md.
//
//   start_daemon [--rounds=N] [--svg=FILE]
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "bench/bar_plot.h"
#include "bench/traced_start.h"
#include "tests/real/daemonizers.h"

namespace {

using cleanfork::Daemonizer;
using cleanfork::DaemonRequest;
using Clock = std::chrono::steady_clock;

constexpr double kGoal = 1.1;                    // times daemonize(1)
constexpr double kLongestMilliseconds = 10'000;  // that one start is waited for
constexpr double kMedian = 0.5;
constexpr double kFastest = 0.02;  // what the goal is held against: of those few none had to wait
                                   // for a processor that somebody else had
constexpr rlim_t kLow = 1024;
constexpr rlim_t kHigh = 1'000'000'000;
constexpr rlim_t kMemory = rlim_t{3} << 30;  // at kHigh one of the peers would take all there is

struct Flags {
  int rounds = 300;
  std::string svg;
};

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

// In milliseconds.
struct Start {
  double begun = 0;     // until the daemon's program has begun; 0: it has not
  double returned = 0;  // until the starter has ended; 0: it has not
  double cpu = 0;       // of all processes, user and system
  bool failed = false;
};

// One tool, or one way to use it.
struct Contender {
  Daemonizer tool;
  std::string name;
  bool waits = false;
  std::vector<Start> low, high;
};

class Stage {
 public:
  Stage() {
    char path[] = "/tmp/cleanfork_bench.XXXXXX";
    if (::mkdtemp(path) == nullptr) Fail("mkdtemp");
    directory_ = path;
    daemon_ = directory_ + "/daemon";
    fifo_path_ = directory_ + "/fifo";
    std::filesystem::copy_file("bench/announcing_daemon", daemon_);
    if (::chmod(directory_.c_str(), 0755) != 0 || ::chmod(daemon_.c_str(), 0755) != 0 ||
        ::mkfifo(fifo_path_.c_str(), 0666) != 0 || ::chmod(fifo_path_.c_str(), 0666) != 0) {
      Fail("chmod");
    }
    // Where pid files are kept, in memory: a disk would be measured else.
    char run[] = "/run/cleanfork_bench.XXXXXX";
    if (::mkdtemp(run) == nullptr) Fail("mkdtemp");
    run_ = run;
    fifo_ = ::open(fifo_path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fifo_ < 0) Fail("open");
  }
  ~Stage() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    std::filesystem::remove_all(run_, ignored);
  }

  // The words, and the place where the pid file goes, made for whoever writes it.
  std::vector<std::string> Prepare(const Contender& one) const {
    const std::string run = run_ + "/one";
    const passwd* const user = ::getpwnam("nobody");
    std::filesystem::remove_all(run);
    if (user == nullptr || ::chmod(run_.c_str(), 0755) != 0 || ::mkdir(run.c_str(), 0755) != 0 ||
        (one.tool.pid_file_as_user && ::chown(run.c_str(), user->pw_uid, user->pw_gid) != 0)) {
      Fail("mkdir");
    }
    DaemonRequest request;
    request.program = daemon_;
    request.arguments = cleanfork::AnnouncingArguments(
        fifo_path_, one.waits ? one.tool.wait : Daemonizer::Wait::kCannot);
    request.directory = "/";
    request.pid_file = run + "/x.pid";
    request.wait = one.waits;
    return one.tool.words(request);
  }

  Start Run(const std::vector<std::string>& words) const;
  const std::string& daemon() const { return daemon_; }
  void DrainFifo() const {
    char bytes[64];
    while (::read(fifo_, bytes, sizeof(bytes)) > 0) continue;
  }

 private:
  std::string directory_, run_, daemon_, fifo_path_;
  int fifo_ = -1;
};

// Ends what is left of a start. All of it is our own: orphans fall to us.
void EndChildren() {
  siginfo_t info;
  while (::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0) {
    std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    for (pid_t pid; children >> pid;) ::kill(pid, SIGKILL);
    ::waitpid(-1, nullptr, 0);
  }
}

// Of all that has been waited for.
double CpuMilliseconds() {
  struct rusage usage;
  if (::getrusage(RUSAGE_CHILDREN, &usage) != 0) Fail("getrusage");
  const auto milliseconds = [](const struct timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

double MillisecondsSince(Clock::time_point then) {
  return std::chrono::duration<double, std::milli>(Clock::now() - then).count();
}

Start Stage::Run(const std::vector<std::string>& words) const {
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(&word[0]);
  argv.push_back(nullptr);
  Start start;
  start.cpu = -CpuMilliseconds();
  const Clock::time_point before = Clock::now();
  const pid_t pid = ::vfork();
  if (pid == -1) Fail("vfork");
  if (pid == 0) {
    cleanfork::BeSilent();
    ::execv(argv[0], argv.data());
    ::_exit(99);
  }
  const int ended = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (ended < 0) Fail("pidfd_open");
  pollfd waiting[] = {{fifo_, POLLIN, 0}, {ended, POLLIN, 0}};
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    const double left = kLongestMilliseconds - MillisecondsSince(before);
    if (left <= 0 || ::poll(waiting, 2, static_cast<int>(left) + 1) <= 0) break;
    const double now = MillisecondsSince(before);
    if (waiting[0].revents != 0) {
      start.begun = now;
      waiting[0].fd = -1;
    }
    if (waiting[1].revents != 0) {
      start.returned = now;
      waiting[1].fd = -1;
      int status = 0;
      if (::waitpid(pid, &status, 0) != pid || status != 0) {
        start.failed = true;
        break;
      }
    }
  }
  ::close(ended);
  EndChildren();
  start.cpu += CpuMilliseconds();
  DrainFifo();
  return start;
}

std::vector<Contender> Contenders() {
  std::vector<Contender> all;
  for (const Daemonizer& tool :
       cleanfork::Daemonizers("src/cli/cleanfork", "tests/real/libdaemon_peer")) {
    const std::string why = cleanfork::WhyNotInstalled(tool);
    if (!why.empty()) {
      std::printf("%s: left out: %s\n", tool.name.c_str(), why.c_str());
      continue;
    }
    // Ours both ways; a peer that waits is one of its own.
    if (tool.wait != Daemonizer::Wait::kNotify) all.push_back({tool, tool.name, false, {}, {}});
    if (tool.wait == Daemonizer::Wait::kReadyFd) {
      all.push_back({tool, tool.name + " --wait=ready-fd", true, {}, {}});
    } else if (tool.wait == Daemonizer::Wait::kNotify) {
      all.push_back({tool, tool.name, true, {}, {}});
    }
  }
  return all;
}

// A number of each start, and of these the one that so great a part is below.
double Quantile(const std::vector<Start>& starts, double part, double Start::*number) {
  std::vector<double> numbers;
  for (const Start& start : starts) {
    numbers.push_back(start.*number > 0 ? start.*number : kLongestMilliseconds);
  }
  if (numbers.empty()) return 0;
  std::sort(numbers.begin(), numbers.end());
  return numbers[static_cast<size_t>(static_cast<double>(numbers.size() - 1) * part)];
}

double Both(const std::vector<Start>& starts, double part) {
  std::vector<Start> later = starts;
  for (Start& start : later) {
    if (start.begun > 0)
      start.begun = start.returned > 0 ? std::max(start.begun, start.returned) : 0;
  }
  return Quantile(later, part, &Start::begun);
}

bool AnyFailed(const std::vector<Start>& starts) {
  return std::any_of(starts.begin(), starts.end(), [](const Start& one) { return one.failed; });
}

void Interleave(int rounds, const Stage& stage, std::vector<Contender>* all,
                std::vector<Start> Contender::*results) {
  std::vector<size_t> order(all->size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::mt19937 random(1);
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (size_t i : order) {
      Contender& one = (*all)[i];
      // What takes for ever takes it each time.
      const std::vector<Start>& so_far = one.*results;
      if (!so_far.empty() && (so_far[0].begun == 0 || so_far[0].failed)) continue;
      (one.*results).push_back(stage.Run(stage.Prepare(one)));
    }
  }
}

std::string TimeText(double milliseconds) {
  char text[32];
  if (milliseconds >= kLongestMilliseconds) return "> 10 s";
  std::snprintf(text, sizeof(text), "%.2f", milliseconds);
  return text;
}

void PrintTimes(const char* title, const std::vector<Contender>& all,
                const std::vector<Start> Contender::*results) {
  const Contender* baseline = nullptr;
  for (const Contender& one : all) {
    if (one.name == "daemonize") baseline = &one;
  }
  std::printf("\n%s; ms\n  %-32s %9s %9s %9s %12s %9s %12s %9s\n", title, "", "begun", "returned",
              "both", "x daemonize", "best 2%", "x daemonize", "CPU");
  for (const Contender& one : all) {
    const std::vector<Start>& starts = one.*results;
    if (AnyFailed(starts)) {
      std::printf("  %-32s does not start it\n", one.name.c_str());
      continue;
    }
    std::printf("  %-32s %9s %9s", one.name.c_str(),
                TimeText(Quantile(starts, kMedian, &Start::begun)).c_str(),
                TimeText(Quantile(starts, kMedian, &Start::returned)).c_str());
    double ratio = 0;
    for (double part : {kMedian, kFastest}) {
      const double both = Both(starts, part);
      std::printf(" %9s", TimeText(both).c_str());
      ratio = baseline == nullptr ? 0 : both / Both(baseline->*results, part);
      if (ratio > 0 && both < kLongestMilliseconds) {
        std::printf(" %12.2f", ratio);
      } else {
        std::printf(" %12s", "");
      }
    }
    std::printf(" %9s", TimeText(Quantile(starts, kMedian, &Start::cpu)).c_str());
    if (one.name == "cleanfork start" && ratio > 0) {
      std::printf("   goal %.1f: %s", kGoal, ratio <= kGoal ? "met" : "missed");
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

void PrintWork(const std::vector<Contender>& all, const Stage& stage) {
  std::printf("\n  %-40s %14s %14s %14s\n", "", "system calls", "starter KiB", "largest KiB");
  for (const Contender& one : all) {
    const cleanfork::TracedStart traced = cleanfork::TraceStart(stage.Prepare(one), stage.daemon());
    stage.DrainFifo();
    std::printf("  %-40s %14ld %14ld %14ld%s\n", one.name.c_str(), traced.calls,
                traced.starter_kibibytes, traced.largest_kibibytes,
                traced.exit_code == 0 ? "" : "   failed");
  }
  std::fflush(stdout);
}

bool SetDescriptorLimit(rlim_t limit) {
  const struct rlimit wanted = {limit, limit};
  return ::setrlimit(RLIMIT_NOFILE, &wanted) == 0;
}

// Lets what is started from now on have, or else see, the high limit. Returns in words which.
const char* RaiseLimit() {
  const struct rlimit memory = {kMemory, kMemory};
  ::setrlimit(RLIMIT_AS, &memory);
  if (SetDescriptorLimit(kHigh)) return "at a limit of 1e9 descriptors";
  const std::string library = std::filesystem::absolute("bench/liblimit_seen.so");
  ::setenv("LD_PRELOAD", library.c_str(), 1);
  ::setenv("LIMIT_SEEN", std::to_string(kHigh).c_str(), 1);
  return "at a limit seen as 1e9 descriptors (it cannot be raised here)";
}

void WriteSvg(const std::string& path, const std::vector<Contender>& all) {
  std::vector<cleanfork::BarGroup> groups;
  for (const Contender& one : all) {
    cleanfork::BarGroup group = {one.name, {}};
    const auto add = [&](const char* name, const std::vector<Start>& starts,
                         double Start::*number) {
      const double time = AnyFailed(starts) ? 0 : Quantile(starts, kFastest, number);
      group.bars.push_back({name, time, time >= kLongestMilliseconds});
    };
    add("begun, limit 1024", one.low, &Start::begun);
    add("returned, limit 1024", one.low, &Start::returned);
    add("begun, limit 1e9", one.high, &Start::begun);
    add("returned, limit 1e9", one.high, &Start::returned);
    groups.push_back(group);
  }
  std::ofstream(path) << cleanfork::BarPlotSvg(
      "Until the daemon's program has begun, and until the starter has returned (best 2 %)",
      groups);
  std::printf("\nplot: %s\n", path.c_str());
}

bool ParseFlags(int argc, char** argv, Flags* flags) {
  for (int i = 1; i < argc; ++i) {
    if (std::sscanf(argv[i], "--rounds=%d", &flags->rounds) == 1) continue;
    if (std::strncmp(argv[i], "--svg=", 6) == 0) {
      flags->svg = argv[i] + 6;
      continue;
    }
    std::fprintf(stderr, "usage: start_daemon [--rounds=N] [--svg=FILE]\n");
    return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  if (!ParseFlags(argc, argv, &flags)) return 64;  // EX_USAGE
  if (::geteuid() != 0) {
    std::fprintf(stderr, "start_daemon: needs root, to start daemons as nobody\n");
    return 77;  // EX_NOPERM
  }
  std::vector<Contender> all = Contenders();
  const Stage stage;
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) Fail("PR_SET_CHILD_SUBREAPER");
  if (!SetDescriptorLimit(kLow)) Fail("setrlimit");
  Interleave(flags.rounds, stage, &all, &Contender::low);
  PrintTimes("at a limit of 1024 descriptors", all, &Contender::low);
  PrintWork(all, stage);
  const char* const title = RaiseLimit();
  Interleave(std::max(1, flags.rounds / 4), stage, &all, &Contender::high);
  PrintTimes(title, all, &Contender::high);
  if (!flags.svg.empty()) WriteSvg(flags.svg, all);
}
