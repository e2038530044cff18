// How the outcome reaches whoever called the command: one line on standard error for a failure, and
// a JSON object on standard output where --json asks for it.
#ifndef CLEANFORK_SRC_CLI_REPORT_H_
#define CLEANFORK_SRC_CLI_REPORT_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cleanfork/os.h"

namespace cleanfork::cli {

// What a subcommand acts on and writes to.
struct Context {
  Os& os;
  std::ostream& out;
  std::ostream& err;
};

// A JSON object with its members in the order in which they were added.
class JsonObject {
 public:
  JsonObject& Add(const std::string& key, const std::string& value);
  JsonObject& Add(const std::string& key, const char* value) {
    return Add(key, std::string(value));
  }
  JsonObject& Add(const std::string& key, int64_t value);
  JsonObject& Add(const std::string& key, bool value);
  JsonObject& Add(const std::string& key, const std::vector<JsonObject>& values);
  JsonObject& Add(const std::string& key, const std::vector<std::string>& values);
  std::string ToString() const { return "{" + members_ + "}"; }

 private:
  void AddRaw(const std::string& key, const std::string& value);
  std::string members_;
};

// How the object of every outcome begins, good or bad: {"subcommand":"start","exit_code":0}.
JsonObject JsonOutcome(const std::string& subcommand, int exit_code);

// `text` with control characters written as \n or \x1b, so that it stays one line whatever a path
// in it holds, and cannot speak to the terminal.
std::string OneLine(const std::string& text);

// Prints "cleanfork: <subcommand>: <message>[; <what to do about it>]" and, with `json`, an object.
// Returns exit_code.
int ReportFailure(Context& context, const std::string& subcommand, const absl::Status& status,
                  int exit_code, bool json);

// The same with the exit code that belongs to the status.
int ReportFailure(Context& context, const std::string& subcommand, const absl::Status& status,
                  bool json);

// The same for a status about the command line, with a word on where to read up on it.
int ReportUsage(Context& context, const std::string& subcommand, const absl::Status& status,
                bool json);

// Prints a line on standard output. Returns `exit_code`; an output that cannot be written is told
// on standard error and does not change what was done, nor therefore the code.
int ReportOutcome(Context& context, const std::string& subcommand, const std::string& line,
                  int exit_code);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_REPORT_H_
