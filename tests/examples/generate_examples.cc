// Writes the examples of documents as C++: generate_examples HEADER-OR-PAGE... > OUTPUT
// With --include=FILE before them it is a source of its own, which includes FILE and the public
// headers among the documents.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/examples/example_code.h"

namespace {

// How users include a public header; empty for a document that is none.
std::string IncludeOf(const std::string& path) {
  const size_t at = path.rfind("cleanfork/");
  return at == std::string::npos || path.substr(path.size() - 2) != ".h" ? "" : path.substr(at);
}

int Generate(const std::string& prelude, const std::vector<std::string>& paths) {
  std::string includes, examples;
  bool good = !paths.empty();
  for (const std::string& path : paths) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    std::string wrong;
    const auto example = cleanfork::examples::ReadExample(path, text.str(), &wrong);
    if (!file.good() || !wrong.empty()) {
      std::cerr << path << ": " << (file.good() ? wrong : "cannot be read\n");
      good = false;
    }
    const std::string include = IncludeOf(path);
    if (!include.empty()) includes += "#include \"" + include + "\"\n";
    examples += WrapExample(example);
  }
  if (prelude.empty()) {
    std::cout << examples;
  } else {
    std::cout << includes << "#include \"" << prelude << "\"\n\nnamespace cleanfork::examples {\n"
              << examples << "}  // namespace cleanfork::examples\n";
  }
  return good && std::cout.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string option = "--include=";
  std::vector<std::string> paths(argv + 1, argv + argc);
  std::string prelude;
  if (!paths.empty() && paths[0].compare(0, option.size(), option) == 0) {
    prelude = paths[0].substr(option.size());
    paths.erase(paths.begin());
  }
  return Generate(prelude, paths);
}
