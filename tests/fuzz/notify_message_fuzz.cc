// Datagrams for --wait=notify: only READY=1 of a trusted sender makes ready, and only a whole
// MAINPID= of one, with a pid in its range, names a process.
//
// An input is datagrams, divided by bytes 0x1e, of which each begins with a letter for its sender:
// r root, c the caller, s the service's user; n for one whose sender is not told, t for one of
// root's that was cut off; any other is that of another user.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "cleanfork/fork_options.h"
#include "src/cli/readiness.h"
#include "tests/fuzz/property.h"

namespace cleanfork::cli {
namespace {

using fuzz::Require;

constexpr uid_t kCaller = 1000, kService = 65534, kStranger = 4242;
constexpr pid_t kMostPids = 1 << 22;  // proc_sys_kernel(5), pid_max

struct Datagram {
  char sender = 'x';
  std::string bytes;
  bool counts() const { return sender == 'r' || sender == 'c' || sender == 's'; }
};

uid_t UserOf(char sender) {
  switch (sender) {
    case 'r':
    case 'n':
    case 't': return 0;
    case 'c': return kCaller;
    case 's': return kService;
    default: return kStranger;
  }
}

class DatagramsOs : public fuzz::NoCallsOs {
 public:
  explicit DatagramsOs(std::vector<Datagram> datagrams) : datagrams_(std::move(datagrams)) {}

  size_t taken() const { return taken_; }

  SysResult<int> Socket(int, int, int) override { return 7; }
  SysResult<void> Close(int) override { return SysResult<void>(); }
  SysResult<size_t> GetRandom(void* buffer, size_t size, unsigned) override {
    std::memset(buffer, 0, size);
    return size;
  }
  SysResult<void> Bind(int, const UnixAddress*) override { return SysResult<void>(); }
  SysResult<void> SetPassCred(int) override { return SysResult<void>(); }
  SysResult<ReceivedMessage> RecvMsg(int, void* buffer, size_t size, int) override {
    if (taken_ == datagrams_.size()) return SysError(EAGAIN);
    const Datagram& datagram = datagrams_[taken_++];
    ReceivedMessage message;
    message.size = std::min(size, datagram.bytes.size());
    message.cut = datagram.sender == 't' || message.size < datagram.bytes.size();
    message.pid = datagram.sender == 'n' ? 0 : 99;
    message.uid = UserOf(datagram.sender);
    std::memcpy(buffer, datagram.bytes.data(), message.size);
    return message;
  }
  SysResult<UserRecord> GetPwNam(const char*) override {
    UserRecord record;
    record.uid = kService;
    return record;
  }
  uid_t GetEuid() override { return kCaller; }
  const char* GetEnv(const char*) override { return nullptr; }
  char* const* GetEnviron() override { return nullptr; }

 private:
  const std::vector<Datagram> datagrams_;
  size_t taken_ = 0;
};

// What has been said by the rules.
struct Said {
  bool ready = false;
  pid_t main_pid = 0;
  std::string status;

  void Hear(const std::string& message) {
    for (const std::string& line : std::vector<std::string>(absl::StrSplit(message, '\n'))) {
      ready = ready || line == "READY=1";
      if (line.compare(0, 7, "STATUS=") == 0) status = line.substr(7);
      if (line.compare(0, 8, "MAINPID=") == 0) HearPid(line.substr(8));
    }
  }

  void HearPid(const std::string& digits) {
    int64_t pid = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return;
      pid = std::min<int64_t>(pid * 10 + (c - '0'), kMostPids + 1);
    }
    if (pid >= 1 && pid <= kMostPids) main_pid = static_cast<pid_t>(pid);
  }
};

void CheckDatagrams(const std::string& input) {
  std::vector<Datagram> datagrams;
  for (const std::string& part :
       std::vector<std::string>(absl::StrSplit(input, '\x1e', absl::SkipEmpty()))) {
    datagrams.push_back({part[0], part.substr(1)});
  }
  DatagramsOs os(datagrams);
  WaitFor wait_for;
  wait_for.kind = WaitFor::Kind::kNotify;
  Launch launch;
  launch.options.identity = Identity::User("service");
  const absl::StatusOr<std::unique_ptr<Readiness>> notify = MakeReadiness(wait_for, &launch, os);
  Require(notify.ok(), "the socket is made", input);

  Said said;
  size_t heard = 0;
  for (;;) {
    const absl::StatusOr<bool> ready = (*notify)->Look();
    Require(ready.ok(), "no message is an error", input);
    for (; heard < os.taken(); ++heard) {
      // One that is longer than a message may be is cut off.
      const bool fits = datagrams[heard].bytes.size() <= 4096;
      if (datagrams[heard].counts() && fits) said.Hear(datagrams[heard].bytes);
    }
    Require((*notify)->main_pid() == said.main_pid, "the main process is the one named", input);
    Require((*notify)->status() == said.status, "the status is the last one said", input);
    Require(*ready == said.ready, "it is ready once it has said so", input);
    said.ready = false;
    if (!*ready) break;
  }
  Require(os.taken() == datagrams.size(), "all that is there is taken", input);
}

}  // namespace
}  // namespace cleanfork::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cleanfork::cli::CheckDatagrams(cleanfork::fuzz::ToText(data, size));
  return 0;
}
