// The manual pages.
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/cli/documents.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

// As text that troff takes as it is: groff_char(7), and a line that begins with a request.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '\\': escaped += "\\e"; break;
      case '-': escaped += "\\-"; break;
      case '\'': escaped += "\\(aq"; break;
      case '`': break;
      default: escaped += c;
    }
  }
  const bool is_request = !escaped.empty() && escaped[0] == '.';
  return is_request ? "\\&" + escaped : escaped;
}

std::string Bold(const std::string& text) { return absl::StrCat("\\fB", Escaped(text), "\\fR"); }

std::string Title(const char* name, int section) {
  return absl::StrCat(".TH ", name, " ", section, " \"\" \"cleanfork ", kVersion, "\"\n");
}

std::string OptionText(const Option& option) {
  std::string text = ".TP\n";
  if (option.letter != 0) {
    absl::StrAppend(&text, Bold(absl::StrCat("-", std::string(1, option.letter))), ", ");
  }
  absl::StrAppend(&text, Bold(absl::StrCat("--", option.name)));
  if (option.argument != nullptr) {
    absl::StrAppend(&text, "=\\fI", Escaped(option.argument), "\\fR");
  }
  return absl::StrCat(text, "\n", Escaped(option.help), "\n");
}

std::string SubcommandText(const Subcommand& subcommand) {
  std::string text =
      absl::StrCat(".SS cleanfork ", subcommand.name, " ", Escaped(subcommand.arguments), "\n",
                   Escaped(subcommand.summary), ".\n");
  for (const Option& option : subcommand.options) text += OptionText(option);
  for (const std::string& note : subcommand.notes) {
    absl::StrAppend(&text, ".PP\n", Escaped(note), "\n");
  }
  absl::StrAppend(&text, ".PP\nExit status:\n");
  for (const ExitLine& line : subcommand.exit_codes) {
    absl::StrAppend(&text, ".TP\n", Bold(line.code), "\n", Escaped(line.meaning), "\n");
  }
  return text;
}

// "| a | b |" without the bars.
std::vector<std::string> Cells(const std::string& row) {
  std::vector<std::string> cells;
  for (const auto cell : absl::StrSplit(row, '|')) {
    std::string text(cell);
    const size_t first = text.find_first_not_of(' ');
    if (first == std::string::npos) continue;
    cells.push_back(text.substr(first, text.find_last_not_of(' ') - first + 1));
  }
  return cells;
}

enum class Block { kNone, kParagraph, kCode, kList };

class PageWriter {
 public:
  void Take(const std::string& line) {
    const bool is_code = line.compare(0, 4, "    ") == 0 && block_ != Block::kParagraph;
    if (!is_code && block_ == Block::kCode && !line.empty()) End();
    if (line.compare(0, 2, "# ") == 0) return;
    if (line.compare(0, 3, "## ") == 0) return Heading(".SH ", line.substr(3));
    if (line.compare(0, 4, "### ") == 0) return Heading(".SS ", line.substr(4));
    if (line.empty()) {
      if (block_ != Block::kCode) block_ = Block::kNone;
      return;
    }
    if (line[0] == '|') return Row(line);
    if (is_code) {
      if (block_ != Block::kCode) text_ += ".PP\n.nf\n";
      block_ = Block::kCode;
      absl::StrAppend(&text_, Escaped(line.substr(4)), "\n");
    } else if (line.compare(0, 2, "- ") == 0) {
      block_ = Block::kList;
      absl::StrAppend(&text_, ".IP \\(bu 3\n", Escaped(line.substr(2)), "\n");
    } else {
      if (block_ == Block::kNone) text_ += ".PP\n";
      if (block_ == Block::kNone) block_ = Block::kParagraph;
      absl::StrAppend(&text_, Escaped(line.substr(line.find_first_not_of(' '))), "\n");
    }
  }
  std::string Finish() {
    End();
    return text_;
  }

 private:
  void End() {
    if (block_ == Block::kCode) text_ += ".fi\n";
    block_ = Block::kNone;
  }
  void Heading(const char* request, const std::string& heading) {
    End();
    absl::StrAppend(&text_, request, Escaped(heading), "\n");
  }
  void Row(const std::string& line) {
    const std::vector<std::string> cells = Cells(line);
    if (cells.empty() || cells[0].find_first_not_of('-') == std::string::npos) return;
    absl::StrAppend(&text_, ".TP\n", Bold(cells[0]), "\n",
                    Escaped(absl::StrJoin(cells.begin() + 1, cells.end(), "; ")), "\n");
  }

  std::string text_;
  Block block_ = Block::kNone;
};

}  // namespace

std::string ManualPage() {
  std::string text = Title("CLEANFORK", 1);
  absl::StrAppend(&text,
                  ".SH NAME\ncleanfork \\- start background processes cleanly, and say what went "
                  "wrong if it cannot\n.SH SYNOPSIS\n");
  for (const Subcommand& subcommand : Subcommands()) {
    absl::StrAppend(&text, ".B cleanfork ", subcommand.name, "\n", Escaped(subcommand.arguments),
                    "\n.br\n");
  }
  absl::StrAppend(&text, ".SH SUBCOMMANDS\n");
  for (const Subcommand& subcommand : Subcommands()) text += SubcommandText(subcommand);
  absl::StrAppend(&text,
                  ".SH SEE ALSO\n.BR cleanfork\\-steps (7),\n.BR daemon (7),\n.BR systemd.exec "
                  "(5),\n.BR sysexits (3)\n");
  return text;
}

std::string StepsPage(const std::string& markdown) {
  PageWriter writer;
  std::istringstream lines(markdown);
  for (std::string line; std::getline(lines, line);) writer.Take(line);
  return absl::StrCat(Title("CLEANFORK\\-STEPS", 7),
                      ".SH NAME\ncleanfork\\-steps \\- what starting a child does, step by step\n"
                      ".SH DESCRIPTION\n",
                      writer.Finish(), ".SH SEE ALSO\n.BR cleanfork (1),\n.BR daemon (7)\n");
}

}  // namespace cleanfork::cli
