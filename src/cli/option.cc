#include "src/cli/option.h"

#include <getopt.h>

#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/cli/suggestion.h"

namespace cleanfork::cli {
namespace {

constexpr size_t kColumns = 80;

// What getopt_long(3) returns for the long option of index i: out of the way of all letters, '?'
// and ':'.
constexpr int kFirstLong = 256;

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

// "--user" of "--user=nobody"; "-v" of "-v" or "-vx".
std::string WithoutArgument(const std::string& word) {
  return word.substr(0, 2) == "--" ? word.substr(0, word.find('=')) : word;
}

// The option that getopt_long(3) returned `found` for, or null.
const Option* Find(const std::vector<Option>& options, int found) {
  if (found >= kFirstLong) return &options[static_cast<size_t>(found - kFirstLong)];
  for (const Option& option : options) {
    if (option.letter != 0 && option.letter == found) return &option;
  }
  return nullptr;
}

// The option `word`, with its dashes, of which there is none.
absl::Status Unknown(const std::string& word, const std::vector<Option>& options) {
  std::vector<std::string> names;
  for (const Option& option : options) names.push_back(option.name);
  return Wrong(
      absl::StrCat("unknown option ", word,
                   word.substr(0, 2) == "--" ? Suggestion(word.substr(2), names, "--") : ""));
}

absl::Status Apply(const Option& option, const char* argument, Settings* settings) {
  const absl::Status applied = option.apply(argument, settings);
  if (applied.ok()) return applied;
  return Wrong(absl::StrCat("--", option.name, "=", argument != nullptr ? argument : "", ": ",
                            std::string(applied.message())));
}

}  // namespace

std::vector<Option> GeneralOptions() {
  return {
      {"json", 0, nullptr, "Print the outcome as a JSON object on standard output.",
       [](const char*, Settings* settings) {
         settings->json = true;
         return absl::OkStatus();
       }},
      {"verbose", 'v', nullptr, "Say on standard error what is being done.",
       [](const char*, Settings* settings) {
         settings->verbose = true;
         return absl::OkStatus();
       }},
      {"help", 'h', nullptr, "Print this text and exit.",
       [](const char*, Settings* settings) {
         settings->help = true;
         return absl::OkStatus();
       }},
  };
}

bool ParseNumberBetween(const std::string& text, int least, int most, int* number) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos &&
         absl::SimpleAtoi(text, number) && *number >= least && *number <= most;
}

absl::Status ParseOptions(const std::vector<std::string>& arguments,
                          const std::vector<Option>& options, Settings* settings) {
  std::string letters = "+:";  // stop at the first that is no option; tell a missing argument
  std::vector<::option> table;
  for (size_t i = 0; i < options.size(); ++i) {
    const bool takes = options[i].argument != nullptr;
    if (options[i].letter != 0) {
      letters += options[i].letter;
      if (takes) letters += ':';
    }
    table.push_back({options[i].name, takes ? required_argument : no_argument, nullptr,
                     kFirstLong + static_cast<int>(i)});
  }
  table.push_back({nullptr, 0, nullptr, 0});

  std::vector<std::string> words = arguments;  // getopt_long(3) wants them mutable
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(&word[0]);
  argv.push_back(nullptr);
  const int argc = static_cast<int>(words.size());

  optind = 0;  // begin anew: getopt(3), NOTES
  opterr = 0;  // its messages go to stderr, and are more than a line
  for (;;) {
    const size_t at = optind == 0 ? 1 : static_cast<size_t>(optind);
    const int found = getopt_long(argc, argv.data(), letters.c_str(), table.data(), nullptr);
    if (found == -1) break;
    const std::string word = at < words.size() ? WithoutArgument(words[at]) : "";
    const bool is_long = word.substr(0, 2) == "--";
    if (found == ':') return Wrong(absl::StrCat(word, " needs an argument"));
    if (found == '?') {
      // optopt is the option's number if it exists and was given an argument that it does not take.
      if (optopt >= kFirstLong) return Wrong(absl::StrCat(word, " takes no argument"));
      return Unknown(is_long ? word : std::string("-") + static_cast<char>(optopt), options);
    }
    const Option* option = Find(options, found);
    if (is_long && word != absl::StrCat("--", option->name)) {
      return Wrong(absl::StrCat("unknown option ", word, " (did you mean --", option->name, "?)"));
    }
    const absl::Status applied =
        Apply(*option, option->argument != nullptr ? optarg : nullptr, settings);
    if (!applied.ok()) return applied;
  }
  settings->command.assign(words.begin() + optind, words.end());
  return absl::OkStatus();
}

void PrintRow(const std::string& left, const std::string& right, size_t indent, std::ostream& out) {
  std::string line = left;
  if (!line.empty() && line.size() + 2 > indent) {
    out << line << "\n";
    line.clear();
  }
  line.resize(indent, ' ');
  bool empty = true;
  for (const absl::string_view piece : absl::StrSplit(right, ' ', absl::SkipEmpty())) {
    const std::string word(piece);
    if (!empty && line.size() + 1 + word.size() > kColumns) {
      out << line << "\n";
      line.assign(indent, ' ');
      empty = true;
    }
    if (!empty) line += ' ';
    line += word;
    empty = false;
  }
  out << line << "\n";
}

void PrintOptions(const std::vector<Option>& options, std::ostream& out) {
  constexpr size_t kIndent = 28;
  for (const Option& option : options) {
    std::string left = option.letter != 0 ? absl::StrCat("  -", std::string(1, option.letter), ", ")
                                          : std::string("      ");
    absl::StrAppend(&left, "--", option.name);
    if (option.argument != nullptr) absl::StrAppend(&left, "=", option.argument);
    PrintRow(left, option.help, kIndent, out);
  }
}

}  // namespace cleanfork::cli
