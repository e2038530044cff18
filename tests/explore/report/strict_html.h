// What is wrong with a page, as far as can be said without a browser.
#ifndef CLEANFORK_TESTS_EXPLORE_REPORT_STRICT_HTML_H_
#define CLEANFORK_TESTS_EXPLORE_REPORT_STRICT_HTML_H_

#include <string>
#include <vector>

namespace cleanfork {

// Tags that do not match, tags that are not closed, '<' and '&' that are not markup, attributes
// without quotes, an id that stands twice, a label that refers to no id; and whatever a browser
// would load. A line each.
std::vector<std::string> FindHtmlErrors(const std::string& page);

// The page without its tags, its style and its script, and with its entities as characters.
std::string TextOfHtml(const std::string& page);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_EXPLORE_REPORT_STRICT_HTML_H_
