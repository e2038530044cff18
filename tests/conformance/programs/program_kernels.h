// The two kernels on which programs run, and what is different between the two.
#ifndef CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_KERNELS_H_
#define CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_KERNELS_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "cleanfork/os.h"
#include "cleanfork/sim_os.h"
#include "tests/conformance/programs/program.h"
#include "tests/conformance/programs/program_controller.h"

namespace cleanfork::programs {

// A directory of its own below /tmp, with a copy of `executable`; removed again.
class OwnDirectory {
 public:
  explicit OwnDirectory(const std::string& executable);
  OwnDirectory(const OwnDirectory&) = delete;
  OwnDirectory& operator=(const OwnDirectory&) = delete;
  ~OwnDirectory();

  const std::string& files() const { return files_; }
  const std::string& executable() const { return executable_; }

 private:
  pid_t owner_;
  std::string root_;
  std::string files_;       // where programs run
  std::string executable_;  // below root_, and not in files_
};

// Calls its second argument with an Os: with its first, or with one that stands before it.
using OsSetting = std::function<void(Os&, const std::function<void(Os&)>&)>;

class SimulatedKernel {
 public:
  SimulatedKernel(const OwnDirectory& directory, bool privileged);
  SimulatedKernel(const OwnDirectory& directory, bool privileged, OsSetting setting);
  Transcript Run(const Program& program);

 private:
  const OwnDirectory& directory_;
  OsSetting setting_;
  std::unique_ptr<SimOs> sim_;
};

// Programs run below a process that is made with this object, while the caller is still small. It
// adopts what they orphan, and kills what is left of them, or what takes longer than a minute.
class RealKernel {
 public:
  RealKernel(const OwnDirectory& directory, bool privileged);
  RealKernel(const RealKernel&) = delete;
  RealKernel& operator=(const RealKernel&) = delete;
  ~RealKernel();
  Transcript Run(const Program& program);

 private:
  int to_ = -1;
  int from_ = -1;
  pid_t keeper_ = 0;
};

// Whether this process is root of the whole machine, and not of a sandbox.
bool MayChangeIds();
constexpr const char* kToChangeIds = "root of the whole machine, outside of a sandbox";

// Why no real process is compared with a simulated one under ThreadSanitizer.
constexpr const char* kUnseen =
    "ThreadSanitizer has a thread of its own in every process, which outlives the main one: when "
    "all processes of a program are quiet cannot be seen";

}  // namespace cleanfork::programs

#endif  // CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_PROGRAM_KERNELS_H_
