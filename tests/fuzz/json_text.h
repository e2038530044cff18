// Whether a text is JSON: RFC 8259, by a reader that is not the writer's.
#ifndef CLEANFORK_TESTS_FUZZ_JSON_TEXT_H_
#define CLEANFORK_TESTS_FUZZ_JSON_TEXT_H_

#include <string>

namespace cleanfork::fuzz {

// Numbers: integers alone. No white space between the tokens, and bytes from 0x80 up are taken for
// UTF-8.
bool IsJsonObject(const std::string& text);

}  // namespace cleanfork::fuzz

#endif  // CLEANFORK_TESTS_FUZZ_JSON_TEXT_H_
