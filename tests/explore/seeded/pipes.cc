// Bugs about pipes and other descriptors.
#include <fcntl.h>

#include <cerrno>

#include "cleanfork/fd_io.h"
#include "tests/explore/seeded/seeded.h"

namespace cleanfork::seeded {
namespace {

void CloseBoth(Os& os, PipeEnds ends) {
  os.Close(ends.read_end).IgnoreError();
  os.Close(ends.write_end).IgnoreError();
}

int LeaksAPipeWhenForkFails(Os& os, bool right) {
  const SysResult<PipeEnds> pipe = os.Pipe2(O_CLOEXEC);
  if (!pipe.ok()) return 1;
  const PipeEnds ends = pipe.value();
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) {
    if (right) CloseBoth(os, ends);
    return 1;
  }
  if (child.value() == 0) os.Exit(WriteFully(os, ends.write_end, "x", 1).ok() ? 0 : 1);
  os.Close(ends.write_end).IgnoreError();
  char byte = 0;
  const SysResult<size_t> got = ReadFully(os, ends.read_end, &byte, 1);
  os.Close(ends.read_end).IgnoreError();
  return WaitFor(os, child.value()) == 0 && got.value_or(0) == 1 ? 0 : 1;
}

int LeaksTheFirstPipeWhenTheSecondFails(Os& os, bool right) {
  const SysResult<PipeEnds> in = os.Pipe2(O_CLOEXEC);
  if (!in.ok()) return 1;
  const SysResult<PipeEnds> out = os.Pipe2(O_CLOEXEC);
  if (!out.ok()) {
    if (right) CloseBoth(os, in.value());
    return 1;
  }
  const SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) os.Exit(0);
  CloseBoth(os, in.value());
  CloseBoth(os, out.value());
  return child.ok() ? WaitFor(os, child.value()) : 1;
}

int KeepsTheWriteEndAndNeverSeesTheEnd(Os& os, bool right) {
  const SysResult<PipeEnds> pipe = os.Pipe2(O_CLOEXEC);
  if (!pipe.ok()) return 1;
  const PipeEnds ends = pipe.value();
  const SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) {
    os.Exit(WriteFully(os, ends.write_end, "done", 4).ok() ? 0 : 1);
  }
  if (right) os.Close(ends.write_end).IgnoreError();
  char text[16];
  if (child.ok()) ReadFully(os, ends.read_end, text, sizeof(text)).IgnoreError();
  if (!right) os.Close(ends.write_end).IgnoreError();
  os.Close(ends.read_end).IgnoreError();
  return child.ok() ? WaitFor(os, child.value()) : 1;
}

int ClosesItsOutputWhereThePipeIsIt(Os& os, bool right) {
  const SysResult<PipeEnds> pipe = os.Pipe();
  if (!pipe.ok()) return 1;
  const PipeEnds ends = pipe.value();
  const SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) {
    if (ends.write_end != 1 && !os.Dup2(ends.write_end, 1).ok()) os.Exit(1);
    if (!right || ends.write_end != 1) os.Close(ends.write_end).IgnoreError();
    os.Exit(WriteFully(os, 1, "x", 1).ok() ? 0 : 1);
  }
  os.Close(ends.write_end).IgnoreError();
  const int status = child.ok() ? WaitFor(os, child.value()) : -1;
  os.Close(ends.read_end).IgnoreError();
  return status == 0 ? 0 : 1;
}

void StartWithoutStreams(Scenario* scenario) {
  scenario->world.descriptors = {{2, "/dev/null", O_RDWR}};
}

int ClosesTwiceWhenForkFails(Os& os, bool right) {
  const SysResult<PipeEnds> pipe = os.Pipe2(O_CLOEXEC);
  if (!pipe.ok()) return 1;
  const SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) os.Exit(0);
  if (!child.ok() && !right) os.Close(pipe.value().write_end).IgnoreError();
  CloseBoth(os, pipe.value());
  return child.ok() ? WaitFor(os, child.value()) : 1;
}

int InstallsADescriptorThatItHasNot(Os& os, bool right) {
  const SysResult<pid_t> child = os.Fork();
  if (!child.ok()) return 1;
  if (child.value() == 0) {
    const int null = os.Open("/dev/null", O_RDWR, 0).value_or(-1);
    if (right && null < 0) os.Exit(1);
    for (int fd = 0; fd < 3; ++fd) {
      if (!os.Dup2(null, fd).ok()) os.Exit(1);
    }
    os.Exit(0);
  }
  return WaitFor(os, child.value());
}

int TrustsItsLastResort(Os& os, bool right) {
  int log = os.Open("/var/log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644).value_or(-1);
  if (log < 0) log = os.FcntlDupFd(2, 3).value_or(-1);
  if (right && log < 0) return 1;
  const SysResult<void> written = WriteFully(os, log, "x", 1);
  os.Close(log).IgnoreError();
  return written.ok() ? 0 : 1;
}

int TakesAPartForTheWhole(Os& os, bool right) {
  struct Report {
    int step = 0;
    int error = 0;
  } report;
  const SysResult<PipeEnds> pipe = os.Pipe2(O_CLOEXEC);
  if (!pipe.ok()) return 1;
  const PipeEnds ends = pipe.value();
  const SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) {
    os.Exit(WriteFully(os, ends.write_end, &report, sizeof(report)).ok() ? 0 : 1);
  }
  os.Close(ends.write_end).IgnoreError();
  SysResult<size_t> got = SysError(ECHILD);
  if (child.ok() && right) got = ReadFully(os, ends.read_end, &report, sizeof(report));
  if (child.ok() && !right) {
    got = RetryOnEintr([&] { return os.Read(ends.read_end, &report, sizeof(report)); });
  }
  os.Close(ends.read_end).IgnoreError();
  if (child.ok()) WaitFor(os, child.value());
  return got.value_or(0) == sizeof(report) ? report.error : 1;
}

}  // namespace

std::vector<Seeded> PipeBugs() {
  return {
      {"leaks a pipe when fork fails", LeaksAPipeWhenForkFails, "no descriptor is leaked", 1},
      {"leaks the first pipe when the second fails", LeaksTheFirstPipeWhenTheSecondFails,
       "no descriptor is leaked", 1},
      {"keeps the write end, and never sees the end", KeepsTheWriteEndAndNeverSeesTheEnd,
       "no deadlock"},
      {"closes its output where the pipe is descriptor 1", ClosesItsOutputWhereThePipeIsIt,
       "no call on a closed descriptor", 0, 0, 0, StartWithoutStreams},
      {"closes twice when fork fails", ClosesTwiceWhenForkFails, "no call on a closed descriptor",
       1},
      {"installs a descriptor that open has not given", InstallsADescriptorThatItHasNot,
       "no call on a closed descriptor", 1},
      {"trusts its last resort", TrustsItsLastResort, "no call on a closed descriptor", 2},
      {"takes a part of a report for the whole", TakesAPartForTheWhole,
       "transient faults are absorbed", 1},
  };
}

}  // namespace cleanfork::seeded
