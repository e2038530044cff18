#include "mocks/explore/report_matrix.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

#include "cleanfork/names.h"
#include "cleanfork/os_call.h"

namespace cleanfork::explore {
namespace {

// "P.1.read#2"
struct Site {
  std::string process;
  std::string call;
  unsigned long number;
};

Site SiteOf(const std::string& text) {
  const size_t number = text.rfind('#');
  const size_t call = text.rfind('.', number);
  if (number == std::string::npos || call == std::string::npos) return {"", text, 0};
  return {text.substr(0, call), text.substr(call + 1, number - call - 1),
          std::strtoul(text.c_str() + number + 1, nullptr, 10)};
}

// P.10 after P.9.
std::vector<unsigned long> OrdinalsOf(const std::string& process) {
  std::vector<unsigned long> ordinals;
  for (size_t at = process.find('.'); at != std::string::npos; at = process.find('.', at + 1)) {
    ordinals.push_back(std::strtoul(process.c_str() + at + 1, nullptr, 10));
  }
  return ordinals;
}

bool ComesBefore(const Site& a, const Site& b) {
  return std::make_tuple(OrdinalsOf(a.process), a.call, a.number) <
         std::make_tuple(OrdinalsOf(b.process), b.call, b.number);
}

// Errnos first, then what is none.
std::vector<std::string> FaultsOf(const ExploreResult& result) {
  std::set<std::string> all;
  for (const auto& [site, faults] : result.coverage) {
    for (const auto& [fault, outcomes] : faults) all.insert(fault);
  }
  std::vector<std::string> sorted(all.begin(), all.end());
  std::stable_partition(sorted.begin(), sorted.end(),
                        [](const std::string& fault) { return ErrnoFromName(fault.c_str()) != 0; });
  return sorted;
}

CellKind KindOf(const FaultOutcomes& outcomes) {
  if (outcomes.violation > 0) return CellKind::kViolation;
  if (outcomes.reported > 0) return CellKind::kHandled;
  return CellKind::kRetried;
}

MatrixRow MakeRow(const Site& site, const std::map<std::string, FaultOutcomes>& injected,
                  const std::vector<std::string>& columns) {
  MatrixRow row;
  row.process = site.process;
  row.call = site.call + "#" + std::to_string(site.number);
  std::vector<std::string> listed;
  if (const OsCallInfo* info = FindOsCall(site.call.c_str())) {
    for (int error : info->errnos) {
      if (const char* name = ErrnoName(error)) listed.emplace_back(name);
    }
  }
  for (const std::string& fault : columns) {
    MatrixCell cell;
    const auto found = injected.find(fault);
    if (found != injected.end()) {
      cell.kind = KindOf(found->second);
      cell.outcomes = found->second;
    } else if (std::count(listed.begin(), listed.end(), fault) > 0) {
      cell.kind = CellKind::kNeverInjected;
    }
    row.cells.push_back(cell);
  }
  for (const std::string& fault : listed) {
    if (std::count(columns.begin(), columns.end(), fault) == 0) row.also_never.push_back(fault);
  }
  return row;
}

}  // namespace

Matrix MakeMatrix(const ExploreResult& result) {
  Matrix matrix;
  matrix.faults = FaultsOf(result);
  std::vector<std::string> texts;
  for (const auto& [site, faults] : result.coverage) texts.push_back(site);
  std::sort(texts.begin(), texts.end(), [](const std::string& a, const std::string& b) {
    return ComesBefore(SiteOf(a), SiteOf(b));
  });
  for (const std::string& text : texts) {
    matrix.rows.push_back(MakeRow(SiteOf(text), result.coverage.at(text), matrix.faults));
  }
  return matrix;
}

const char* CellName(CellKind kind) {
  switch (kind) {
    case CellKind::kViolation: return "violation";
    case CellKind::kHandled: return "handled";
    case CellKind::kRetried: return "retried";
    case CellKind::kNeverInjected: return "never injected";
    case CellKind::kNotListed: break;
  }
  return "not listed";
}

char CellLetter(CellKind kind) {
  switch (kind) {
    case CellKind::kViolation: return 'V';
    case CellKind::kHandled: return 'H';
    case CellKind::kRetried: return 'R';
    case CellKind::kNeverInjected: return '-';
    case CellKind::kNotListed: break;
  }
  return ' ';
}

}  // namespace cleanfork::explore
