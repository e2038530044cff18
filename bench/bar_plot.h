// A plot of bars as a page of SVG that needs nothing else.
#ifndef CLEANFORK_BENCH_BAR_PLOT_H_
#define CLEANFORK_BENCH_BAR_PLOT_H_

#include <string>
#include <vector>

namespace cleanfork {

struct Bar {
  std::string name;
  double milliseconds = 0;  // 0: it came to nothing
  bool is_more = false;     // it was not waited for any longer
};

struct BarGroup {
  std::string name;
  std::vector<Bar> bars;
};

// One group below the other on a logarithmic scale; a bar's colour is that of its name.
std::string BarPlotSvg(const std::string& title, const std::vector<BarGroup>& groups);

}  // namespace cleanfork

#endif  // CLEANFORK_BENCH_BAR_PLOT_H_
