#include "tests/tidy/source_tree.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace cleanfork::tidy {
namespace {

namespace fs = std::filesystem;

bool IsSource(const fs::path& path) {
  static const auto* const extensions = new std::set<std::string>{
      ".h", ".cc", ".inc", ".c", ".cpp", ".hpp", ".py", ".bzl", ".bazel", ".sh", ".md"};
  return extensions->count(path.extension().string()) != 0;
}

bool IsSkipped(const fs::path& directory) {
  const std::string name = directory.filename().string();
  return (name[0] == '.' && name != ".ci") || name.compare(0, 6, "bazel-") == 0;
}

}  // namespace

std::vector<SourceFile> ReadSourceTree() {
  const char* runfile = std::getenv("FILE_AT_THE_TOP");
  if (runfile == nullptr) throw std::runtime_error("FILE_AT_THE_TOP is not set: run me by Bazel");
  const fs::path top = fs::canonical(runfile).parent_path();
  if (!fs::exists(top / "MODULE.bazel")) throw std::runtime_error("no workspace: " + top.string());

  std::vector<SourceFile> files;
  for (auto entry = fs::recursive_directory_iterator(top); entry != fs::end(entry); ++entry) {
    if (entry->is_directory() && IsSkipped(entry->path())) entry.disable_recursion_pending();
    if (!entry->is_regular_file() || entry->is_symlink()) continue;
    std::ifstream file(entry->path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    if (!IsSource(entry->path()) && text.compare(0, 2, "#!") != 0) continue;
    files.push_back({entry->path().lexically_relative(top).string(), text});
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace cleanfork::tidy
