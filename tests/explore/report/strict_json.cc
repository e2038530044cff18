#include "tests/explore/report/strict_json.h"

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace cleanfork {
namespace {

class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) {}

  std::optional<JsonValue> Read() {
    JsonValue value;
    if (!ReadValue(&value)) return std::nullopt;
    SkipSpace();
    if (at_ != text_.size()) return std::nullopt;
    return value;
  }

 private:
  char Next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(const std::string& word) {
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }
  void SkipSpace() {
    while (Next() == ' ' || Next() == '\n' || Next() == '\t' || Next() == '\r') ++at_;
  }

  bool ReadValue(JsonValue* value) {
    SkipSpace();
    switch (Next()) {
      case '{': return ReadObject(value);
      case '[': return ReadList(value);
      case '"': value->kind = JsonValue::Kind::kText; return ReadText(&value->text);
      case 't':
      case 'f':
        value->kind = JsonValue::Kind::kBool;
        value->truth = Next() == 't';
        return TakeWord(value->truth ? "true" : "false");
      case 'n': return TakeWord("null");
      default: return ReadNumber(value);
    }
  }

  size_t TakeDigits() {
    size_t count = 0;
    for (; Next() >= '0' && Next() <= '9'; ++at_) ++count;
    return count;
  }

  bool ReadNumber(JsonValue* value) {
    const size_t start = at_;
    Take('-');
    const bool zero = Next() == '0';
    const size_t digits = TakeDigits();
    if (digits == 0 || (zero && digits > 1)) return false;
    if (Take('.') && TakeDigits() == 0) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      if (TakeDigits() == 0) return false;
    }
    value->kind = JsonValue::Kind::kNumber;
    value->number = std::strtod(text_.substr(start, at_ - start).c_str(), nullptr);
    return true;
  }

  bool ReadHex(uint32_t* point) {
    *point = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = Next();
      uint32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<uint32_t>(c - 'a' + 10);
      } else {
        return false;
      }
      *point = *point * 16 + digit;
      ++at_;
    }
    return *point < 0x80;  // what reports escape: characters that are no others
  }

  bool ReadEscape(std::string* text) {
    static const std::map<char, char> plain = {{'"', '"'},  {'\\', '\\'}, {'/', '/'},  {'b', '\b'},
                                               {'f', '\f'}, {'n', '\n'},  {'r', '\r'}, {'t', '\t'}};
    if (Take('u')) {
      uint32_t point = 0;
      if (!ReadHex(&point)) return false;
      *text += static_cast<char>(point);
      return true;
    }
    const auto found = plain.find(Next());
    if (found == plain.end()) return false;
    *text += found->second;
    ++at_;
    return true;
  }

  bool ReadText(std::string* text) {
    if (!Take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        *text += c;
      } else if (!ReadEscape(text)) {
        return false;
      }
    }
    return false;
  }

  bool ReadList(JsonValue* value) {
    value->kind = JsonValue::Kind::kList;
    Take('[');
    SkipSpace();
    if (Take(']')) return true;
    for (;;) {
      value->list.emplace_back();
      if (!ReadValue(&value->list.back())) return false;
      SkipSpace();
      if (Take(']')) return true;
      if (!Take(',')) return false;
    }
  }

  bool ReadObject(JsonValue* value) {
    value->kind = JsonValue::Kind::kObject;
    Take('{');
    SkipSpace();
    if (Take('}')) return true;
    for (;;) {
      SkipSpace();
      std::string key;
      if (!ReadText(&key)) return false;
      SkipSpace();
      if (!Take(':')) return false;
      JsonValue member;
      if (!ReadValue(&member)) return false;
      if (!value->object.emplace(std::move(key), std::move(member)).second) return false;
      SkipSpace();
      if (Take('}')) return true;
      if (!Take(',')) return false;
    }
  }

  const std::string& text_;
  size_t at_ = 0;
};

}  // namespace

const JsonValue& JsonValue::operator[](const std::string& key) const {
  static const JsonValue* const nothing = new JsonValue;
  const auto found = object.find(key);
  return found == object.end() ? *nothing : found->second;
}

std::optional<JsonValue> ReadJson(const std::string& text) { return Reader(text).Read(); }

}  // namespace cleanfork
