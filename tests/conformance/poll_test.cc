// poll(2) of each kind of descriptor.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <ctime>
#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/handler_notes.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/test_files.h"

namespace cleanfork {
namespace {

constexpr short kAll = POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLWRNORM | POLLRDHUP;

// The result and what is set, by names.
void NotePoll(Os& os, Notes& notes, int fd, short events) {
  struct pollfd entry = {fd, events, -1};
  const SysResult<size_t> ready = os.Poll(&entry, 1, 0);
  std::string text = ready.ok() ? std::to_string(ready.value()) : "error";
  const struct {
    short event;
    const char* name;
  } names[] = {{POLLIN, "in"},         {POLLPRI, "pri"},       {POLLOUT, "out"},
               {POLLERR, "err"},       {POLLHUP, "hup"},       {POLLNVAL, "nval"},
               {POLLRDNORM, "rdnorm"}, {POLLWRNORM, "wrnorm"}, {POLLRDHUP, "rdhup"}};
  for (const auto& each : names) {
    if ((entry.revents & each.event) != 0) text += std::string("+") + each.name;
  }
  notes.Add(text);
}

const ConformanceCase kPolls[] = {
    {"OfAFileIsReady",
     [](Os& os, Notes& notes) {
       const int fd = os.Open(InTree("file").c_str(), O_RDONLY, 0).value();
       NotePoll(os, notes, fd, kAll);
       NotePoll(os, notes, fd, POLLOUT);
       NotePoll(os, notes, fd, 0);
     },
     "1+in+out+rdnorm+wrnorm 1+out 0"},
    {"OfADirectoryIsReady",
     [](Os& os, Notes& notes) {
       NotePoll(os, notes, os.Open(InTree("directory").c_str(), O_RDONLY, 0).value(), kAll);
     },
     "1+in+out+rdnorm+wrnorm"},
    {"OfTheNullDeviceIsReady", [](Os& os, Notes& notes) { NotePoll(os, notes, 0, kAll); },
     "1+in+out+rdnorm+wrnorm"},
    {"OfAnEmptyPipe",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       NotePoll(os, notes, ends.read_end, kAll);
       NotePoll(os, notes, ends.write_end, kAll);
     },
     "0 1+out+wrnorm"},
    {"OfAPipeWithSomethingInIt",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       os.Write(ends.write_end, "x", 1).IgnoreError();
       NotePoll(os, notes, ends.read_end, kAll);
       NotePoll(os, notes, ends.read_end, POLLRDNORM);
       NotePoll(os, notes, ends.read_end, POLLOUT);
       NotePoll(os, notes, ends.write_end, kAll);
       NotePoll(os, notes, ends.write_end, POLLIN);
     },
     "1+in+rdnorm 1+rdnorm 0 1+out+wrnorm 0"},
    {"OfAFullPipe",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       const std::string bytes(65536, 'x');
       os.Write(ends.write_end, bytes.data(), bytes.size()).IgnoreError();
       NotePoll(os, notes, ends.read_end, kAll);
       NotePoll(os, notes, ends.write_end, kAll);
     },
     "1+in+rdnorm 0"},
    {"OfAPipeWithoutWriters",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       os.Write(ends.write_end, "x", 1).IgnoreError();
       os.Close(ends.write_end).IgnoreError();
       NotePoll(os, notes, ends.read_end, kAll);
       NotePoll(os, notes, ends.read_end, 0);
       char byte = 0;
       os.Read(ends.read_end, &byte, 1).IgnoreError();
       NotePoll(os, notes, ends.read_end, kAll);
     },
     "1+in+hup+rdnorm 1+hup 1+hup"},
    {"OfAPipeWithoutReaders",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       os.Close(ends.read_end).IgnoreError();
       NotePoll(os, notes, ends.write_end, kAll);
       NotePoll(os, notes, ends.write_end, 0);
     },
     "1+out+err+wrnorm 1+err"},
    {"OfAFullPipeWithoutReaders",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       const std::string bytes(65536, 'x');
       os.Write(ends.write_end, bytes.data(), bytes.size()).IgnoreError();
       os.Close(ends.read_end).IgnoreError();
       NotePoll(os, notes, ends.write_end, kAll);
     },
     "1+err"},
    {"OfARunningProcess",
     [](Os& os, Notes& notes) { NotePoll(os, notes, os.PidFdOpen(os.GetPid(), 0).value(), kAll); },
     "0"},
    {"OfAZombie",
     [](Os& os, Notes& notes) {
       const pid_t child = os.Fork().value();
       if (child == 0) os.Exit(0);
       const int fd = os.PidFdOpen(child, 0).value();
       AwaitEnd(os, child);
       NotePoll(os, notes, fd, kAll);
       NotePoll(os, notes, fd, POLLOUT);
     },
     "1+in+rdnorm 0"},
    {"OfWhatIsNotOpen",
     [](Os& os, Notes& notes) {
       NotePoll(os, notes, 77, kAll);
       NotePoll(os, notes, 77, 0);
       NotePoll(os, notes, 1000000, kAll);
       NotePoll(os, notes, -1, kAll);
       NotePoll(os, notes, -77, kAll);
     },
     "1+nval 1+nval 1+nval 0 0"},
    {"OfManySaysWhichAreReady",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       struct pollfd all[5] = {{ends.read_end, POLLIN, 9},
                               {ends.write_end, POLLOUT, 9},
                               {-1, POLLIN, 9},
                               {77, POLLIN, 9},
                               {0, POLLIN | POLLOUT, 9}};
       notes.Add(os.Poll(all, 5, 0));
       for (const struct pollfd& each : all) notes.Add(int{each.revents});
     },
     "3 0 4 0 32 5"},
    {"OfTheSameTwiceCountsTwo",
     [](Os& os, Notes& notes) {
       struct pollfd entries[2] = {{0, POLLIN, 0}, {0, POLLIN, 0}};
       notes.Add(os.Poll(entries, 2, -1));
       entries[0].fd = -1;
       notes.Add(os.Poll(entries, 2, -1));
       notes.Add(int{entries[0].revents});
     },
     "2 1 0"},
    {"OfNothingIsASleep",
     [](Os& os, Notes& notes) {
       const int64_t start = os.ClockGetTime(CLOCK_MONOTONIC).value();
       notes.Add(os.Poll(nullptr, 0, 0));
       notes.Add(os.Poll(nullptr, 0, 2'000'000));
       notes.Add(os.ClockGetTime(CLOCK_MONOTONIC).value() - start >= 2'000'000);
     },
     "0 0 yes"},
    {"OfMoreThanRlimitNofileIsRefused",
     [](Os& os, Notes& notes) {
       struct pollfd entries[5] = {{-1, 0, 0}, {-1, 0, 0}, {-1, 0, 0}, {-1, 0, 0}, {-1, 0, 0}};
       os.SetRLimit(RLIMIT_NOFILE, {4, 4}).IgnoreError();
       notes.Add(os.Poll(entries, 4, 0));
       notes.Add(os.Poll(entries, 5, 0));
     },
     "0 EINVAL"},
    {"WaitsForTheEndOfAProcess",
     [](Os& os, Notes& notes) {
       const pid_t child = ForkAndStay(os);
       struct pollfd ready = {os.PidFdOpen(child, 0).value(), POLLIN, 0};
       notes.Add(os.Poll(&ready, 1, 0));
       os.Kill(child, SIGKILL).IgnoreError();
       notes.Add(os.Poll(&ready, 1, -1));
       notes.Add(ready.revents == POLLIN);
     },
     "0 1 yes"},
    {"WaitsForAWriter",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       if (os.Fork().value() == 0) {
         os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 20'000'000).IgnoreError();
         os.Write(ends.write_end, "x", 1).IgnoreError();
         os.Exit(0);
       }
       struct pollfd entry = {ends.read_end, POLLIN, 0};
       notes.Add(os.Poll(&entry, 1, -1));
       notes.Add(entry.revents == POLLIN);
     },
     "1 yes"},
    {"WaitsForTheEndOfTheLastWriter",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       if (os.Fork().value() == 0) {
         os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 20'000'000).IgnoreError();
         os.Exit(0);
       }
       os.Close(ends.write_end).IgnoreError();
       struct pollfd entry = {ends.read_end, 0, 0};
       notes.Add(os.Poll(&entry, 1, -1));
       notes.Add(entry.revents == POLLHUP);
     },
     "1 yes"},
    {"WaitsForRoom",
     [](Os& os, Notes& notes) {
       const PipeEnds ends = os.Pipe().value();
       const std::string bytes(65536, 'x');
       os.Write(ends.write_end, bytes.data(), bytes.size()).IgnoreError();
       if (os.Fork().value() == 0) {
         char some[4096];
         os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 20'000'000).IgnoreError();
         os.Read(ends.read_end, some, sizeof(some)).IgnoreError();
         os.Exit(0);
       }
       struct pollfd entry = {ends.write_end, POLLOUT, 0};
       notes.Add(os.Poll(&entry, 1, -1));
       notes.Add(entry.revents == POLLOUT);
     },
     "1 yes"},
    {"GoesOnAfterASignalThatIsIgnored",
     [](Os& os, Notes& notes) {
       Ignore(os, SIGUSR1);
       const pid_t parent = os.GetPid();
       if (os.Fork().value() == 0) {
         os.ClockNanoSleep(CLOCK_MONOTONIC, 0, 10'000'000).IgnoreError();
         os.Kill(parent, SIGUSR1).IgnoreError();
         os.Exit(0);
       }
       notes.Add(os.Poll(nullptr, 0, 40'000'000));
     },
     "0"},
};
CLEANFORK_CONFORMANCE(Poll, kPolls);

}  // namespace
}  // namespace cleanfork
