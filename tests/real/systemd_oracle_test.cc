// Notifier, WatchdogInterval() and ListenFds() beside what libsystemd makes of the same variables.
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/listen_fds.h"
#include "cleanfork/notifier.h"
#include "tests/real/own_process.h"

namespace cleanfork {
namespace {

// As its header declares them.
struct LibSystemd {
  int (*listen_fds_with_names)(int unset_environment, char*** names) = nullptr;
  int (*notify)(int unset_environment, const char* state) = nullptr;
  int (*watchdog_enabled)(int unset_environment, uint64_t* usec) = nullptr;
};

template <typename Function>
bool Find(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  return *function != nullptr;
}

std::optional<LibSystemd> Load() {
  LibSystemd functions;
  void* library = dlopen("libsystemd.so.0", RTLD_NOW);
  const bool found = library != nullptr &&
                     Find(library, "sd_listen_fds_with_names", &functions.listen_fds_with_names) &&
                     Find(library, "sd_notify", &functions.notify) &&
                     Find(library, "sd_watchdog_enabled", &functions.watchdog_enabled);
  return found ? std::optional<LibSystemd>(functions) : std::nullopt;
}

class BesideLibSystemd : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::optional<LibSystemd> library = Load();
    if (!library.has_value()) GTEST_SKIP() << "needs libsystemd: apt-get install libsystemd0";
    systemd_ = *library;
  }

  static void Set(const char* name, const char* value) {
    if (value == nullptr) {
      unsetenv(name);
    } else {
      setenv(name, value, 1);
    }
  }

  // "a|b|", or "error".
  std::string TheirNames() const {
    char** names = nullptr;
    const int count = systemd_.listen_fds_with_names(0, &names);
    if (count < 0) return "error";
    std::string text;
    for (int i = 0; i < count; ++i) text += std::string(names[i]) + "|";
    return text;
  }
  static std::string OurNames() {
    absl::StatusOr<std::vector<ListenFd>> passed = ListenFds();
    if (!passed.ok()) return "error";
    std::string text;
    for (const ListenFd& file : *passed) text += file.name + "|";
    return text;
  }

  LibSystemd systemd_;
};

struct ListenVariables {
  const char* pid;  // null: the process's own
  const char* fds;
  const char* names;  // null: none
};

// Signs, spaces and other bases than ten, which libsystemd takes, are not here: we refuse them.
constexpr ListenVariables kListenVariables[] = {
    {nullptr, "1", nullptr},    {nullptr, "2", nullptr},     {nullptr, "1", ""},
    {nullptr, "1", "a"},        {nullptr, "2", "a:"},        {nullptr, "2", ":b"},
    {nullptr, "3", "::"},       {nullptr, "1", "a:b"},       {nullptr, "2", "a"},
    {nullptr, "2", "a\\:b:c"},  {nullptr, "1", "a\\"},       {nullptr, "1", "a\\\\"},
    {nullptr, "1", "\\n\\x41"}, {nullptr, "1", " a b "},     {nullptr, "1", "'a b\""},
    {nullptr, "0", nullptr},    {nullptr, "-1", nullptr},    {nullptr, "x", nullptr},
    {nullptr, "", nullptr},     {nullptr, "2 ", nullptr},    {nullptr, "4", nullptr},
    {"1", "1", nullptr},        {"x", "1", nullptr},         {"0", "1", nullptr},
    {"", "1", nullptr},         {"-5", "1", nullptr},        {nullptr, "2147483647", nullptr},
    {nullptr, nullptr, "a"},    {"2147483648", "1", nullptr}};

TEST_F(BesideLibSystemd, ListenFdsFindsTheSame) {
  EXPECT_EQ(InOwnProcess([this] {
              for (int fd = 3; fd < 6; ++fd) dup2(0, fd);  // three of them
              close(6);
              const std::string self = std::to_string(getpid());
              std::string wrong;
              for (const ListenVariables& variables : kListenVariables) {
                Set("LISTEN_PID", variables.pid != nullptr ? variables.pid : self.c_str());
                Set("LISTEN_FDS", variables.fds);
                Set("LISTEN_FDNAMES", variables.names);
                const std::string theirs = TheirNames();
                const std::string ours = OurNames();
                if (ours == theirs) continue;
                wrong += std::to_string(&variables - kListenVariables) + ": ours " + ours +
                         ", theirs " + theirs + "; ";
              }
              return wrong;
            }),
            "");
}

TEST_F(BesideLibSystemd, AChildsListenFdsAreReadAsTheyWereNamed) {
  EXPECT_EQ(InOwnProcess([this]() -> std::string {
              int ends[2];
              if (pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
              ForkOptions options;
              options.out = Stream::Descriptor(ends[1]);
              options.listen_fds = {{0, "a:b"}, {0, "c\\"}, {0, "\\:"}, {0, ""}, {0, " '\"%$"}};
              absl::StatusOr<Child> child = RunInChild(
                  [this] {
                    const std::string names = TheirNames();
                    return write(1, names.data(), names.size()) < 0 ? 1 : 0;
                  },
                  options);
              if (!child.ok()) return std::string(child.status().message());
              if (!child->Wait().ok()) return "it cannot be waited for";
              char names[256];
              const ssize_t size = read(ends[0], names, sizeof(names));
              return std::string(names, size < 0 ? 0 : static_cast<size_t>(size));
            }),
            "a:b|c\\|\\:|unknown| '\"%$|");
}

struct WatchdogVariables {
  const char* usec;
  const char* pid;  // "self": the process's own
};

constexpr WatchdogVariables kWatchdogVariables[] = {
    {nullptr, nullptr}, {nullptr, "self"}, {"1", nullptr},   {"30000000", "self"},
    {"30000000", "1"},  {"0", nullptr},    {"x", nullptr},   {"", nullptr},
    {"1", "x"},         {"1", "0"},        {"1s", nullptr},  {"-1", nullptr},
    {"1", ""},          {"5", "-3"},       {"1 2", nullptr}, {"99999999999999999999", nullptr}};

TEST_F(BesideLibSystemd, TheWatchdogsIntervalIsTheSame) {
  for (const WatchdogVariables& variables : kWatchdogVariables) {
    const std::string self = std::to_string(getpid());
    const bool is_self = variables.pid != nullptr && variables.pid == std::string("self");
    Set("WATCHDOG_USEC", variables.usec);
    Set("WATCHDOG_PID", is_self ? self.c_str() : variables.pid);
    uint64_t usec = 0;
    const int theirs = systemd_.watchdog_enabled(0, &usec);
    const absl::StatusOr<std::optional<absl::Duration>> ours = WatchdogInterval();
    const auto index = &variables - kWatchdogVariables;
    EXPECT_EQ(ours.ok(), theirs >= 0) << index;
    if (!ours.ok() || theirs < 0) continue;
    EXPECT_EQ(ours->has_value(), theirs > 0) << index;
    if (ours->has_value()) {
      EXPECT_EQ(absl::ToInt64Microseconds(**ours), static_cast<int64_t>(usec));
    }
  }
  Set("WATCHDOG_USEC", nullptr);
  Set("WATCHDOG_PID", nullptr);
}

TEST_F(BesideLibSystemd, AMessageGoesToTheSameSocketInTheSameBytes) {
  const std::string name = "cleanfork/systemd_oracle/" + std::to_string(getpid());
  char directory[] = "/tmp/systemd_oracle.XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string path = std::string(directory) + "/s";
  for (const std::string& address : {"@" + name, path}) {
    sockaddr_un to = {};
    to.sun_family = AF_UNIX;
    address.copy(to.sun_path, sizeof(to.sun_path) - 1);
    if (address[0] == '@') to.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const size_t length = offsetof(sockaddr_un, sun_path) + address.size();
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&to), static_cast<socklen_t>(length)), 0);
    Set("NOTIFY_SOCKET", address.c_str());
    EXPECT_EQ(systemd_.notify(0, "READY=1\nSTATUS=up"), 1);
    EXPECT_TRUE(Notifier::FromEnvironment()->Send({{"READY", "1"}, {"STATUS", "up"}}).ok());
    char theirs[64] = {};
    char ours[64] = {};
    EXPECT_GT(recv(fd, theirs, sizeof(theirs) - 1, 0), 0);
    EXPECT_GT(recv(fd, ours, sizeof(ours) - 1, 0), 0);
    EXPECT_STREQ(ours, theirs);
    close(fd);
  }
  unlink(path.c_str());
  rmdir(directory);
  Set("NOTIFY_SOCKET", nullptr);
}

TEST_F(BesideLibSystemd, TheSameAddressesAreRefused) {
  for (const char* address : {"", "/", "@", "x", "./x", "unix:/x", "vsock:"}) {
    Set("NOTIFY_SOCKET", address);
    EXPECT_LT(systemd_.notify(0, "READY=1"), 0) << address;
    EXPECT_FALSE(Notifier::FromEnvironment().ok()) << address;
  }
  const std::string too_long = "/" + std::string(107, 'p');
  Set("NOTIFY_SOCKET", too_long.c_str());
  EXPECT_LT(systemd_.notify(0, "READY=1"), 0);
  EXPECT_FALSE(Notifier::FromEnvironment().ok());
  Set("NOTIFY_SOCKET", nullptr);
  EXPECT_EQ(systemd_.notify(0, "READY=1"), 0);
  EXPECT_FALSE(Notifier::FromEnvironment()->active());
}

}  // namespace
}  // namespace cleanfork
