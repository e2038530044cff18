// Between fork and exec, or body, a child allocates nothing and frees nothing: this program's own
// malloc and free count who calls them there.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/daemonize.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/spawn.h"
#include "mocks/sanitizers.h"
#include "tests/real/generation_os.h"
#include "tests/real/own_process.h"
#include "tests/real/shared_memory.h"
#include "tests/real/unused_uid.h"

// Sanitizers have a malloc of their own.
#if !defined(CLEANFORK_ASAN) && !defined(CLEANFORK_TSAN)

namespace cleanfork {
namespace {

struct Trap {
  std::atomic<int> calls{0};
  std::atomic<const void*> first_caller{nullptr};
};

// In an ordinary global, so that in a forked child it is that child's own.
volatile bool trap_is_set = false;
Trap* trap = nullptr;

void NoteAllocation(const void* caller) {
  if (!trap_is_set || trap == nullptr) return;
  ++trap->calls;
  const void* none = nullptr;
  trap->first_caller.compare_exchange_strong(none, caller);
}

}  // namespace
}  // namespace cleanfork

extern "C" {

// glibc's own, under the names that it keeps for such as us: malloc(3), "replacing malloc".
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);

void* malloc(size_t size) {
  cleanfork::NoteAllocation(__builtin_return_address(0));
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  cleanfork::NoteAllocation(__builtin_return_address(0));
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  cleanfork::NoteAllocation(__builtin_return_address(0));
  return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) {
  cleanfork::NoteAllocation(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  cleanfork::NoteAllocation(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  cleanfork::NoteAllocation(__builtin_return_address(0));
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  // free(nullptr) does nothing and takes no lock.
  if (memory != nullptr) cleanfork::NoteAllocation(__builtin_return_address(0));
  __libc_free(memory);
}

}  // extern "C"

namespace cleanfork {
namespace {

// Sets the trap in every child from its first to its last act; fails the first `failing_forks`
// forks; and, to see the trap work, allocates in the child itself.
class TrappingOs : public GenerationOs {
 public:
  enum class Plant { kNothing, kMalloc, kFree };
  TrappingOs(int failing_forks, Plant plant)
      : GenerationOs(RealOs()), failing_forks_(failing_forks), plant_(plant) {}

  SysResult<pid_t> Fork() override {
    if (failing_forks_-- > 0) return SysError(EAGAIN);
    return GenerationOs::Fork();
  }
  SysResult<pid_t> VforkCall(int (*function)(void*), void* argument,
                             int termination_signal) override {
    if (failing_forks_-- > 0) return SysError(EAGAIN);
    return GenerationOs::VforkCall(function, argument, termination_signal);
  }
  SysResult<void> ClockNanoSleep(clockid_t, int, int64_t) override { return {}; }
  SysResult<void> ChDir(const char* path) override {
    if (plant_ == Plant::kMalloc) planted_ = malloc(1);
    if (plant_ == Plant::kFree) {
      free(planted_);
      planted_ = nullptr;  // with another root it comes by twice
    }
    return GenerationOs::ChDir(path);
  }

 private:
  void BeforeCall(OsCall) override {}
  void EnteredChild() override { trap_is_set = true; }
  void LeftVforkChild() override {
    if (generation() == 0) trap_is_set = false;
  }

  int failing_forks_;
  const Plant plant_;
  void* volatile planted_ = malloc(1);
};

struct Variant {
  const char* name;
  void (*change)(ForkOptions* options);
  bool takes_root = false;
};

constexpr int kPidFile = 8;

void Plain(ForkOptions*) {}
void Elaborate(ForkOptions* options) {
  options->in = Stream::File("/dev/zero");
  options->out = Stream::Pipe();
  options->err = Stream::Descriptor(1);
  options->environment.set = {{"ONE", "1"}, {"TWO", "2"}};
  options->signal_mask = SignalSet::Of(SIGUSR1);
  SignalAction ignore;
  ignore.handler = SIG_IGN;
  options->signal_handlers.push_back({SIGPIPE, ignore});
  options->keep_descriptors = {3};
  options->limits = {{RLIMIT_CORE, {0, 0}}};
  options->nice = 19;  // this and the score are allowed to everybody
  options->descriptors = {{1, 4}, {0, 5}};
  options->oom_score_adjust = 1000;
  options->no_new_privs = true;
  options->parent_death_signal = SIGTERM;
}
void InDaemonSession(ForkOptions* options) {
  options->session = Session::kDaemon;
  options->listen_fds = {{3, "a:b"}, {0, ""}};
}
void KeepDescriptors(ForkOptions* options) {
  options->close_other_descriptors = false;
  options->session = Session::kKeep;
}
void OpenXpki(ForkOptions* options) {
  *options = ForkOptions::OpenXpki();
  options->sigchld = SigchldPolicy::kLeaveAlone;
}
void Nobody(ForkOptions* options) {
  options->identity = Identity::Ids(UnusedUid(), 61002);
  options->identity->groups = GroupPolicy::kExplicit;
  options->identity->group_list = {1, 2, 3, 61002};
}

// Every step that there is; fault_sweep_test shows that these options take them all.
void EveryStep(ForkOptions* options) {
  Elaborate(options);
  Nobody(options);
  options->chroot = "/";
  options->pid_file_descriptor = kPidFile;
}
void EveryStepAsDaemon(ForkOptions* options) {
  EveryStep(options);
  options->session = Session::kDaemon;
  options->out = Stream::Null();
  options->parent_death_signal = std::nullopt;
}

constexpr Variant kVariants[] = {{"Plain", &Plain},
                                 {"Elaborate", &Elaborate},
                                 {"Daemon", &InDaemonSession},
                                 {"KeepDescriptors", &KeepDescriptors},
                                 {"OpenXpki", &OpenXpki},
                                 {"Identity", &Nobody, true},
                                 {"EveryStep", &EveryStep, true},
                                 {"EveryStepAsDaemon", &EveryStepAsDaemon, true}};
constexpr const char* kEntryPoints[] = {"ForkChild", "RunInChild", "Spawn", "Daemonize"};

std::string Start(int entry, const ForkOptions& options, TrappingOs& os) {
  absl::StatusOr<Child> child = absl::InternalError("not started");
  if (entry == 0) {
    absl::StatusOr<pid_t> pid = ForkChild(options, os);
    if (pid.ok() && *pid == 0) _exit(0);
    if (!pid.ok()) return std::string(pid.status().message());
    child = options.session == Session::kDaemon ? Child::Daemon(os, *pid, UniqueFd())
                                                : Child(os, *pid, {});
  } else if (entry == 3) {
    DaemonizeOptions daemonize;
    daemonize.fork = options;
    daemonize.keep_parent = true;
    absl::StatusOr<Daemon> daemon = Daemonize(daemonize, os);
    if (daemon.ok() && daemon->in_daemon()) _exit(daemon->Ready().ok() ? 0 : 1);
    if (!daemon.ok()) return std::string(daemon.status().message());
    child = options.session == Session::kDaemon ? Child::Daemon(os, daemon->pid(), UniqueFd())
                                                : Child(os, daemon->pid(), {});
  } else if (entry == 1) {
    child = RunInChild([] { return 0; }, options, os);
  } else {
    child = Spawn({"/bin/true"}, options, os);
  }
  if (!child.ok()) return std::string(child.status().message());
  if (options.session == Session::kDaemon) return ReapOrphans();
  absl::StatusOr<ExitStatus> ended = child->Wait();
  if (!ended.ok() || !ended->success()) return "it ended otherwise";
  return "";
}

// How often a child allocated or freed, while it was started.
std::string RunWithTrap(int entry, const Variant& variant, int failing_forks,
                        TrappingOs::Plant plant, int* calls) {
  Shared<Trap> shared;
  trap = &*shared;
  std::string wrong = InOwnProcess([&] {
    for (int fd = 3; fd < 64; ++fd) close(fd);
    if (dup(0) != 3) return std::string("no descriptor 3");
    if (dup2(memfd_create("pid", 0), kPidFile) != kPidFile) return std::string("no pid file");
    ForkOptions options;
    variant.change(&options);
    if ((entry == 0 || entry == 3) && options.out.kind() == Stream::Kind::kPipe)
      options.out = Stream::Null();
    // A body's program runs on in the child: what it does there is its own affair, and begins here.
    if (entry != 2) {
      options.in_child = [] { trap_is_set = false; };
      options.reseed = [](const unsigned char*, size_t) {};
    }
    options.retry = RetryPolicy::Fixed(3, absl::Milliseconds(1));
    TrappingOs os(failing_forks, plant);
    return Start(entry, options, os);
  });
  trap = nullptr;
  *calls = shared->calls;
  return wrong;
}

class NoAllocation : public ::testing::TestWithParam<std::tuple<int, Variant>> {};

TEST_P(NoAllocation, InAChildThatIsBeingSetUp) {
  const auto& [entry, variant] = GetParam();
  if (variant.takes_root) CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  for (int failing_forks : {0, 1}) {
    int calls = -1;
    EXPECT_EQ(RunWithTrap(entry, variant, failing_forks, TrappingOs::Plant::kNothing, &calls), "");
    EXPECT_EQ(calls, 0) << "after " << failing_forks << " failed forks";
  }
}

TEST_P(NoAllocation, WouldBeSeen) {
  const auto& [entry, variant] = GetParam();
  if (variant.takes_root) CLEANFORK_SKIP_WITHOUT_PRIVILEGES();
  for (TrappingOs::Plant plant : {TrappingOs::Plant::kMalloc, TrappingOs::Plant::kFree}) {
    int calls = -1;
    EXPECT_EQ(RunWithTrap(entry, variant, 0, plant, &calls), "");
    EXPECT_GE(calls, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Real, NoAllocation,
                         ::testing::Combine(::testing::Range(0, 4), ::testing::ValuesIn(kVariants)),
                         [](const ::testing::TestParamInfo<std::tuple<int, Variant>>& info) {
                           return std::string(kEntryPoints[std::get<0>(info.param)]) +
                                  std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace cleanfork

#else  // of a sanitizer

TEST(NoAllocation, InAChildThatIsBeingSetUp) {
  GTEST_SKIP() << "the sanitizer has a malloc of its own";
}

#endif  // of a sanitizer
