// The source tree as it lies on disk, for checks that no list of files may fall behind.
#ifndef CLEANFORK_TESTS_TIDY_SOURCE_TREE_H_
#define CLEANFORK_TESTS_TIDY_SOURCE_TREE_H_

#include <string>
#include <vector>

namespace cleanfork::tidy {

struct SourceFile {
  std::string path;  // from the top: "src/real_os.cc"
  std::string text;
};

// Every file written by hand in the workspace, sorted by path: C++, Starlark, Python, shell and
// Markdown, examples/ included; of what begins with a dot only .ci/. The workspace is the one
// that the runfile $FILE_AT_THE_TOP leads to. Throws std::runtime_error if that is nowhere.
std::vector<SourceFile> ReadSourceTree();

}  // namespace cleanfork::tidy

#endif  // CLEANFORK_TESTS_TIDY_SOURCE_TREE_H_
