// Actions for a MockOs (cleanfork/mock_os.h): what a mocked call does when it is made.
//
//   EXPECT_CALL(os, Pipe2(O_CLOEXEC)).WillOnce(cleanfork::Ok(cleanfork::PipeEnds{10, 11}));
//   EXPECT_CALL(os, Fork())
//       .WillOnce(cleanfork::Fails(EAGAIN))
//       .WillOnce(cleanfork::ForkAsParent(4711));
//   EXPECT_CALL(os, Read(10, testing::_, testing::_))
//       .WillOnce(cleanfork::ReadsReport(cleanfork::ChildReport::Started(4711)));
//
// Each is an ordinary gMock action, for WillOnce, WillRepeatedly and WillByDefault, and fits every
// call of a suitable result; another does not compile.
#ifndef CLEANFORK_OS_ACTIONS_H_
#define CLEANFORK_OS_ACTIONS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "cleanfork/child_report.h"
#include "cleanfork/os.h"

namespace cleanfork {

template <typename T>
struct OkAction {
  T value;
  template <typename... Arguments>
  T operator()(const Arguments&...) const {
    return value;
  }
};

template <>
struct OkAction<void> {
  template <typename... Arguments>
  SysResult<void> operator()(const Arguments&...) const {
    return {};
  }
};

struct FailsAction {
  SysError error;
  template <typename... Arguments>
  SysError operator()(const Arguments&...) const {
    return error;
  }
};

struct VforkAsChildAction {
  [[noreturn]] SysResult<pid_t> operator()(int (*function)(void*), void* argument, int) const {
    throw ProcessExited{function(argument)};
  }
};

struct ReadsBytesAction {
  std::string bytes;

  // Read, PRead, GetDents.
  template <typename... Offset>
  SysResult<size_t> operator()(int, void* buffer, size_t size, const Offset&...) const {
    return Fill(buffer, size);
  }

  // GetRandom.
  SysResult<size_t> operator()(void* buffer, size_t size, unsigned) const {
    return Fill(buffer, size);
  }

 private:
  SysResult<size_t> Fill(void* buffer, size_t size) const {
    const size_t length = std::min(size, bytes.size());
    if (length > 0) std::memcpy(buffer, bytes.data(), length);
    return length;
  }
};

// Succeeds with `value`. For a call that cannot fail: returns it.
template <typename T>
OkAction<T> Ok(T value) {
  return {std::move(value)};
}

// Succeeds, where there is no value to return.
inline OkAction<void> Ok() { return {}; }

// Fails with `error`, a positive errno value; any other traps, as SysError does.
inline FailsAction Fails(int error) { return {SysError(error)}; }

// For Fork(): the test goes on as the child.
inline OkAction<pid_t> ForkAsChild() { return {0}; }

// For Fork(): the test goes on as the parent of `pid`.
inline OkAction<pid_t> ForkAsParent(pid_t pid) { return {pid}; }

// For VforkCall(): runs the function in the test itself, which so becomes the child; VforkCall()
// does not return. The function leaves through Exit(), and what it returns leaves in the same way:
// ProcessExited with that status.
inline VforkAsChildAction VforkAsChild() { return {}; }

// For VforkCall(): returns `pid`; the function does not run.
inline OkAction<pid_t> VforkAsParent(pid_t pid) { return {pid}; }

// For Read(), PRead(), GetDents() and GetRandom(): stores `bytes` and returns how many they are;
// of more than were asked for, the first.
inline ReadsBytesAction ReadsBytes(std::string bytes) { return {std::move(bytes)}; }

// For Read(): what a child writes to its parent while it sets itself up.
inline ReadsBytesAction ReadsReport(const ChildReport& report) {
  return {std::string(reinterpret_cast<const char*>(&report), sizeof(report))};
}

// For Read(): the end of the file. On the pipe from a child: it exec'd, or it died.
inline ReadsBytesAction ReadsEof() { return {std::string()}; }

}  // namespace cleanfork

#endif  // CLEANFORK_OS_ACTIONS_H_
