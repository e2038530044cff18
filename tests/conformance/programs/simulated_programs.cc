#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/programs/fixtures.h"
#include "tests/conformance/programs/program_kernels.h"
#include "tests/conformance/programs/program_process.h"

namespace cleanfork::programs {
namespace {

class SimulatedStage : public Stage {
 public:
  explicit SimulatedStage(const OwnDirectory& directory) : directory_(directory) {}

  std::string Settle(Os& os, const std::vector<pid_t>& pids) override {
    // Time goes on when nobody else can.
    if (!os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 1).ok()) return "";
    std::string states;
    for (pid_t pid : pids) states += StateOf(os, pid);
    return states;
  }
  const char* directory() const override { return directory_.files().c_str(); }
  const char* executable() const override { return directory_.executable().c_str(); }

 private:
  static char StateOf(Os& os, pid_t pid) {
    const SysResult<int> fd = os.Open(("/proc/" + std::to_string(pid) + "/stat").c_str(), 0, 0);
    if (!fd.ok()) return 'X';
    char text[300] = {};
    os.Read(fd.value(), text, sizeof(text) - 1).IgnoreError();
    os.Close(fd.value()).IgnoreError();
    const std::string stat = text;
    return stat[stat.rfind(')') + 2];
  }

  const OwnDirectory& directory_;
};

SimOsOptions OptionsFor(const OwnDirectory& directory, bool privileged, SimProgram program) {
  SimOsOptions options;
  options.directory = directory.files();
  const uid_t uid = privileged ? 0 : getuid();
  const gid_t gid = privileged ? 0 : getgid();
  options.uid = uid;
  options.gid = gid;
  options.supplementary_groups.clear();
  if (!privileged) {
    options.supplementary_groups.resize(64);
    options.supplementary_groups.resize(
        static_cast<size_t>(getgroups(64, options.supplementary_groups.data())));
  }
  const std::string files = directory.files() + "/";
  options.files.push_back({directory.files(), "", 0777, uid, gid, SimFile::Type::kDirectory});
  for (const Fixture& fixture : Fixtures()) {
    SimFile file = {files + fixture.path,   fixture.content, fixture.mode, uid, gid,
                    SimFile::Type::kRegular};
    if (fixture.what == Fixture::kDirectory) file.type = SimFile::Type::kDirectory;
    if (fixture.what == Fixture::kLink) file.type = SimFile::Type::kSymlink;
    if (fixture.theirs && privileged) file.uid = kTheirs;
    options.files.push_back(file);
  }
  options.programs.push_back(std::move(program));
  return options;
}

}  // namespace

SimulatedKernel::SimulatedKernel(const OwnDirectory& directory, bool privileged)
    : SimulatedKernel(directory, privileged,
                      [](Os& os, const std::function<void(Os&)>& next) { next(os); }) {}

SimulatedKernel::SimulatedKernel(const OwnDirectory& directory, bool privileged, OsSetting setting)
    : directory_(directory), setting_(std::move(setting)) {
  SimProgram program;
  program.path = directory.executable();
  program.body = [this](Os& raw, const std::vector<std::string>& arguments) {
    setting_(raw, [&](Os& os) {
      RunProcess(os, arguments[1][0] - '0', directory_.files().c_str(),
                 directory_.executable().c_str(), true);
    });
    return 0;
  };
  sim_ = std::make_unique<SimOs>(OptionsFor(directory, privileged, std::move(program)));
}

Transcript SimulatedKernel::Run(const Program& program) {
  SimulatedStage stage(directory_);
  Transcript transcript;
  const SimRun run = sim_->Run([&](Os& raw) {
    SetHandlerOs(&raw);
    setting_(raw, [&](Os& os) { transcript = RunProgram(program, os, &stage); });
    return 0;
  });
  if (run.end != SimEnd::kAllEnded) transcript.text += "\nSimOs: " + run.message;
  return transcript;
}

}  // namespace cleanfork::programs
