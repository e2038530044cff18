// docs/recipes.md for tests that try what it says: so that page and test do not drift apart.
#ifndef CLEANFORK_TESTS_REAL_RECIPES_PAGE_H_
#define CLEANFORK_TESTS_REAL_RECIPES_PAGE_H_

#include <string>
#include <vector>

namespace cleanfork {

// A fenced block of the page.
struct Block {
  std::string kind;  // "console"
  std::string heading;
  std::string text;
};

std::vector<Block> Blocks();

std::vector<Block> BlocksOf(const std::string& kind);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_RECIPES_PAGE_H_
