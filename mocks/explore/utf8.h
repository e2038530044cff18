// UTF-8 for reports: paths and contents of files may be any bytes.
#ifndef CLEANFORK_MOCKS_EXPLORE_UTF8_H_
#define CLEANFORK_MOCKS_EXPLORE_UTF8_H_

#include <string>

namespace cleanfork::explore {

// `text` with U+FFFD in the place of each byte that is of no character of UTF-8 (RFC 3629: no
// surrogates, nothing longer than it has to be, nothing above U+10FFFF).
std::string ValidUtf8(const std::string& text);

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_UTF8_H_
