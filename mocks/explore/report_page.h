// The parts of the page: cleanfork/explore_report.h.
#ifndef CLEANFORK_MOCKS_EXPLORE_REPORT_PAGE_H_
#define CLEANFORK_MOCKS_EXPLORE_REPORT_PAGE_H_

#include <string>

#include "cleanfork/explore.h"

namespace cleanfork::explore {

// Text as it stands in HTML, also in an attribute: valid UTF-8 without anything that is markup.
std::string Escaped(const std::string& text);

// The failing run as a table: a lane for each process, a row for each step.
std::string ChartHtml(const ExploreFailure& failure);

// What the page looks like, and the script that copies the plan.
extern const char kPageStyle[];
extern const char kPageScript[];

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_REPORT_PAGE_H_
