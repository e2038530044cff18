#include "bench/daemonizer.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include <cerrno>

namespace cleanfork {
namespace {

int Ignore(Os& os, int signal) {
  SignalAction action;
  action.handler = SIG_IGN;
  return os.SigAction(signal, &action).error();
}

// As long as a signal interrupts it.
template <typename Call>
auto Uninterrupted(const Call& call) {
  auto result = call();
  while (!result.ok() && result.error() == EINTR) result = call();
  return result;
}

// Again, after a while, where there may be room by then.
SysResult<pid_t> ForkPatiently(Os& os) {
  constexpr int kTries = 5;
  int64_t wait = 10'000'000;  // nanoseconds
  for (int left = kTries;; wait *= 2) {
    const SysResult<pid_t> child = os.Fork();
    if (child.ok() || (child.error() != EAGAIN && child.error() != ENOMEM)) return child;
    if (--left == 0) return child;
    Uninterrupted([&] { return os.ClockNanoSleep(CLOCK_MONOTONIC, 0, wait); }).IgnoreError();
  }
}

// For good: what was given up cannot be had back.
int BecomeUser(Os& os) {
  const gid_t groups[] = {kDaemonUser};
  if (const int error = os.SetGroups(groups, 1).error()) return error;
  if (const int error = os.SetGid(kDaemonUser).error()) return error;
  if (const int error = os.SetUid(kDaemonUser).error()) return error;
  const SysResult<ResUid> uid = os.GetResUid();
  if (!uid.ok() || uid.value().saved != kDaemonUser) return EPERM;
  const SysResult<ResGid> gid = os.GetResGid();
  if (!gid.ok() || gid.value().saved != kDaemonUser) return EPERM;
  return os.SetUid(0).ok() ? EPERM : 0;
}

int RedirectStreams(Os& os) {
  const SysResult<int> null = os.Open("/dev/null", O_RDWR, 0);
  if (!null.ok()) return null.error();
  for (int stream = 0; stream <= 2; ++stream) {
    const SysResult<int> copy = Uninterrupted([&] { return os.Dup2(null.value(), stream); });
    if (!copy.ok()) return copy.error();
  }
  os.Close(null.value()).IgnoreError();  // it is closed, whatever it says
  return 0;
}

int SetUp(Os& os) {
  if (const int error = Ignore(os, SIGPIPE)) return error;
  if (const int error = Ignore(os, SIGHUP)) return error;
  if (const SysResult<pid_t> session = os.SetSid(); !session.ok()) return session.error();
  if (const int error = BecomeUser(os)) return error;
  os.Umask(027);
  if (const int error = os.ChDir("/").error()) return error;
  return RedirectStreams(os);
}

// What the child tells its starter, and, where it waits for that, what it is told in turn.
struct Pipes {
  PipeEnds status;
  PipeEnds answer;  // both ends -1: there is none
  bool has_answer() const { return answer.read_end != -1; }
};

SysResult<size_t> ReadByte(Os& os, int fd, char* byte) {
  return Uninterrupted([&] { return os.Read(fd, byte, 1); });
}

SysResult<size_t> WriteByte(Os& os, int fd, char byte) {
  return Uninterrupted([&] { return os.Write(fd, &byte, 1); });
}

void RunChild(Os& os, const Pipes& pipes, const SignalSet& mask) {
  os.Close(pipes.status.read_end).IgnoreError();
  if (pipes.has_answer()) os.Close(pipes.answer.write_end).IgnoreError();
  os.SigProcMask(SIG_SETMASK, &mask).IgnoreError();
  char error = static_cast<char>(SetUp(os));
  WriteByte(os, pipes.status.write_end, error).IgnoreError();
  os.Close(pipes.status.write_end).IgnoreError();
  if (pipes.has_answer()) {
    char heard = 0;
    const SysResult<size_t> got = ReadByte(os, pipes.answer.read_end, &heard);
    if (!got.ok() || got.value() != 1) error = ECANCELED;
    os.Close(pipes.answer.read_end).IgnoreError();
  }
  os.Exit(error == 0 ? 0 : 1);
}

// What the child says, and whether that is 0 to the child.
int HearChild(Os& os, const Pipes& pipes, pid_t child) {
  char error = 0;
  const SysResult<size_t> got = ReadByte(os, pipes.status.read_end, &error);
  os.Close(pipes.status.read_end).IgnoreError();
  const bool heard = got.ok() && got.value() == 1;
  bool answered = true;
  if (pipes.has_answer()) {
    // Whoever has said 0 reads on until this: so that there is no SIGPIPE.
    if (heard && error == 0) answered = WriteByte(os, pipes.answer.write_end, 0).ok();
    os.Close(pipes.answer.write_end).IgnoreError();
  }
  const SysResult<WaitResult> ended = Uninterrupted([&] { return os.WaitPid(child, 0); });
  if (!heard || !answered || !ended.ok()) return EIO;
  return error;
}

void ClosePipe(Os& os, const PipeEnds& pipe) {
  os.Close(pipe.read_end).IgnoreError();
  os.Close(pipe.write_end).IgnoreError();
}

int Start(Os& os, const Pipes& pipes) {
  const SignalSet all = SignalSet::Full();
  const SysResult<SignalSet> mask = os.SigProcMask(SIG_BLOCK, &all);
  if (!mask.ok()) return mask.error();
  const SysResult<pid_t> child = ForkPatiently(os);
  if (child.ok() && child.value() == 0) RunChild(os, pipes, mask.value());
  os.SigProcMask(SIG_SETMASK, &mask.value()).IgnoreError();
  os.Close(pipes.status.write_end).IgnoreError();
  if (pipes.has_answer()) os.Close(pipes.answer.read_end).IgnoreError();
  if (child.ok()) return HearChild(os, pipes, child.value());
  os.Close(pipes.status.read_end).IgnoreError();
  if (pipes.has_answer()) os.Close(pipes.answer.write_end).IgnoreError();
  return child.error();
}

}  // namespace

int RunDaemonizer(Os& os) {
  const SysResult<PipeEnds> status = os.Pipe2(O_CLOEXEC);
  if (!status.ok()) return status.error();
  return Start(os, {status.value(), {-1, -1}});
}

int RunAcknowledgedDaemonizer(Os& os) {
  const SysResult<PipeEnds> status = os.Pipe2(O_CLOEXEC);
  if (!status.ok()) return status.error();
  const SysResult<PipeEnds> answer = os.Pipe2(O_CLOEXEC);
  if (answer.ok()) return Start(os, {status.value(), answer.value()});
  ClosePipe(os, status.value());
  return answer.error();
}

}  // namespace cleanfork
