#include "tests/real/recipes_page.h"

#include <fstream>

namespace cleanfork {

std::vector<Block> Blocks() {
  std::ifstream page("docs/recipes.md");
  std::vector<Block> blocks;
  std::string heading;
  bool is_fenced = false;
  for (std::string line; std::getline(page, line);) {
    if (line.compare(0, 3, "```") == 0) {
      if (!is_fenced) blocks.push_back({line.substr(3), heading, ""});
      is_fenced = !is_fenced;
    } else if (is_fenced) {
      blocks.back().text += line + "\n";
    } else if (line.compare(0, 1, "#") == 0) {
      heading = line.substr(line.find(' ') + 1);
    }
  }
  return blocks;
}

std::vector<Block> BlocksOf(const std::string& kind) {
  std::vector<Block> found;
  for (const Block& block : Blocks()) {
    if (block.kind == kind) found.push_back(block);
  }
  return found;
}

}  // namespace cleanfork
