// What may not be written, though it compiles.
#ifndef CLEANFORK_TESTS_TIDY_SPELLINGS_H_
#define CLEANFORK_TESTS_TIDY_SPELLINGS_H_

#include <string>
#include <vector>

namespace cleanfork::tidy {

// What is wrong with the file at `path`, from the top of the workspace; one line each:
//   - a file name that says nothing: util, common, helper, manager;
//   - std::string_view in a file that includes Abseil: Debian's absl::string_view is another type,
//     so that handing one to Abseil compiles in one of the two build modes only;
//   - in include/ and src/, but in src/real_os.cc, a system call written out, `::fork()` or
//     `fork()`, instead of os.Fork().
std::vector<std::string> BannedSpellings(const std::string& path, const std::string& text);

}  // namespace cleanfork::tidy

#endif  // CLEANFORK_TESTS_TIDY_SPELLINGS_H_
