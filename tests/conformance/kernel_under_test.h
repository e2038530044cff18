// One source of cases, two kernels: each *_test.cc here is linked twice, with the real kernel
// behind Observe() and with the simulated one. What a case expects is what Linux does; that SimOs
// does it too is the measure of SimOs.
#ifndef CLEANFORK_TESTS_CONFORMANCE_KERNEL_UNDER_TEST_H_
#define CLEANFORK_TESTS_CONFORMANCE_KERNEL_UNDER_TEST_H_

#include <sys/types.h>

#include <functional>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "cleanfork/names.h"
#include "cleanfork/os.h"

namespace cleanfork {

// What a body has seen, in the order in which it says so: "3 EBADF ok".
class Notes {
 public:
  void Add(const std::string& note) { text_ += (text_.empty() ? "" : " ") + note; }
  void Add(const char* note) { Add(std::string(note)); }
  void Add(bool note) { Add(std::string(note ? "yes" : "no")); }
  void Add(int note) { Add(std::to_string(note)); }
  void Add(SysResult<void> result) { Add(result.ok() ? "ok" : Name(result.error())); }
  template <typename T>
  void Add(const SysResult<T>& result) {
    if (!result.ok()) {
      Add(Name(result.error()));
    } else if constexpr (std::is_integral<T>::value) {
      Add(std::to_string(result.value()));
    } else {
      Add("ok");
    }
  }
  const std::string& text() const { return text_; }

 private:
  static std::string Name(int error) {
    const char* const name = ErrnoName(error);
    return name != nullptr ? name : std::to_string(error);
  }
  std::string text_;
};

// A path below /tmp that no other run of a test uses: on the real kernel it is real.
inline const std::string kTestFile = "/tmp/cleanfork-" + std::to_string(std::random_device()());

// The root of the tree of `files`: tests/conformance/test_files.h.
inline const std::string kTestDirectory = kTestFile + ".d";

// Something that is there when a body begins, with all on the way to it.
struct TestFile {
  enum class Type { kRegular, kDirectory, kSymlink };
  Type type;
  std::string path;     // below kTestDirectory
  std::string content;  // of a link, where it leads
  mode_t mode = 0644;
  uid_t uid = 0;  // where only root can make files that are another's, and is not: one's own
  gid_t gid = 0;
};

// There are /bin/true, /bin/false and /bin/cat, and `files`. Runs `body` in a process of its own,
// in its own group, in the root directory with umask 022, with descriptors 0 to 2 on /dev/null and
// no others, all signals unblocked and at their default action, and returns its notes; or how it
// ended, if not by returning. Its children have to end by Exit().
using ObservedBody = std::function<void(Os& os, Notes& notes)>;
std::string ObserveOnRealKernel(const ObservedBody& body, const std::vector<TestFile>& files = {});
std::string ObserveOnSimulatedKernel(const ObservedBody& body,
                                     const std::vector<TestFile>& files = {});

// The one that this target is built for.
inline std::string Observe(const ObservedBody& body, const std::vector<TestFile>& files = {}) {
#ifdef CLEANFORK_CONFORMANCE_OF_SIM_OS
  return ObserveOnSimulatedKernel(body, files);
#else
  return ObserveOnRealKernel(body, files);
#endif
}

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_CONFORMANCE_KERNEL_UNDER_TEST_H_
