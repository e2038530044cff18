// Prints one of the generated documents: generate_documents man|bash|zsh|fish, or steps FILE.
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "src/cli/documents.h"

int main(int argc, char** argv) {
  namespace cli = cleanfork::cli;
  const std::string which = argc > 1 ? argv[1] : "";
  if (which == "man") {
    std::cout << cli::ManualPage();
  } else if (which == "bash") {
    std::cout << cli::BashCompletion();
  } else if (which == "zsh") {
    std::cout << cli::ZshCompletion();
  } else if (which == "fish") {
    std::cout << cli::FishCompletion();
  } else if (which == "steps" && argc > 2) {
    std::ifstream file(argv[2]);
    std::stringstream text;
    text << file.rdbuf();
    if (!file.good()) return 1;
    std::cout << cli::StepsPage(text.str());
  } else {
    return 64;
  }
  return std::cout.flush().good() ? 0 : 1;
}
