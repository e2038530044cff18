#include "bench/bar_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace cleanfork {
namespace {

constexpr double kLeast = 0.1;  // milliseconds, where the scale begins
constexpr int kNames = 250;     // pixels
constexpr int kScale = 520;
constexpr int kBar = 11;
constexpr int kGap = 12;
constexpr int kTop = 58;
const char* const kColours[] = {"#1f6f8b", "#7fb7be", "#c8553d", "#f2a97e"};

std::string Format(const char* format, double number) {
  char text[64];
  std::snprintf(text, sizeof(text), format, number);
  return text;
}

std::string TimeText(const Bar& bar) {
  const std::string time = bar.milliseconds < 1000 ? Format("%.2f ms", bar.milliseconds)
                                                   : Format("%.0f s", bar.milliseconds / 1000);
  return (bar.is_more ? "more than " : "") + time;
}

std::string Text(double x, double y, const std::string& attributes, const std::string& text) {
  return "<text x=\"" + Format("%.0f", x) + "\" y=\"" + Format("%.0f", y) + "\" " + attributes +
         ">" + text + "</text>\n";
}

std::string Rectangle(double x, double y, double width, const char* colour) {
  return "<rect x=\"" + Format("%.0f", x) + "\" y=\"" + Format("%.0f", y) + "\" width=\"" +
         Format("%.1f", width) + "\" height=\"" + std::to_string(kBar - 2) + "\" fill=\"" + colour +
         "\"/>\n";
}

// The names of all bars, in the order in which they first come.
std::vector<std::string> NamesOf(const std::vector<BarGroup>& groups) {
  std::vector<std::string> names;
  for (const BarGroup& group : groups) {
    for (const Bar& bar : group.bars) {
      if (std::find(names.begin(), names.end(), bar.name) == names.end()) names.push_back(bar.name);
    }
  }
  return names;
}

const char* ColourOf(const std::vector<std::string>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name) - names.begin();
  return kColours[static_cast<size_t>(at) % 4];
}

}  // namespace

std::string BarPlotSvg(const std::string& title, const std::vector<BarGroup>& groups) {
  const std::vector<std::string> names = NamesOf(groups);
  double most = kLeast * 10;
  int height = kTop;
  for (const BarGroup& group : groups) {
    height += static_cast<int>(group.bars.size()) * kBar + kGap;
    for (const Bar& bar : group.bars) most = std::max(most, bar.milliseconds);
  }
  const double decades = std::ceil(std::log10(most / kLeast));
  const auto place = [&](double milliseconds) {
    return std::max(0.0, std::log10(milliseconds / kLeast) / decades * kScale);
  };

  std::string body;
  double y = kTop;
  for (const BarGroup& group : groups) {
    body += Text(kNames - 8, y + static_cast<double>(group.bars.size()) * kBar / 2 + 4,
                 "text-anchor=\"end\"", group.name);
    for (const Bar& bar : group.bars) {
      if (bar.milliseconds > 0) {
        body += Rectangle(kNames, y, place(bar.milliseconds), ColourOf(names, bar.name));
        body += Text(kNames + place(bar.milliseconds) + 4, y + kBar - 2, "font-size=\"9\"",
                     TimeText(bar));
      } else {
        body += Text(kNames + 4, y + kBar - 2, "font-size=\"9\"", "does not start it");
      }
      y += kBar;
    }
    y += kGap;
  }
  std::string scale;
  for (int decade = 0; decade <= static_cast<int>(decades); ++decade) {
    const double x = kNames + kScale * decade / decades;
    const double milliseconds = kLeast * std::pow(10, decade);
    scale += "<line x1=\"" + Format("%.0f", x) + "\" x2=\"" + Format("%.0f", x) + "\" y1=\"" +
             std::to_string(kTop - 6) + "\" y2=\"" + std::to_string(height) +
             "\" stroke=\"#ccc\"/>\n";
    scale += Text(
        x, kTop - 10, "text-anchor=\"middle\" font-size=\"9\"",
        milliseconds < 1000 ? Format("%g ms", milliseconds) : Format("%g s", milliseconds / 1000));
  }
  std::string legend;
  for (size_t i = 0; i < names.size(); ++i) {
    const double x = kNames + static_cast<double>(i) * 160;
    legend +=
        Rectangle(x, 24, 12, kColours[i % 4]) + Text(x + 16, 33, "font-size=\"10\"", names[i]);
  }
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" +
         std::to_string(kNames + kScale + 130) + "\" height=\"" + std::to_string(height + 8) +
         "\" font-family=\"sans-serif\" font-size=\"12\">\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n" +
         Text(8, 16, "font-weight=\"bold\"", title) + legend + scale + body + "</svg>\n";
}

}  // namespace cleanfork
