#include "mocks/explore/run_record.h"

#include <sys/wait.h>

#include "mocks/explore/hash.h"
#include "mocks/sim/heap.h"
#include "mocks/sim/processes.h"

namespace cleanfork::explore {
namespace {

void CopyProcess(const sim::Process& process, ExecutedProcess* copy) {
  const sim::Ids& user = process.credentials.user;
  const sim::Ids& group = process.credentials.group;
  copy->pid = process.pid;
  copy->uid = {user.real, user.effective, user.saved};
  copy->gid = {group.real, group.effective, group.saved};
  const auto* groups = process.credentials.groups;
  copy->groups.assign(groups, groups + process.credentials.group_count);
  copy->capabilities = process.credentials.capabilities;
  copy->mask = SignalSet::FromBits(process.signals.mask);
  uint64_t ignored = 0, handled = 0;
  for (int signal = 1; signal <= SignalSet::kMaxSignal; ++signal) {
    const int ordinal = process.signals.actions[signal].ordinal;
    const uint64_t bit = uint64_t{1} << (signal - 1);
    if (ordinal == sim::kIgnoreAction) ignored |= bit;
    if (ordinal > sim::kIgnoreAction) handled |= bit;
  }
  copy->ignored = SignalSet::FromBits(ignored);
  copy->handled = SignalSet::FromBits(handled);
  copy->descriptors.clear();
  for (int fd = 0; fd < process.descriptors_end; ++fd) {
    if (process.descriptors[fd].description != sim::kNone) copy->descriptors.push_back(fd);
  }
  // Who runs the body came of an exec, too, as every first process does.
  copy->program = process.ever_execd != 0 && process.program != sim::kNone;
}

}  // namespace

RunRecord::RunRecord(SimOs* sim, sim::Engine* engine) : sim_(*sim), engine_(*engine) {}

void RunRecord::Begin() { notes_.clear(); }

void RunRecord::BeginFrom(size_t notes) { notes_.resize(notes); }

void RunRecord::AddNote(const std::string& key, int64_t value) {
  if (engine_.Replaying()) return;
  const sim::AllocatingFor explorer(nullptr);  // the note outlives the process that makes it
  notes_.push_back({engine_.birth(), key, value});
}

void RunRecord::Take(const sim::ProcessRecord& record) const {
  if (record.birth == sim::kNone) return;
  ExecutedProcess& process = processes_[static_cast<size_t>(record.birth)];
  CopyProcess(record.process, &process);
  process.wait_status = record.process.wait_status;
  process.blocks_left = record.blocks_left;
  process.zombies = record.zombies;
  process.children = record.children;
  if (!record.ended) {
    process.end = ExecutedProcess::End::kRuns;
  } else if (WIFSIGNALED(process.wait_status)) {
    process.end = ExecutedProcess::End::kKilled;
  } else {
    process.end = record.returned ? ExecutedProcess::End::kReturned : ExecutedProcess::End::kExited;
  }
}

void RunRecord::End(const SimRun& run, const FaultPlan& deviations, int fault_free_status) {
  run_ = run;
  deviations_ = &deviations;
  fault_free_status_ = fault_free_status;
  has_processes_ = has_calls_ = false;
}

void RunRecord::TakeBeginning() const {
  CopyProcess(engine_.beginning(), &beginning_);
  has_beginning_ = true;  // for good: all runs begin alike
}

void RunRecord::TakeProcesses() const {
  has_processes_ = true;
  const std::vector<sim::Birth>& births = engine_.births();
  processes_.resize(births.size());
  for (size_t i = 0; i < births.size(); ++i) {
    processes_[i].path = births[i].path;
    processes_[i].parent = births[i].parent;
    processes_[i].vfork = births[i].vfork;
  }
  for (const sim::ProcessRecord& record : engine_.ended()) Take(record);
  for (const sim::ProcessRecord& record : engine_.left()) Take(record);
}

void RunRecord::TakeCalls() const {
  has_calls_ = true;
  calls_.clear();
  for (const sim::TraceRecord& record : engine_.trace()) {
    if (record.kind != sim::TraceRecord::Kind::kCall) continue;
    calls_.push_back(
        {record.birth, record.call, record.index, record.error, record.value, record.injected});
  }
}

uint64_t RunRecord::Outcome() const {
  uint64_t all = static_cast<uint64_t>(run_.end);
  for (const ExecutedProcess& process : processes()) {
    Hasher hasher;
    hasher.Add(process.path.ToString());
    hasher.Add(static_cast<uint64_t>(process.end));
    hasher.Add(static_cast<uint64_t>(process.wait_status));
    for (uint64_t id : {process.uid.real, process.uid.effective, process.uid.saved,
                        process.gid.real, process.gid.effective, process.gid.saved}) {
      hasher.Add(id);
    }
    for (gid_t group : process.groups) hasher.Add(group);
    hasher.Add(process.mask.bits());
    hasher.Add(process.ignored.bits());
    for (int fd : process.descriptors) hasher.Add(static_cast<uint64_t>(fd));
    hasher.Add(static_cast<uint64_t>(process.zombies));
    hasher.Add(static_cast<uint64_t>(process.children));
    all += hasher.Mixed();
  }
  for (const ExecutedCall& call : calls()) {  // in any order of the processes
    Hasher hasher;
    hasher.Add(processes()[static_cast<size_t>(call.process)].path.ToString());
    hasher.Add(static_cast<uint64_t>(call.call));
    hasher.Add(call.index);
    hasher.Add(static_cast<uint64_t>(call.error));
    hasher.Add(static_cast<uint64_t>(call.value));
    all += hasher.Mixed();
  }
  return all;
}

std::optional<std::string> RunRecord::FileContents(const std::string& path) const {
  return sim_.FileContents(path);
}

std::vector<SimProcess> RunRecord::Inspect() const { return sim_.processes(); }

}  // namespace cleanfork::explore
