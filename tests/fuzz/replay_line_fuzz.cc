// Lines for Replay(): each is run, or refused for one of its two reasons, and a line that was run
// is run in the same way again.
#include <cerrno>
#include <cstdint>
#include <string>

#include "cleanfork/explore.h"
#include "cleanfork/fault_plan.h"
#include "cleanfork/os.h"
#include "tests/fuzz/property.h"

namespace cleanfork {
namespace {

using fuzz::Require;

// A child that says a byte, and a parent that hears it.
int Body(Os& os) {
  const SysResult<PipeEnds> ends = os.Pipe2(0);
  if (!ends.ok()) return 1;
  const SysResult<pid_t> child = os.Fork();
  if (child.ok() && child.value() == 0) {
    os.Exit(os.SetSid().ok() && os.Write(ends.value().write_end, "x", 1).ok() ? 0 : 1);
  }
  os.Close(ends.value().write_end).IgnoreError();
  char byte = 0;
  const bool heard =
      child.ok() && os.Read(ends.value().read_end, &byte, 1).value_or(0) == 1 && byte == 'x';
  os.Close(ends.value().read_end).IgnoreError();
  if (!child.ok()) return 1;
  SysResult<WaitResult> ended = os.WaitPid(child.value(), 0);
  while (ended.error() == EINTR) ended = os.WaitPid(child.value(), 0);
  return heard && ended.ok() ? 0 : 1;
}

bool StartsWith(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

void CheckLine(const std::string& line) {
  Scenario scenario;
  scenario.body = Body;
  const ReplayResult result = Replay(scenario, line, 200);
  const size_t fits = line.rfind(";fits=");
  const bool is_plan = ParseFaultPlan(line.substr(0, fits), nullptr).has_value();
  Require(is_plan != StartsWith(result.error, "not a plan:"), "only what is no plan is none", line);
  if (!is_plan) {
    Require(result.picture.empty() && result.rule.empty(), "what is no plan is not run", line);
    return;
  }
  Require(result.error.empty() || StartsWith(result.error, "the plan does not fit: "),
          "a plan is run, or does not fit", line);
  Require(!result.picture.empty(), "a run has a picture", line);
  const ReplayResult again = Replay(scenario, line, 200);
  Require(again.error == result.error && again.rule == result.rule && again.what == result.what &&
              again.picture == result.picture,
          "a run is the same again", line);
}

}  // namespace
}  // namespace cleanfork

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cleanfork::CheckLine(cleanfork::fuzz::ToText(data, size));
  return 0;
}
