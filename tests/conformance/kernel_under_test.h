// One source of cases, two kernels: each *_test.cc here is linked twice, with the real kernel
// behind Observe() and with the simulated one. What a case expects is what Linux does; that SimOs
// does it too is the measure of SimOs.
#ifndef CLEANFORK_TESTS_CONFORMANCE_KERNEL_UNDER_TEST_H_
#define CLEANFORK_TESTS_CONFORMANCE_KERNEL_UNDER_TEST_H_

#include <functional>
#include <random>
#include <string>
#include <type_traits>

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

// There are /bin/true and /bin/false. Runs `body` in a process of its own, in its own group, with
// descriptors 0 to 2 on /dev/null and no others, all signals unblocked and at their default action,
// and returns its notes; or how it ended, if not by returning. Its children have to end by Exit().
// A path below /tmp that no other run of a test uses: on the real kernel it is real.
inline const std::string kTestFile = "/tmp/cleanfork-" + std::to_string(std::random_device()());

using ObservedBody = std::function<void(Os& os, Notes& notes)>;
std::string ObserveOnRealKernel(const ObservedBody& body);
std::string ObserveOnSimulatedKernel(const ObservedBody& body);

// The one that this target is built for.
inline std::string Observe(const ObservedBody& body) {
#ifdef CLEANFORK_CONFORMANCE_OF_SIM_OS
  return ObserveOnSimulatedKernel(body);
#else
  return ObserveOnRealKernel(body);
#endif
}

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_CONFORMANCE_KERNEL_UNDER_TEST_H_
