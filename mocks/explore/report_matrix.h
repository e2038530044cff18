// The matrix of call site and fault, for all kinds of reports.
#ifndef CLEANFORK_MOCKS_EXPLORE_REPORT_MATRIX_H_
#define CLEANFORK_MOCKS_EXPLORE_REPORT_MATRIX_H_

#include <string>
#include <vector>

#include "cleanfork/explore.h"

namespace cleanfork::explore {

enum class CellKind {
  kViolation,      // a rule was broken in some run
  kHandled,        // none was; some run reported an error
  kRetried,        // each run went on as if nothing had been
  kNeverInjected,  // though the call's manual page lists it
  kNotListed,
};

struct MatrixCell {
  CellKind kind = CellKind::kNotListed;
  FaultOutcomes outcomes;
};

struct MatrixRow {
  std::string process;            // "P.1"
  std::string call;               // "read#2"
  std::vector<MatrixCell> cells;  // one for each column

  // What the call's manual page lists, and was injected at no call: no column has it.
  std::vector<std::string> also_never;
};

struct Matrix {
  std::vector<std::string> faults;  // the columns: injected at some call
  std::vector<MatrixRow> rows;      // by process, call and number
};

Matrix MakeMatrix(const ExploreResult& result);

// "violation", "handled", "retried", "never injected", "not listed".
const char* CellName(CellKind kind);

// 'V', 'H', 'R', '-', ' '.
char CellLetter(CellKind kind);

}  // namespace cleanfork::explore

#endif  // CLEANFORK_MOCKS_EXPLORE_REPORT_MATRIX_H_
