// A reader of JSON as RFC 8259 has it, and nothing more lenient: what reports are held against.
#ifndef CLEANFORK_TESTS_EXPLORE_REPORT_STRICT_JSON_H_
#define CLEANFORK_TESTS_EXPLORE_REPORT_STRICT_JSON_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cleanfork {

struct JsonValue {
  enum class Kind { kNull, kBool, kNumber, kText, kList, kObject };
  Kind kind = Kind::kNull;
  bool truth = false;
  double number = 0;
  std::string text;  // with its escapes undone, as UTF-8
  std::vector<JsonValue> list;
  std::map<std::string, JsonValue> object;

  // Null where this is no object, or has no such member.
  const JsonValue& operator[](const std::string& key) const;
};

// Nothing if `text` is not one value of JSON; a member that stands twice counts as such.
std::optional<JsonValue> ReadJson(const std::string& text);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_EXPLORE_REPORT_STRICT_JSON_H_
