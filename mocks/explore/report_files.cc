#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <string>

#include "cleanfork/explore_report.h"

namespace cleanfork {
namespace {

constexpr size_t kLongestName = 100;

bool WriteFile(const std::string& path, const std::string& contents) {
  std::FILE* const file = std::fopen(path.c_str(), "we");
  bool written = file != nullptr;
  if (written) written = std::fwrite(contents.data(), 1, contents.size(), file) == contents.size();
  int error = written ? 0 : errno;
  if (file != nullptr && std::fclose(file) != 0 && written) {
    error = errno;
    written = false;
  }
  if (!written) {
    std::fprintf(stderr, "explore: no report: %s: %s\n", path.c_str(), std::strerror(error));
  }
  return written;
}

}  // namespace

std::string ReportName(const Scenario& scenario, const ExploreResult& result) {
  std::string name;
  for (char c : scenario.name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (is_plain) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.size() > kLongestName) name.resize(kLongestName);
  if (name.empty()) name = "scenario";
  if (result.options.shards > 1) {
    name += "-shard-" + std::to_string(result.options.shard) + "-of-" +
            std::to_string(result.options.shards);
  }
  return name;
}

bool WriteReports(const Scenario& scenario, const ExploreResult& result,
                  const std::string& directory) {
  const std::string path = directory + "/" + ReportName(scenario, result);
  const bool text = WriteFile(path + ".txt", ReportText(scenario, result));
  const bool json = WriteFile(path + ".json", ReportJson(scenario, result));
  const bool html = WriteFile(path + ".html", ReportHtml(scenario, result));
  return text && json && html;
}

bool WriteReports(const Scenario& scenario, const ExploreResult& result) {
  const char* const directory = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  if (directory == nullptr || *directory == '\0') return true;
  static std::mutex* const mutex = new std::mutex;  // threads may explore, each its own
  const std::lock_guard<std::mutex> lock(*mutex);
  static std::set<std::string>* const failed = new std::set<std::string>;
  const std::string name = ReportName(scenario, result);
  if (failed->count(name) != 0) return true;
  if (result.verdict == ExploreResult::Verdict::kFailed) failed->insert(name);
  return WriteReports(scenario, result, directory);
}

}  // namespace cleanfork
