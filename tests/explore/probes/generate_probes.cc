// Prints probes_of_src.cc: what probes the files have that it is given.
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/explore/probes/find_probes.h"

int main(int argc, char** argv) {
  std::cout << "#include \"tests/explore/probes/probes_of_src.h\"\n\n"
               "namespace cleanfork::explore {\n\n"
               "std::vector<SourceProbe> ProbesOfSrc() {\n"
               "  return {\n";
  for (int i = 1; i < argc; ++i) {
    std::ifstream in(argv[i]);
    std::ostringstream source;
    if (!(source << in.rdbuf())) {
      std::cerr << argv[i] << ": cannot be read, or is empty\n";
      return 1;
    }
    for (const cleanfork::explore::FoundProbe& probe :
         cleanfork::explore::FindProbes(source.str())) {
      if (probe.text.empty()) {
        std::cerr << argv[i] << ":" << probe.line << ": a probe without a string literal\n";
        return 1;
      }
      std::cout << "      {\"" << probe.text << "\", \"" << argv[i] << "\", " << probe.line
                << "},\n";
    }
  }
  std::cout << "  };\n}\n\n}  // namespace cleanfork::explore\n";
  return std::cout.good() ? 0 : 1;
}
