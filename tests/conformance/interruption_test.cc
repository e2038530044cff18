// Calls that wait, and a signal that comes meanwhile: signal(7), "Interruption of system calls and
// library functions by signal handlers".
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"

namespace cleanfork {
namespace {

// How the action of the signal is, and whether it is blocked.
enum class Mode { kHandler, kRestart, kIgnored, kDefault, kBlocked };

constexpr int64_t kPause = 60'000'000;         // nanoseconds
constexpr int64_t kEndless = 100'000'000'000;  // of what the signal ends

// Waits, and notes the result. A child of it disturbs it meanwhile.
using Waiting = void (*)(Os& os, Notes& notes, Mode mode);

int64_t TimeOut(Mode mode) {
  return mode == Mode::kHandler || mode == Mode::kRestart ? kEndless : 3 * kPause;
}

void Pause(Os& os) { os.ClockNanoSleep(CLOCK_MONOTONIC, 0, kPause).IgnoreError(); }

// In a child: sends `parent` the signal, and leaves it time to do something about it. It is one
// whose default action is to be ignored; SIGCHLD comes by itself.
void Disturb(Os& os, pid_t parent) {
  AwaitSleepOf(os, parent);
  Pause(os);
  os.Kill(parent, SIGURG).IgnoreError();
  Pause(os);
  Pause(os);
}

// A child that disturbs, does `then` and ends.
template <typename Then>
pid_t ForkDisturber(Os& os, Then then) {
  const pid_t parent = os.GetPid();
  const pid_t child = os.Fork().value();
  if (child == 0) {
    Disturb(os, parent);
    then();
    os.Exit(0);
  }
  return child;
}

void WaitForBytes(Os& os, Notes& notes, Mode) {
  const PipeEnds ends = os.Pipe().value();
  ForkDisturber(os, [&] { os.Write(ends.write_end, "x", 1).IgnoreError(); });
  char byte = 0;
  notes.Add(os.Read(ends.read_end, &byte, 1));
}

void WaitForRoom(Os& os, Notes& notes, Mode) {
  const PipeEnds ends = os.Pipe().value();
  const std::string bytes(65536, 'x');
  os.Write(ends.write_end, bytes.data(), bytes.size()).IgnoreError();
  ForkDisturber(os, [&] {
    char some[4096];
    os.Read(ends.read_end, some, sizeof(some)).IgnoreError();
  });
  notes.Add(os.Write(ends.write_end, "x", 1));
}

void WaitForMoreRoom(Os& os, Notes& notes, Mode) {
  const PipeEnds ends = os.Pipe().value();
  const std::string bytes(70000, 'x');
  ForkDisturber(os, [&] {
    std::string some(65536, 'x');
    os.Read(ends.read_end, &some[0], some.size()).IgnoreError();
  });
  notes.Add(os.Write(ends.write_end, bytes.data(), bytes.size()));
}

void WaitForTheEnd(Os& os, Notes& notes, Mode) {
  notes.Add(os.WaitPid(ForkDisturber(os, [] {}), 0));
}

void WaitForTheEndById(Os& os, Notes& notes, Mode) {
  notes.Add(os.WaitId(P_PID, static_cast<id_t>(ForkDisturber(os, [] {})), WEXITED));
}

void WaitByPoll(Os& os, Notes& notes, Mode mode) {
  ForkDisturber(os, [] {});
  notes.Add(os.Poll(nullptr, 0, TimeOut(mode)));
}

void WaitBySleep(Os& os, Notes& notes, Mode mode) {
  ForkDisturber(os, [] {});
  const int64_t until = os.ClockGetTime(CLOCK_MONOTONIC).value() + TimeOut(mode);
  notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, TIMER_ABSTIME, until));
}

void WaitByRelativeSleep(Os& os, Notes& notes, Mode mode) {
  ForkDisturber(os, [] {});
  notes.Add(os.ClockNanoSleep(CLOCK_MONOTONIC, 0, TimeOut(mode)));
}

void WaitBySigtimedwait(Os& os, Notes& notes, Mode mode) {
  ForkDisturber(os, [] {});
  notes.Add(os.SigTimedWait(SignalSet::Of(SIGUSR2), TimeOut(mode)));
}

int DisturbParent(void* os) {
  Os& own = *static_cast<Os*>(os);
  Disturb(own, own.GetPpid());
  return 0;
}

void WaitByVfork(Os& os, Notes& notes, Mode) {
  const SysResult<pid_t> child = os.VforkCall(&DisturbParent, &os, SIGCHLD);
  notes.Add(child.ok());
  // Under sanitizers it is a fork, and does not wait for the child.
  while (os.WaitPid(child.value(), 0).error() == EINTR) continue;
}

void SetMode(Os& os, Mode mode, int signal) {
  switch (mode) {
    case Mode::kHandler: return ListenTo(os, signal);
    case Mode::kRestart: return ListenTo(os, signal, SA_RESTART);
    case Mode::kIgnored: return Ignore(os, signal);
    case Mode::kDefault: return;
    case Mode::kBlocked: ListenTo(os, signal); return Block(os, SignalSet::Of(signal));
  }
}

ConformanceCase Interrupted(const char* name, Waiting wait, Mode mode, const char* expected) {
  const auto body = [wait, mode](Os& os, Notes& notes) {
    ForgetSignals(os);
    SetMode(os, mode, SIGURG);
    wait(os, notes, mode);
    notes.Add(Heard(os));
  };
  return {name, body, expected};
}

const ConformanceCase kInterruptions[] = {
    Interrupted("ReadIsInterrupted", &WaitForBytes, Mode::kHandler, "EINTR 23"),
    Interrupted("ReadIsTakenUpAgain", &WaitForBytes, Mode::kRestart, "1 23"),
    Interrupted("ReadDoesNotSeeWhatIsIgnored", &WaitForBytes, Mode::kIgnored, "1 0"),
    Interrupted("ReadDoesNotSeeTheDefault", &WaitForBytes, Mode::kDefault, "1 0"),
    Interrupted("ReadDoesNotSeeWhatIsBlocked", &WaitForBytes, Mode::kBlocked, "1 0"),
    Interrupted("WriteIsInterrupted", &WaitForRoom, Mode::kHandler, "EINTR 23"),
    Interrupted("WriteIsTakenUpAgain", &WaitForRoom, Mode::kRestart, "1 23"),
    Interrupted("WriteDoesNotSeeWhatIsIgnored", &WaitForRoom, Mode::kIgnored, "1 0"),
    Interrupted("WriteTellsOfAPart", &WaitForMoreRoom, Mode::kHandler, "65536 23"),
    Interrupted("WriteTellsOfAPartThoughItMayRestart", &WaitForMoreRoom, Mode::kRestart,
                "65536 23"),
    Interrupted("WriteOfMoreDoesNotSeeWhatIsIgnored", &WaitForMoreRoom, Mode::kIgnored, "70000 0"),
    Interrupted("WaitPidIsInterrupted", &WaitForTheEnd, Mode::kHandler, "EINTR 23"),
    Interrupted("WaitPidIsTakenUpAgain", &WaitForTheEnd, Mode::kRestart, "ok 23"),
    Interrupted("WaitPidDoesNotSeeWhatIsIgnored", &WaitForTheEnd, Mode::kIgnored, "ok 0"),
    Interrupted("WaitPidDoesNotSeeTheDefault", &WaitForTheEnd, Mode::kDefault, "ok 0"),
    Interrupted("WaitIdIsInterrupted", &WaitForTheEndById, Mode::kHandler, "EINTR 23"),
    Interrupted("WaitIdIsTakenUpAgain", &WaitForTheEndById, Mode::kRestart, "ok 23"),
    Interrupted("PollIsInterrupted", &WaitByPoll, Mode::kHandler, "EINTR 23"),
    Interrupted("PollIsNeverTakenUpAgain", &WaitByPoll, Mode::kRestart, "EINTR 23"),
    Interrupted("PollDoesNotSeeWhatIsIgnored", &WaitByPoll, Mode::kIgnored, "0 0"),
    Interrupted("PollDoesNotSeeTheDefault", &WaitByPoll, Mode::kDefault, "0 0"),
    Interrupted("PollDoesNotSeeWhatIsBlocked", &WaitByPoll, Mode::kBlocked, "0 0"),
    Interrupted("SleepIsInterrupted", &WaitBySleep, Mode::kHandler, "EINTR 23"),
    Interrupted("SleepIsNeverTakenUpAgain", &WaitBySleep, Mode::kRestart, "EINTR 23"),
    Interrupted("SleepDoesNotSeeWhatIsIgnored", &WaitBySleep, Mode::kIgnored, "ok 0"),
    Interrupted("SleepDoesNotSeeTheDefault", &WaitBySleep, Mode::kDefault, "ok 0"),
    Interrupted("RelativeSleepIsInterrupted", &WaitByRelativeSleep, Mode::kHandler, "EINTR 23"),
    Interrupted("RelativeSleepIsNeverTakenUpAgain", &WaitByRelativeSleep, Mode::kRestart,
                "EINTR 23"),
    Interrupted("RelativeSleepDoesNotSeeWhatIsIgnored", &WaitByRelativeSleep, Mode::kIgnored,
                "ok 0"),
    Interrupted("RelativeSleepDoesNotSeeTheDefault", &WaitByRelativeSleep, Mode::kDefault, "ok 0"),
    Interrupted("SigTimedWaitIsInterrupted", &WaitBySigtimedwait, Mode::kHandler, "EINTR 23"),
    Interrupted("SigTimedWaitIsNeverTakenUpAgain", &WaitBySigtimedwait, Mode::kRestart, "EINTR 23"),
    Interrupted("SigTimedWaitDoesNotSeeWhatIsIgnored", &WaitBySigtimedwait, Mode::kIgnored,
                "EAGAIN 0"),
    Interrupted("SigTimedWaitDoesNotSeeWhatIsBlocked", &WaitBySigtimedwait, Mode::kBlocked,
                "EAGAIN 0"),
    Interrupted("VforkCallIsNotInterrupted", &WaitByVfork, Mode::kHandler, "yes 23"),
};
CLEANFORK_CONFORMANCE(Interruption, kInterruptions);

}  // namespace
}  // namespace cleanfork
