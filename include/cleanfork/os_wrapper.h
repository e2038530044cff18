// OsWrapper: an Os that forwards every call to another. Derive from it and override what your
// decorator touches; a call that Os gains later is then forwarded, not forgotten.
//
//   class SlowClock : public cleanfork::OsWrapper {
//    public:
//     using OsWrapper::OsWrapper;
//     cleanfork::SysResult<int64_t> ClockGetTime(clockid_t clock) override {
//       cleanfork::SysResult<int64_t> now = OsWrapper::ClockGetTime(clock);
//       return now.ok() ? now.value() / 2 : now;
//     }
//   };
//
// Thread and signal safety are those of the wrapped Os.
#ifndef CLEANFORK_OS_WRAPPER_H_
#define CLEANFORK_OS_WRAPPER_H_

#include "cleanfork/os.h"

namespace cleanfork {

class OsWrapper : public Os {
 public:
  // `wrapped` must outlive this object.
  explicit OsWrapper(Os& wrapped) : wrapped_(wrapped) {}
  ~OsWrapper() override;

#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result Method parameters override;
#include "cleanfork/os_calls.inc"

  [[noreturn]] void Exit(int status) override;

 protected:
  Os& wrapped() { return wrapped_; }

 private:
  Os& wrapped_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_OS_WRAPPER_H_
