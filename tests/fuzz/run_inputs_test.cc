// Gives a fuzzer the inputs of its corpus, and some that are made of them by chance: always the
// same ones. For a run that needs no clang; how to run a fuzzer for long: CONTRIBUTING.md.
//
// CORPUS is a directory, DICTIONARY a file as libFuzzer reads it, INPUTS how many are made by
// chance; SEED makes others.
#include <dirent.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "tests/fuzz/property.h"

namespace {

std::string Variable(const char* name, const char* otherwise = "") {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

std::vector<std::string> ReadCorpus(const std::string& directory) {
  std::vector<std::string> paths, inputs;
  DIR* opened = ::opendir(directory.c_str());
  if (opened == nullptr) return inputs;
  while (const dirent* entry = ::readdir(opened)) {
    if (entry->d_name[0] != '.') paths.push_back(directory + "/" + entry->d_name);
  }
  ::closedir(opened);
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

// The words of lines such as "\x1ename", without the quotes.
std::vector<std::string> ReadDictionary(const std::string& path) {
  std::vector<std::string> words;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.size() < 2 || line[0] != '"') continue;
    std::string word;
    for (size_t i = 1; i + 1 < line.size(); ++i) {
      if (line[i] != '\\') {
        word += line[i];
      } else if (line[i + 1] == 'x') {
        word += static_cast<char>(std::stoi(line.substr(i + 2, 2), nullptr, 16));
        i += 3;
      } else {
        word += line[++i];
      }
    }
    words.push_back(word);
  }
  return words;
}

// Makes inputs of others. Of the library's distributions none is used: they differ from one library
// to the next.
class Generator {
 public:
  Generator(std::vector<std::string> corpus, std::vector<std::string> words, uint64_t seed)
      : corpus_(std::move(corpus)), words_(std::move(words)), random_(seed) {}

  std::string Next() {
    std::string input = corpus_[Below(corpus_.size())];
    for (size_t changes = 1 + Below(5); changes > 0; --changes) Change(&input);
    return input;
  }

 private:
  size_t Below(size_t bound) { return static_cast<size_t>(random_() % bound); }

  void Change(std::string* input) {
    const size_t at = Below(input->size() + 1);
    const size_t length = Below(std::min<size_t>(input->size() - at, 16) + 1);
    const char* const numbers[] = {"0",          "-1",         "00",
                                   "1000000001", "2147483648", "18446744073709551616"};
    switch (Below(8)) {
      case 0: input->erase(at, length); break;
      case 1: input->insert(at, input->substr(Below(input->size() + 1), length)); break;
      case 2: input->insert(at, 1, static_cast<char>(Below(256))); break;
      case 3:
        if (at < input->size()) (*input)[at] = static_cast<char>(Below(256));
        break;
      case 4: {
        const std::string& other = corpus_[Below(corpus_.size())];
        input->replace(at, std::string::npos, other.substr(Below(other.size() + 1)));
        break;
      }
      case 5: input->replace(at, length, numbers[Below(std::size(numbers))]); break;
      default: input->replace(at, Below(2) * length, words_[Below(words_.size())]);
    }
  }

  const std::vector<std::string> corpus_;
  const std::vector<std::string> words_;
  std::mt19937_64 random_;
};

// The input that is being tried, for the case that it is the last.
std::string* current = new std::string;

void Try(const std::string& input) {
  *current = input;
  // A copy of its own size, so that AddressSanitizer sees a byte too far.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

void TellInput(int) {
  std::fprintf(stderr, "fuzz: the input was \"%s\"\n", absl::CHexEscape(*current).c_str());
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

class Inputs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGABRT, TellInput);
    corpus_ = ReadCorpus(Variable("CORPUS"));
    ASSERT_FALSE(corpus_.empty());
  }
  void TearDown() override { std::signal(SIGABRT, SIG_DFL); }
  std::vector<std::string> corpus_;
};

TEST_F(Inputs, OfTheCorpusHoldAllProperties) {
  for (const std::string& input : corpus_) Try(input);
}

TEST_F(Inputs, MadeByChanceHoldAllProperties) {
  const std::vector<std::string> words = ReadDictionary(Variable("DICTIONARY"));
  ASSERT_FALSE(words.empty());
  Generator generator(corpus_, words, std::stoull(Variable("SEED", "1")));
  for (int left = std::stoi(Variable("INPUTS")); left > 0; --left) Try(generator.Next());
}

}  // namespace
