#include "tests/tidy/cxx_text.h"

#include <cctype>
#include <string>
#include <vector>

namespace cleanfork::tidy {
namespace {

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

void Blank(std::string* text, size_t begin, size_t end) {
  for (size_t i = begin; i < end && i < text->size(); ++i) {
    if ((*text)[i] != '\n') (*text)[i] = ' ';
  }
}

// The end of what begins at `at` and closes with `close`; the end of the text if nothing closes it.
size_t EndOf(const std::string& text, size_t at, const std::string& close) {
  const size_t found = text.find(close, at);
  return found == std::string::npos ? text.size() : found + close.size();
}

// The closing quote of the literal whose opening quote is at `at`.
size_t ClosingQuote(const std::string& text, size_t at) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != quote && text[at] != '\n'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at;
}

bool StartsRawString(const std::string& text, size_t quote) {
  if (text[quote] != '"' || quote == 0 || text[quote - 1] != 'R') return false;
  size_t word = quote;
  while (word > 0 && IsWord(text[word - 1])) --word;
  const std::string prefix = text.substr(word, quote - word);
  return prefix == "R" || prefix == "LR" || prefix == "uR" || prefix == "UR" || prefix == "u8R";
}

}  // namespace

std::vector<std::string> SplitLines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return lines;
}

bool EndsWith(const std::string& text, const std::string& suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

std::string BlankCommentsAndLiterals(const std::string& text) {
  std::string code = text;
  for (size_t at = 0; at < text.size();) {
    const std::string two = text.substr(at, 2);
    size_t end = at + 1;
    if (two == "//") {
      end = text.find('\n', at);
      if (end == std::string::npos) end = text.size();
      Blank(&code, at, end);
    } else if (two == "/*") {
      end = EndOf(text, at + 2, "*/");
      Blank(&code, at, end);
    } else if (text[at] == '"' && StartsRawString(text, at)) {
      const size_t open = text.find('(', at);
      if (open == std::string::npos) break;
      end = EndOf(text, open, ")" + text.substr(at + 1, open - at - 1) + "\"");
      Blank(&code, at + 1, end - 1);
    } else if (text[at] == '"' || (text[at] == '\'' && (at == 0 || !IsWord(text[at - 1])))) {
      // A quote after a letter or digit separates digits, as in 1'000.
      const size_t quote = ClosingQuote(text, at);
      Blank(&code, at + 1, quote);
      end = quote + 1;
    }
    at = end;
  }
  return code;
}

std::string BlankPreprocessor(const std::string& code) {
  std::string result = code;
  bool continued = false;
  for (size_t at = 0; at < code.size();) {
    size_t end = code.find('\n', at);
    if (end == std::string::npos) end = code.size();
    const size_t first = code.find_first_not_of(" \t", at);
    const bool directive = continued || (first < end && code[first] == '#');
    if (directive) Blank(&result, at, end);
    continued = directive && end > at && code[end - 1] == '\\';
    at = end + 1;
  }
  return result;
}

}  // namespace cleanfork::tidy
