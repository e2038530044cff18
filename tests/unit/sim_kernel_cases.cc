#include "tests/unit/sim_kernel_cases.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "cleanfork/sim_os.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/world.h"
#include "tests/unit/sim_call_cases.h"

namespace cleanfork::sim {
namespace {

// Makes calls that never wait.
class Setup : public Runner {
 public:
  explicit Setup(Kernel* kernel) : kernel_(*kernel), calls_(kernel, &UsersOfCases(), this) {}

  Calls& As(int slot) {
    slot_ = slot;
    return calls_;
  }

  int current() const override { return slot_; }
  Wake Wait(const Waiting&) override { std::abort(); }
  int OrdinalOf(const SignalAction& action) override { return action.handler == SIG_IGN ? 1 : 2; }
  SignalAction ActionOf(int) const override { return SignalAction(); }

  int Fork(int slot) { return ForkProcess(&kernel_, slot).value(); }

  // `fd`, of the process, is to be that number.
  void Place(int slot, int fd, int number) {
    if (fd == number) return;
    As(slot).Dup2(fd, number).value();
    As(slot).Close(fd).IgnoreError();
  }

 private:
  Kernel& kernel_;
  int slot_ = 0;
  Calls calls_;
};

void PlacePipe(Setup* setup, int flags, int read_end, int write_end) {
  const PipeEnds ends = setup->As(0).Pipe2(flags).value();
  setup->Place(0, ends.read_end, 30);
  setup->Place(0, ends.write_end, write_end);
  setup->Place(0, 30, read_end);
}

SimOsOptions World() {
  SimOsOptions options;
  options.users.push_back({"www", 33, 33, "/var/www"});
  SimFile data = {"/data", "0123456789", 0666};
  SimFile link = {"/link", "/data"};
  link.type = SimFile::Type::kSymlink;
  options.files = {data, link, {"/lock", "", 0666}};
  options.programs.push_back({"/bin/tool", nullptr});
  SimSocket full = {"@full", SimSocket::Holder::kNeverReads, 0};
  SimSocket path = {"/run/full", SimSocket::Holder::kNeverReads, 1};
  options.sockets = {{"@notify"}, full, path};
  return options;
}

void AddOwnDescriptors(Setup* setup, int slot) {
  const auto open = [&](const char* path, int flags, int fd) {
    setup->Place(slot, setup->As(slot).Open(path, flags, 0).value(), fd);
  };
  open("/data", O_RDWR, kOwn);
  setup->Place(slot, setup->As(slot).Socket(AF_UNIX, SOCK_DGRAM, 0).value(), kSocket);
  open("/proc/self/status", O_RDONLY, kOwnStatus);
  open("/proc/self/fdinfo/3", O_RDONLY, kOwnInfo);
  open("/proc/loadavg", O_RDONLY, kLoad);
  open("/lock", O_RDWR, kLocked);
  open("/proc/102/stat", O_RDONLY, kOtherStat);
}

std::unique_ptr<Kernel> MakeKernel(const SimOsOptions& options) {
  std::unique_ptr<Kernel> kernel = BuildWorld(options);
  Setup setup(kernel.get());
  setup.Place(0, setup.As(0).Open("/data", O_RDWR, 0).value(), kShared);
  PlacePipe(&setup, 0, kEmptyRead, kEmptyWrite);
  PlacePipe(&setup, 0, kFullRead, kFullWrite);
  PlacePipe(&setup, O_NONBLOCK, kNonblockRead, kNonblockWrite);
  setup.Place(0, setup.As(0).Open("/", O_RDONLY | O_DIRECTORY, 0).value(), kDirectory);
  const std::string page(kPageSize, 'p');
  for (int i = 0; i < Pipe::kSlots; ++i) {
    setup.As(0).Write(kFullWrite, page.data(), page.size()).value();
  }
  const int first = setup.Fork(0);
  setup.Place(0, setup.As(0).PidFdOpen(101, 0).value(), kPidFd);
  const int second = setup.Fork(0);
  const int grandchild = setup.Fork(first);
  const int zombie = setup.Fork(0);
  setup.As(first).SetPgid(0, 0).IgnoreError();
  setup.As(grandchild).PrctlSetPdeathsig(SIGTERM).IgnoreError();
  for (int slot : {0, first, second, grandchild}) AddOwnDescriptors(&setup, slot);
  setup.As(first).FcntlSetLock(kLocked, F_WRLCK).IgnoreError();
  setup.As(second).SetResGid(33, 33, 33).IgnoreError();
  setup.As(second).SetResUid(33, 33, 33).IgnoreError();
  BeginExit(kernel.get(), zombie);
  FinishExit(kernel.get(), zombie, 0);
  return kernel;
}

void SetAction(Kernel* kernel, int slot, int signal, int ordinal, int flags = 0) {
  kernel->processes[slot].signals.actions[signal] = {ordinal, flags, 0};
}

// 101 is about to be a zombie; its child gets another parent.
std::unique_ptr<Kernel> Orphans(bool subreaper, int sigchld, uint64_t mask) {
  SimOsOptions options = World();
  options.subreaper = subreaper;
  std::unique_ptr<Kernel> kernel = MakeKernel(options);
  SetAction(kernel.get(), 0, SIGCHLD, sigchld);
  kernel->processes[0].signals.mask = mask;
  BeginExit(kernel.get(), 1);
  return kernel;
}

std::unique_ptr<Kernel> Scarcity() {
  SimOsOptions options = World();
  options.disk_space = 0;
  std::unique_ptr<Kernel> kernel = MakeKernel(options);
  int open = 0;
  for (const Description& description : kernel->descriptions) {
    open += description.kind != DescriptionKind::kFree;
  }
  kernel->most_files = open + 1;
  for (Process& process : kernel->processes) process.limits[RLIMIT_NPROC] = {2, 2};
  return kernel;
}

// 103 is stopped, 102 blocks all signals, of which one is pending; 101 is about to be a zombie.
std::unique_ptr<Kernel> Stopped() {
  std::unique_ptr<Kernel> kernel = MakeKernel(World());
  StopProcess(kernel.get(), 3, SIGSTOP);
  kernel->processes[2].signals.mask = ~SignalBit(SIGKILL) & ~SignalBit(SIGSTOP);
  PostSignal(kernel.get(), 2, SIGTERM, {});
  BeginExit(kernel.get(), 1);
  return kernel;
}

// The pipes have nobody at the other end, or room for little.
std::unique_ptr<Kernel> EndsOfPipes() {
  std::unique_ptr<Kernel> kernel = MakeKernel(World());
  Setup setup(kernel.get());
  for (int slot = 0; slot < 4; ++slot) {
    setup.As(slot).Close(kEmptyWrite).IgnoreError();
    setup.As(slot).Close(kNonblockRead).IgnoreError();
  }
  char buffer[kPageSize];
  setup.As(0).Read(kFullRead, buffer, sizeof(buffer)).value();
  setup.As(0).Write(kFullWrite, buffer, 10).value();
  return kernel;
}

// 101 alone writes to one pipe and reads from another, in which there is a little.
std::unique_ptr<Kernel> OneAtAnEnd() {
  std::unique_ptr<Kernel> kernel = MakeKernel(World());
  Setup setup(kernel.get());
  for (int slot : {0, 2, 3}) {
    setup.As(slot).Close(kEmptyWrite).IgnoreError();
    setup.As(slot).Close(kFullRead).IgnoreError();
  }
  char buffer[kPageSize];
  for (int i = 0; i < Pipe::kSlots; ++i) {
    setup.As(1).Read(kFullRead, buffer, sizeof(buffer)).value();
  }
  setup.As(1).Write(kFullWrite, buffer, 20).value();
  return kernel;
}

// 103 runs in the memory of 101.
std::unique_ptr<Kernel> Vfork() {
  std::unique_ptr<Kernel> kernel = MakeKernel(World());
  kernel->processes[3].vfork_parent = 1;
  kernel->processes[3].clone_child = 1;
  SetAction(kernel.get(), 0, SIGCHLD, 2, SA_NOCLDWAIT);
  BeginExit(kernel.get(), 2);
  return kernel;
}

// 103 has a child of its own, and is about to be a zombie; 100 adopts.
std::unique_ptr<Kernel> Grandchild(bool zombie) {
  SimOsOptions options = World();
  options.subreaper = true;
  std::unique_ptr<Kernel> kernel = MakeKernel(options);
  Setup setup(kernel.get());
  const int child = setup.Fork(3);
  AddOwnDescriptors(&setup, child);
  if (zombie) {
    BeginExit(kernel.get(), child);
    FinishExit(kernel.get(), child, 0);
  }
  BeginExit(kernel.get(), 3);
  return kernel;
}

// 101 and 102 are about to be zombies.
std::unique_ptr<Kernel> TwoEnds() {
  std::unique_ptr<Kernel> kernel = MakeKernel(World());
  BeginExit(kernel.get(), 1);
  BeginExit(kernel.get(), 2);
  return kernel;
}

std::vector<KernelCase> MakeKernelCases() {
  std::vector<KernelCase> cases;
  const auto add = [&](const char* name, std::unique_ptr<Kernel> kernel) {
    cases.push_back({name, std::move(kernel)});
  };
  add("as it is", MakeKernel(World()));
  add("orphans for init", Orphans(false, kDefaultAction, 0));
  add("orphans for a subreaper", Orphans(true, 2, 0));
  add("a parent that ignores", Orphans(false, kIgnoreAction, 0));
  add("a parent that blocks", Orphans(true, kDefaultAction, SignalBit(SIGCHLD)));
  add("scarcity", Scarcity());
  add("stopped", Stopped());
  add("ends of pipes", EndsOfPipes());
  add("one at an end", OneAtAnEnd());
  add("vfork", Vfork());
  add("two ends", TwoEnds());
  add("a grandchild", Grandchild(false));
  add("a zombie grandchild", Grandchild(true));
  return cases;
}

}  // namespace

const Directory& UsersOfCases() {
  static const Directory* const directory = new Directory(MakeDirectory(World()));
  return *directory;
}

const std::vector<KernelCase>& KernelCases() {
  static const std::vector<KernelCase>* const cases =
      new std::vector<KernelCase>(MakeKernelCases());
  return *cases;
}

}  // namespace cleanfork::sim
