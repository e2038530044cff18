#include <sys/syscall.h>

#include <cerrno>

#include "tests/real/fault_board.h"

namespace cleanfork {
namespace {

SystemCallFault Always(std::vector<int> calls, int error) {
  SystemCallFault fault;
  fault.calls = std::move(calls);
  fault.error = error;
  return fault;
}

SystemCallFault Only(int which, std::vector<int> calls, int error) {
  SystemCallFault fault = Always(std::move(calls), error);
  fault.first = fault.last = which;
  return fault;
}

SystemCallFault From(int which, std::vector<int> calls, int error) {
  SystemCallFault fault = Always(std::move(calls), error);
  fault.first = which;
  return fault;
}

SystemCallFault OfDevNull(int error) {
  SystemCallFault fault = Always(OpenCalls(), error);
  fault.path = "/dev/null";
  return fault;
}

// One in which no call is made to fail, and what our own command is to say of it.
BoardRow Real(const char* name, BoardRow::Program program, int exit_code, const char* step,
              const char* error) {
  BoardRow row;
  row.name = name;
  row.program = program;
  row.exit_code = exit_code;
  row.step = step;
  row.error = error;
  return row;
}

BoardRow Injected(const char* name, SystemCallFault fault, int exit_code = 0, const char* step = "",
                  const char* error = "") {
  BoardRow row = Real(name, BoardRow::Program::kDaemon, exit_code, step, error);
  row.fault = std::move(fault);
  return row;
}

std::vector<BoardRow> InjectedRows() {
  return {
      Injected("first fork EAGAIN once", Only(1, ForkCalls(), EAGAIN)),
      Injected("second fork EAGAIN once", Only(2, ForkCalls(), EAGAIN)),
      Injected("fork ENOMEM always", Always(ForkCalls(), ENOMEM), 75, "fork", "ENOMEM"),
      Injected("second fork ENOMEM always", From(2, ForkCalls(), ENOMEM), 75, "second-fork",
               "ENOMEM"),
      Injected("setsid EPERM", Always({SYS_setsid}, EPERM), 220, "setsid", "EPERM"),
      Injected("setgroups EPERM", Always({SYS_setgroups}, EPERM), 216, "setgroups", "EPERM"),
      Injected("setgid EPERM", Always(SetGidCalls(), EPERM), 216, "setgid", "EPERM"),
      Injected("setuid EPERM", Always(SetUidCalls(), EPERM), 217, "setuid", "EPERM"),
      Injected("setuid EAGAIN", Always(SetUidCalls(), EAGAIN), 217, "setuid", "EAGAIN"),
      Injected("/dev/null missing", OfDevNull(ENOENT), 208, "open-stream", "ENOENT"),
      Injected("/dev/null EMFILE", OfDevNull(EMFILE), 208, "open-stream", "EMFILE"),
      Injected("dup2 EINTR once", Only(1, DupCalls(), EINTR)),
      Injected("dup2 EBUSY once", Only(1, DupCalls(), EBUSY)),
      Injected("dup2 EBUSY always", Always(DupCalls(), EBUSY), 208, "stdin", "EBUSY"),
      Injected("chdir ENOENT", Always({SYS_chdir}, ENOENT), 200, "chdir", "ENOENT"),
  };
}

}  // namespace

std::vector<BoardRow> BoardRows() {
  using Program = BoardRow::Program;
  std::vector<BoardRow> rows = {Real("nothing wrong", Program::kDaemon, 0, "", "")};
  for (BoardRow& row : InjectedRows()) rows.push_back(std::move(row));
  rows.push_back(
      Injected("pid file ENOSPC", Always(WriteCalls(), ENOSPC), 73, "pidfile", "ENOSPC"));
  rows.back().about_pid_file = true;
  rows.push_back(Real("pid file on a full disk", Program::kDaemon, 73, "pidfile", "ENOSPC"));
  rows.back().full_disk = true;
  rows.push_back(Real("directory missing", Program::kDaemon, 200, "chdir", "ENOENT"));
  rows.back().directory_missing = true;
  rows.push_back(Real("program missing", Program::kMissing, 203, "exec", "ENOENT"));
  rows.push_back(Real("program ENOEXEC", Program::kNoExec, 203, "exec", "ENOEXEC"));
  rows.push_back(Real("interpreter missing", Program::kNoInterpreter, 203, "exec", "ENOENT"));
  rows.push_back(Real("ends with 3 before ready", Program::kEndsWithThree, 76, "ready", "ESRCH"));
  rows.push_back(Real("ends with 0 before ready", Program::kEndsWithZero, 76, "ready", "ESRCH"));
  rows.push_back(Real("never ready", Program::kNeverReady, 76, "ready", "EPIPE"));
  return rows;
}

}  // namespace cleanfork
