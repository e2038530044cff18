#include "cleanfork/sim_os.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cleanfork/names.h"
#include "cleanfork/os_call.h"
#include "mocks/sim/arguments.h"
#include "mocks/sim/dispatch.h"
#include "mocks/sim/engine.h"
#include "mocks/sim/fiber_stack.h"
#include "mocks/sim/files.h"
#include "mocks/sim/kernel.h"
#include "mocks/sim/processes.h"
#include "mocks/sim/sim_os_access.h"
#include "mocks/sim/world.h"

namespace cleanfork {
namespace {

void CopySignals(const sim::Signals& signals, SimProcess* process) {
  process->mask = SignalSet::FromBits(signals.mask);
  process->pending = SignalSet::FromBits(signals.pending | signals.own_pending);
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    if (signals.actions[signal].ordinal == sim::kIgnoreAction) process->ignored.Add(signal);
  }
}

void CopyCredentials(const sim::Credentials& credentials, SimProcess* process) {
  const sim::Ids& user = credentials.user;
  const sim::Ids& group = credentials.group;
  process->uid = {user.real, user.effective, user.saved};
  process->gid = {group.real, group.effective, group.saved};
  process->groups.assign(credentials.groups, credentials.groups + credentials.group_count);
  process->capabilities = credentials.capabilities;
  process->no_new_privs = credentials.no_new_privs != 0;
}

}  // namespace

class SimOs::Impl {
 public:
  explicit Impl(const SimOsOptions& options)
      : options_(options),
        directory_(sim::MakeDirectory(options)),
        programs_(sim::MakePrograms(options)),
        initial_(sim::BuildWorld(options)),
        kernel_(sim::CloneKernel(*initial_)),
        engine_(kernel_.get(), initial_.get(), &directory_, &programs_, options_.most_calls),
        os_(&engine_) {}

  SimRun Run(const Body& body) {
    if (running_) {
      std::fputs("SimOs: Run() within a body of the same SimOs\n", stderr);
      std::abort();
    }
    running_ = true;
    sim::CopyKernel(*initial_, *initial_, kernel_.get());
    if (report_ == nullptr || !report_->IsOfThisThread()) {
      report_ = std::make_unique<sim::OverflowReport>();
    }
    engine_.Run(&os_, body, options_.environment);
    running_ = false;
    return {engine_.end(), engine_.message()};
  }

  // On the thread of the Run() that it was taken in.
  SimRun RunFrom(const sim::Engine::Checkpoint& checkpoint) {
    running_ = true;
    engine_.RunFrom(checkpoint);
    running_ = false;
    return {engine_.end(), engine_.message()};
  }

  std::vector<SimProcess> Processes() const {
    std::vector<SimProcess> processes;
    for (const sim::ProcessRecord& record : engine_.ended()) {
      const int slot = sim::FindProcess(*kernel_, record.process.pid);
      const auto state =
          slot == sim::kNone ? SimProcess::State::kReaped : SimProcess::State::kZombie;
      processes.push_back(Public(record, state));
    }
    for (int slot = 0; slot < kernel_->processes.used; ++slot) {
      if (kernel_->processes[slot].state != sim::ProcessState::kRunning) continue;
      processes.push_back(Public(engine_.Record(slot), SimProcess::State::kRunning));
    }
    std::sort(processes.begin(), processes.end(),
              [](const SimProcess& a, const SimProcess& b) { return a.pid < b.pid; });
    return processes;
  }

  // The inode at a path, as root sees it from the root; kNone.
  int Find(const std::string& path) const {
    sim::Process root = {};
    root.credentials.capabilities.effective = sim::kAllCapabilities;
    const sim::Resolved where = sim::Resolve(*kernel_, root, path.c_str(), true);
    return where.error != 0 || where.proc ? sim::kNone : where.inode;
  }

  std::string TraceText() const {
    std::string text;
    for (const sim::TraceRecord& record : engine_.trace()) {
      if (record.kind != sim::TraceRecord::Kind::kCall) continue;
      text += std::to_string(record.pid) + " " + GetOsCallInfo(record.call).name + "(" +
              sim::ArgumentText(engine_.trace_bytes() + record.at, record.arguments) + ") = ";
      const char* const error = record.error == 0 ? nullptr : ErrnoName(record.error);
      text += error != nullptr ? error : std::to_string(record.value);
      text += "\n";
    }
    return text;
  }

  std::vector<SimDatagram> Datagrams() const {
    std::vector<SimDatagram> datagrams;
    for (int i = 0; i < kernel_->datagrams.used; ++i) {
      const sim::Datagram& sent = kernel_->datagrams[i];
      if (kernel_->receivers[sent.receiver].own != 0) continue;
      const auto* bytes = reinterpret_cast<const char*>(kernel_->datagram_bytes + sent.at);
      datagrams.push_back({options_.sockets[static_cast<size_t>(sent.receiver)].address,
                           std::string(bytes, sent.size), sent.pid, sent.uid, sent.gid});
    }
    return datagrams;
  }

  const sim::Kernel& kernel() const { return *kernel_; }
  sim::Engine& engine() { return engine_; }

 private:
  SimProcess Public(const sim::ProcessRecord& record, SimProcess::State state) const {
    const sim::Process& process = record.process;
    SimProcess result;
    result.pid = process.pid;
    result.parent = record.parent;
    result.group = process.group;
    result.session = process.session;
    result.state = state;
    result.wait_status = process.wait_status;
    CopyCredentials(process.credentials, &result);
    CopySignals(process.signals, &result);
    result.umask = process.umask;
    result.nice = process.nice;
    result.directory = record.directory;
    result.descriptors = {record.descriptors.begin(), record.descriptors.end()};
    for (int fd = 0; fd < process.descriptors_end; ++fd) {  // those without a text
      if (process.descriptors[fd].description != sim::kNone) result.descriptors[fd];
    }
    for (int resource = 0; resource < sim::kResources; ++resource) {
      result.limits[resource] = process.limits[resource];
    }
    const auto exec = engine_.execs().find(process.pid);
    if (exec != engine_.execs().end()) {
      result.program = exec->second.path;
      result.arguments = exec->second.arguments;
      result.environment = exec->second.environment;
    }
    return result;
  }

  const SimOsOptions options_;
  const sim::Directory directory_;
  const std::vector<sim::ProgramBody> programs_;
  const std::unique_ptr<sim::Kernel> initial_;
  const std::unique_ptr<sim::Kernel> kernel_;
  sim::Engine engine_;
  sim::Dispatch os_;
  std::unique_ptr<sim::OverflowReport> report_;
  bool running_ = false;
};

SimOs::SimOs(const SimOsOptions& options) : impl_(std::make_unique<Impl>(options)) {}
SimOs::~SimOs() = default;

SimRun SimOs::Run(const Body& body) { return impl_->Run(body); }

sim::Engine& sim::SimOsAccess::EngineOf(SimOs* sim) { return sim->impl_->engine(); }

SimRun sim::SimOsAccess::RunFrom(SimOs* sim, const Engine::Checkpoint& checkpoint) {
  return sim->impl_->RunFrom(checkpoint);
}

std::vector<SimProcess> SimOs::processes() const { return impl_->Processes(); }

std::optional<SimProcess> SimOs::process(pid_t pid) const {
  for (SimProcess& process : impl_->Processes()) {
    if (process.pid == pid) return std::move(process);
  }
  return std::nullopt;
}

std::optional<std::string> SimOs::FileContents(const std::string& path) const {
  const int inode = impl_->Find(path);
  if (inode == sim::kNone) return std::nullopt;
  return sim::Contents(impl_->kernel(), inode);
}

std::optional<FileStatus> SimOs::FileStatusOf(const std::string& path) const {
  const int inode = impl_->Find(path);
  if (inode == sim::kNone) return std::nullopt;
  return sim::StatusOf(impl_->kernel(), inode);
}

std::vector<SimDatagram> SimOs::datagrams() const { return impl_->Datagrams(); }

std::string SimOs::TraceText() const { return impl_->TraceText(); }

int64_t SimOs::elapsed() const { return impl_->kernel().monotonic - sim::kBootTime; }

std::vector<std::string> SimOs::UnmodelledCalls() { return sim::UnmodelledCalls(); }

}  // namespace cleanfork
