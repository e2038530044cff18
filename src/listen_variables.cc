#include "src/listen_variables.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "src/invalid_options.h"

namespace cleanfork {
namespace {

constexpr size_t kMaxNameSize = 255;  // systemd.socket(5), FileDescriptorName=

bool IsListenName(const std::string& name) {
  const bool is_text =
      std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c < 0x7f; });
  return is_text && name.size() <= kMaxNameSize;
}

// Which option has `to` already; null: none.
const char* TakenBy(const ForkOptions& options, int to) {
  const auto& kept = options.keep_descriptors;
  if (std::find(kept.begin(), kept.end(), to) != kept.end()) return "keep_descriptors";
  if (to == options.pid_file_descriptor) return "pid_file_descriptor";
  for (const DescriptorMove& move : options.descriptors) {
    if (move.to == to) return "descriptors";
  }
  return nullptr;
}

}  // namespace

std::string JoinListenNames(const std::vector<ListenFd>& fds) {
  std::string text;
  for (size_t i = 0; i < fds.size(); ++i) {
    if (i > 0) text += ':';
    for (const char c : fds[i].name.empty() ? std::string("unknown") : fds[i].name) {
      if (c == ':' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text;
}

std::optional<std::vector<std::string>> SplitListenNames(const std::string& text) {
  std::vector<std::string> names(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') {
      names.emplace_back();
      continue;
    }
    if (text[i] == '\\' && ++i == text.size()) return std::nullopt;
    names.back() += text[i];
  }
  return names;
}

absl::Status ValidateListenFds(const ForkOptions& options) {
  for (const auto& [name, value] : options.environment.set) {
    const auto is_it = [&name = name](const char* listen) { return name == listen; };
    if (is_it(kListenPid) || is_it(kListenPidFdId)) {
      return InvalidOptions(absl::StrCat(
          "environment: ", name, " can name no child that is yet to be made; listen_fds sets it"));
    }
    if (!options.listen_fds.empty() && (is_it(kListenFds) || is_it(kListenFdNames))) {
      return InvalidOptions(absl::StrCat("environment: ", name, " is set by listen_fds already"));
    }
  }
  int to = kFirstListenFd;
  for (const ListenFd& passed : options.listen_fds) {
    if (passed.fd < 0) return InvalidOptions("listen_fds: a number is negative");
    if (!IsListenName(passed.name)) {
      return InvalidOptions(absl::StrCat("listen_fds: the name \"", passed.name,
                                         "\" is not of at most ", kMaxNameSize,
                                         " printable ASCII characters"));
    }
    if (const char* option = TakenBy(options, to)) {
      return InvalidOptions(
          absl::StrCat("listen_fds: ", to, ", where one is to be, is set by ", option, " already"));
    }
    for (const ChildLimit& limit : options.limits) {
      if (limit.resource == RLIMIT_NOFILE && limit.limit.soft <= static_cast<uint64_t>(to)) {
        return InvalidOptions(
            absl::StrCat("listen_fds: ", to, " is not below the RLIMIT_NOFILE of limits"));
      }
    }
    ++to;
  }
  return absl::OkStatus();
}

std::vector<DescriptorMove> AllMoves(const ForkOptions& options) {
  std::vector<DescriptorMove> moves = options.descriptors;
  int to = kFirstListenFd;
  for (const ListenFd& passed : options.listen_fds) moves.push_back({passed.fd, to++});
  return moves;
}

}  // namespace cleanfork
