// Runs the board over the command and the peers that are installed and prints it as a table of
// Markdown, docs/fault-board.md's:
//
//   sudo ./tools/bazel run //tests/real:print_fault_board [-- --details]
//
// Exits with 1 if our own command is not what it has to be; of its peers it tells.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/real/daemonizers.h"
#include "tests/real/fault_board.h"
#include "tests/real/required_privileges.h"

namespace {

using cleanfork::BoardOutcome;
using cleanfork::BoardRow;
using cleanfork::Daemonizer;
using cleanfork::FaultBoard;

using Cells = std::map<std::string, int>;

void PrintLine(const std::string& first, const std::vector<std::string>& cells) {
  std::printf("| %s |", first.c_str());
  for (const std::string& cell : cells) std::printf(" %s |", cell.c_str());
  std::printf("\n");
  std::fflush(stdout);
}

bool StartsWith(const std::string& text, const char* prefix) { return text.rfind(prefix, 0) == 0; }

// How often a column has something that starts with this.
std::string Total(const Cells& cells, const char* prefix) {
  int total = 0;
  for (const auto& [text, count] : cells) {
    if (StartsWith(text, prefix)) total += count;
  }
  return std::to_string(total);
}

void Remove(const std::vector<std::string>& these, std::vector<std::string>* from) {
  for (const std::string& one : these) {
    from->erase(std::remove(from->begin(), from->end(), one), from->end());
  }
}

std::vector<Daemonizer> Installed() {
  std::vector<Daemonizer> installed;
  for (Daemonizer& one : cleanfork::Daemonizers("src/cli/cleanfork", "tests/real/libdaemon_peer")) {
    const std::string why = cleanfork::WhyNotInstalled(one);
    if (why.empty()) {
      installed.push_back(std::move(one));
    } else {
      std::printf("%s: left out: %s\n", one.name.c_str(), why.c_str());
    }
  }
  return installed;
}

void PrintTotals(const std::vector<Cells>& columns) {
  for (const char* what : {"ok", "refused", "refused (", "LIED", "hangs", "n/a"}) {
    std::vector<std::string> totals;
    for (const Cells& cells : columns) totals.push_back(Total(cells, what));
    PrintLine(std::strcmp(what, "refused (") == 0 ? "**of these with something lacking**"
                                                  : "**" + std::string(what) + "**",
              totals);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool with_details = argc > 1 && std::strcmp(argv[1], "--details") == 0;
  const char* const why = cleanfork::WhyNotPrivileged();
  if (why != nullptr) {
    std::fprintf(stderr, "print_fault_board: needs %s\n", why);
    return 77;  // EX_NOPERM
  }
  const std::vector<Daemonizer> all = Installed();
  FaultBoard board("tests/real/announcing_daemon");
  const int no_disk = board.MountFullDisk();
  std::vector<std::string> names, lines, details;
  for (const Daemonizer& one : all) names.push_back(cleanfork::VersionOf(one));
  for (size_t i = 0; i < all.size(); ++i) lines.push_back("--");
  std::printf("\n");
  PrintLine("", names);
  PrintLine("--", lines);

  std::vector<Cells> columns(all.size());
  // What is wrong with a peer's daemon without any fault is told once, and not in each row.
  std::vector<std::vector<std::string>> always_wrong(all.size());
  bool is_ours_right = true;
  const std::vector<BoardRow> rows = cleanfork::BoardRows();
  for (const BoardRow& row : rows) {
    std::vector<std::string> cells;
    for (size_t i = 0; i < all.size(); ++i) {
      if (row.full_disk && no_disk != 0) {
        cells.push_back("not run: " + std::string(std::strerror(no_disk)));
        continue;
      }
      BoardOutcome outcome = board.Run(all[i], row);
      if (outcome.install_error != 0) {
        std::fprintf(stderr, "print_fault_board: needs seccomp_unotify(2): %s\n",
                     std::strerror(outcome.install_error));
        return 1;
      }
      if (&row == &rows[0]) {
        always_wrong[i] = outcome.wrong;
      } else {
        Remove(always_wrong[i], &outcome.wrong);
      }
      cells.push_back(cleanfork::CellText(all[i], row, outcome));
      ++columns[i][cells.back()];
      details.push_back(std::string(row.name) + "; " + all[i].name + ": " + cells.back() + ": " +
                        cleanfork::Details(outcome));
      if (i == 0) is_ours_right &= cells[0] == (row.exit_code == 0 ? "ok" : "refused");
    }
    PrintLine(row.name, cells);
  }
  PrintTotals(columns);
  for (const std::string& line : details) {
    if (with_details) std::printf("\n%s\n", line.c_str());
  }
  return is_ours_right ? 0 : 1;
}
