#include <fcntl.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "cleanfork/sim_os.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/scarce_world.h"
#include "tests/conformance/socket_world.h"

namespace cleanfork {

namespace {

std::string ObserveIn(SimOs* sim, const ObservedBody& body) {
  std::string text;
  const SimRun run = sim->Run([&](Os& os) {
    Notes notes;
    body(os, notes);
    text = notes.text();  // by the first process alone: the others end by Exit()
    return 0;
  });
  if (run.end == SimEnd::kDeadlock || run.end == SimEnd::kNondeterminism) return run.message;
  const int status = sim->process(100)->wait_status;
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "status " + std::to_string(WEXITSTATUS(status));
  return text;
}

SimFile ToSimFile(const TestFile& file) {
  SimFile copy;
  switch (file.type) {
    case TestFile::Type::kRegular: copy.type = SimFile::Type::kRegular; break;
    case TestFile::Type::kDirectory: copy.type = SimFile::Type::kDirectory; break;
    case TestFile::Type::kSymlink: copy.type = SimFile::Type::kSymlink; break;
  }
  copy.path = file.path;
  copy.content = file.content;
  copy.mode = file.mode;
  copy.uid = file.uid;
  copy.gid = file.gid;
  return copy;
}

// cat(1), as far as the cases use it: one file, "-" for the standard input.
int Cat(Os& os, const std::vector<std::string>& arguments) {
  const std::string& path = arguments.at(1);
  const int fd = path == "-" ? 0 : os.Open(path.c_str(), O_RDONLY, 0).value_or(-1);
  char bytes[4096];
  for (;;) {
    const SysResult<size_t> got = os.Read(fd, bytes, sizeof(bytes));
    if (!got.ok()) return 1;
    if (got.value() == 0) return 0;
    if (!os.Write(1, bytes, got.value()).ok()) return 1;
  }
}

}  // namespace

std::string ObserveOnSimulatedKernel(const ObservedBody& body, const std::vector<TestFile>& files) {
  SimOsOptions options;
  for (const TestFile& file : files) options.files.push_back(ToSimFile(file));
  for (const char* path : {"/bin/true", "/bin/false"}) {
    const int status = path[5] == 't' ? 0 : 1;
    options.programs.push_back(
        {path, [status](Os&, const std::vector<std::string>&) { return status; }});
  }
  options.programs.push_back({"/bin/cat", &Cat});
  SimOs sim(options);
  return ObserveIn(&sim, body);
}

std::string ObserveSocketsOnSimulatedKernel(const ObservedBody& body) {
  SimOsOptions options;
  for (const BoundSocket& bound : BoundSockets()) {
    SimSocket socket;
    socket.address = bound.address;
    socket.type = bound.type;
    socket.mode = 0755;  // less a umask of 022
    socket.holder = bound.gone ? SimSocket::Holder::kGone : SimSocket::Holder::kNeverReads;
    options.sockets.push_back(socket);
  }
  SimOs sim(options);
  const std::string notes = ObserveIn(&sim, body);
  ArrivedText text;
  for (const BoundSocket& bound : BoundSockets()) {
    for (const SimDatagram& datagram : sim.datagrams()) {
      if (datagram.address != bound.address) continue;
      text.Add({datagram.bytes, datagram.pid, datagram.uid}, options.uid);
    }
  }
  return notes + text.text();
}

std::string ObserveSmallDiskOnSimulatedKernel(const ObservedBody& body) {
  SimOsOptions options;
  options.disk_space = kSmallDisk;
  SimOs sim(options);
  return ObserveIn(&sim, body);
}

std::string ObserveReaderOnSimulatedKernel(const ObservedBody& body) {
  SimOsOptions options;
  options.programs.push_back({kReader, [](Os& os, const std::vector<std::string>&) {
                                char byte = 0;
                                while (os.Read(0, &byte, 1).value_or(0) > 0) continue;
                                return 0;
                              }});
  SimOs sim(options);
  return ObserveIn(&sim, body);
}

}  // namespace cleanfork
