// The tree of files that is there for each case of a table: kTestDirectory, the same on both
// kernels. Os has no call that makes a directory or a link.
#ifndef CLEANFORK_TESTS_CONFORMANCE_TEST_FILES_H_
#define CLEANFORK_TESTS_CONFORMANCE_TEST_FILES_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {

// A path in it.
inline std::string InTree(const std::string& name) { return kTestDirectory + "/" + name; }

// In an order in which they can be made:
//   file           "content", mode 0644
//   secret         mode 0600; write-only: mode 0222; yours: of user 1, group 2, mode 0640
//   nonsense       "nonsense", mode 0755; not executable: `file`
//   link           to file, relative; absolute-link: to the whole path of file
//   dangling       to absent; loop: to itself; through-file: to file/x; true-link: to /bin/true
//   link-to-directory
//   directory/     mode 0755, locked/: 0700, listed/: 0744, entered/: 0711, open/: 0777,
//                  sticky/: 01777, group/: 02777 and of group 2
//     inner        in each of them, "inner"; theirs: in each, of user 1
//   directory/up   to ..; directory/to-inner: to inner
//   chain0 ...     to chain41: chain0 leads to file, each other to the one before
inline std::vector<TestFile> TestFiles() {
  using Type = TestFile::Type;
  std::vector<TestFile> files = {
      {Type::kDirectory, kTestDirectory, "", 0755},
      {Type::kRegular, InTree("file"), "content", 0644},
      {Type::kRegular, InTree("secret"), "secret", 0600},
      {Type::kRegular, InTree("write-only"), "", 0222},
      {Type::kRegular, InTree("yours"), "yours", 0640, 1, 2},
      {Type::kRegular, InTree("nonsense"), "nonsense\n", 0755},
      {Type::kSymlink, InTree("link"), "file"},
      {Type::kSymlink, InTree("absolute-link"), InTree("file")},
      {Type::kSymlink, InTree("dangling"), "absent"},
      {Type::kSymlink, InTree("loop"), "loop"},
      {Type::kSymlink, InTree("through-file"), "file/x"},
      {Type::kSymlink, InTree("true-link"), "/bin/true"},
      {Type::kSymlink, InTree("link-to-directory"), "directory"},
  };
  const struct {
    const char* name;
    mode_t mode;
    gid_t gid;
  } directories[] = {{"directory", 0755, 0}, {"locked", 0700, 0}, {"listed", 0744, 0},
                     {"entered", 0711, 0},   {"open", 0777, 0},   {"sticky", 01777, 0},
                     {"group", 02777, 2}};
  for (const auto& each : directories) {
    files.push_back({Type::kDirectory, InTree(each.name), "", each.mode, 0, each.gid});
    files.push_back({Type::kRegular, InTree(each.name) + "/inner", "inner", 0644});
    files.push_back({Type::kRegular, InTree(each.name) + "/theirs", "theirs", 0644, 1, 0});
  }
  files.push_back({Type::kSymlink, InTree("directory/up"), ".."});
  files.push_back({Type::kSymlink, InTree("directory/to-inner"), "inner"});
  for (int i = 0; i <= 41; ++i) {
    const std::string to = i == 0 ? "file" : "chain" + std::to_string(i - 1);
    files.push_back({Type::kSymlink, InTree("chain" + std::to_string(i)), to});
  }
  return files;
}

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_CONFORMANCE_TEST_FILES_H_
