// The options of the subcommands: one table of each is what the parser reads and what --help
// prints.
#ifndef CLEANFORK_SRC_CLI_OPTION_H_
#define CLEANFORK_SRC_CLI_OPTION_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "src/cli/settings.h"

namespace cleanfork::cli {

struct Option {
  const char* name;      // "user", for --user
  char letter;           // 'v' for -v; 0: it has none
  const char* argument;  // "USER[:GROUP]"; null: it takes none
  const char* help;

  // Puts the argument, null if there is none, where it belongs. An error's text is what is wrong
  // with the argument: "not an octal number".
  absl::Status (*apply)(const char* argument, Settings* settings);
};

// --json, --verbose and --help, which every subcommand has.
std::vector<Option> GeneralOptions();

// Whether `text` is a number of digits alone, from `least` to `most`; puts it into `number`.
bool ParseNumberBetween(const std::string& text, int least, int most, int* number);

// Reads `arguments`, the first of which is the subcommand's name, up to the first that is no
// option or follows "--": from there on they go into Settings::command. InvalidArgument for an
// option that is unknown or abbreviated (a script that abbreviates breaks with the next option
// that is added), that lacks its argument or has one too many, or whose argument is wrong.
absl::Status ParseOptions(const std::vector<std::string>& arguments,
                          const std::vector<Option>& options, Settings* settings);

// The options and their help texts, in 80 columns.
void PrintOptions(const std::vector<Option>& options, std::ostream& out);

// Two columns: `left` and, from column `indent` on, `right` wrapped at column 80.
void PrintRow(const std::string& left, const std::string& right, size_t indent, std::ostream& out);

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_OPTION_H_
