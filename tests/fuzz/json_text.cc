#include "tests/fuzz/json_text.h"

#include <cctype>
#include <cstring>

namespace cleanfork::fuzz {
namespace {

class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) {}

  bool ReadAll() { return Next('{') && Value() && at_ == text_.size(); }

 private:
  bool Next(char c) const { return at_ < text_.size() && text_[at_] == c; }

  bool Take(const char* token) {
    if (text_.compare(at_, std::strlen(token), token) != 0) return false;
    at_ += std::strlen(token);
    return true;
  }

  bool Value() {
    if (Next('{')) return List("{", "}", true);
    if (Next('[')) return List("[", "]", false);
    if (Next('"')) return String();
    return Take("true") || Take("false") || Take("null") || Integer();
  }

  bool List(const char* opens, const char* closes, bool has_keys) {
    Take(opens);
    if (Take(closes)) return true;
    do {
      if (has_keys && !(String() && Take(":"))) return false;
      if (!Value()) return false;
    } while (Take(","));
    return Take(closes);
  }

  bool String() {
    if (!Take("\"")) return false;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (static_cast<unsigned char>(text_[at_]) < 0x20) return false;
      if (text_[at_] == '\\' && !Escape()) return false;
      ++at_;
    }
    return Take("\"");
  }

  // Ends at its last character.
  bool Escape() {
    if (++at_ >= text_.size()) return false;
    if (text_[at_] != 'u') return std::strchr("\"\\/bfnrt", text_[at_]) != nullptr;
    for (int digits = 0; digits < 4; ++digits) {
      if (++at_ >= text_.size() || std::isxdigit(static_cast<unsigned char>(text_[at_])) == 0) {
        return false;
      }
    }
    return true;
  }

  bool Integer() {
    Take("-");
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > start && (text_[start] != '0' || at_ == start + 1);
  }

  const std::string& text_;
  size_t at_ = 0;
};

}  // namespace

bool IsJsonObject(const std::string& text) { return Reader(text).ReadAll(); }

}  // namespace cleanfork::fuzz
