// What shells complete.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "src/cli/documents.h"
#include "src/cli/subcommand.h"

namespace cleanfork::cli {
namespace {

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const Subcommand& subcommand : Subcommands()) names.push_back(subcommand.name);
  names.push_back("help");
  return names;
}

// What an argument is, by its name in the help: a word of its own each.
enum class ArgumentKind { kOther, kFile, kDirectory, kUser, kGroup };

ArgumentKind KindOf(const Option& option) {
  const std::string argument = option.argument != nullptr ? option.argument : "";
  if (argument.compare(0, 4, "FILE") == 0) return ArgumentKind::kFile;
  if (argument == "DIRECTORY") return ArgumentKind::kDirectory;
  if (argument.compare(0, 4, "USER") == 0) return ArgumentKind::kUser;
  if (argument == "GROUP") return ArgumentKind::kGroup;
  return ArgumentKind::kOther;
}

// The options of all subcommands that take such an argument, "--pidfile|--stdin".
std::string OptionsOf(ArgumentKind kind) {
  std::vector<std::string> names;
  for (const Subcommand& subcommand : Subcommands()) {
    for (const Option& option : subcommand.options) {
      const std::string name = absl::StrCat("--", option.name);
      bool is_new = KindOf(option) == kind;
      for (const std::string& known : names) is_new = is_new && known != name;
      if (is_new) names.push_back(name);
    }
  }
  return absl::StrJoin(names, "|");
}

// Within single quotes of a shell.
std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// The first sentence of a help text.
std::string Summary(const Option& option) {
  const std::string help = option.help;
  const size_t end = help.find(". ");
  std::string summary = help.substr(0, end);
  if (!summary.empty() && summary.back() == '.') summary.pop_back();
  return summary;
}

// The long options that take an argument, which may stand in a word of its own.
std::string OptionsWithArgument() {
  std::vector<std::string> names;
  for (const Subcommand& subcommand : Subcommands()) {
    for (const Option& option : subcommand.options) {
      const std::string name = absl::StrCat("--", option.name);
      if (option.argument != nullptr &&
          std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    }
  }
  return absl::StrJoin(names, " ");
}

// __fish_seen_subcommand_from, which fish has, would take a program's argument for a subcommand and
// offer our options where the program's stand.
constexpr char kFishFunctions[] =
    "# Whether the cursor is where the subcommand stands, or after it among its options, or where\n"
    "# the program and its arguments stand, which are then in __fish_cleanfork_words.\n"
    "function __fish_cleanfork_at\n"
    "  set -l words (commandline -opc)\n"
    "  if test (count $words) -lt 2\n"
    "    test $argv[1] = subcommand\n"
    "    return\n"
    "  end\n"
    "  set -l place $words[2]\n"
    "  set -e words[1..2]\n"
    "  while set -q words[1]\n"
    "    set -l word $words[1]\n"
    "    if not string match -q -- '-*' $word\n"
    "      set place program\n"
    "      break\n"
    "    end\n"
    "    set -e words[1]\n"
    "    if contains -- $word ";
constexpr char kFishFunctionsEnd[] =
    "\n"
    "      set -e words[1]\n"
    "    end\n"
    "  end\n"
    "  set -g __fish_cleanfork_words $words\n"
    "  test $argv[1] = $place\n"
    "end\n\n"
    "# What there is for the program's words.\n"
    "function __fish_cleanfork_complete_program\n"
    "  complete -C (string join ' ' -- (string escape -- $__fish_cleanfork_words)"
    " (commandline -ct))\n"
    "end\n\n";

}  // namespace

std::string BashCompletion() {
  std::string text =
      "# bash completion for cleanfork: source it, or put it into bash-completion's directory.\n"
      "_cleanfork() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
      "  local subcommand=${COMP_WORDS[1]} option= word i\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n";
  absl::StrAppend(&text, "    COMPREPLY=($(compgen -W '", absl::StrJoin(Names(), " "),
                  " --help --version' -- \"$current\"))\n    return\n  fi\n");
  // Bash divides words at '=' (COMP_WORDBREAKS).
  absl::StrAppend(&text,
                  "  if [[ $current == '=' ]]; then option=$previous current=\n"
                  "  elif [[ $previous == '=' ]]; then option=${COMP_WORDS[COMP_CWORD - 2]}\n"
                  "  elif [[ $previous == --* ]]; then option=$previous\n  fi\n"
                  "  case $option in\n");
  const std::pair<ArgumentKind, const char*> kinds[] = {{ArgumentKind::kFile, "-f"},
                                                        {ArgumentKind::kDirectory, "-d"},
                                                        {ArgumentKind::kUser, "-u"},
                                                        {ArgumentKind::kGroup, "-g"}};
  for (const auto& [kind, action] : kinds) {
    absl::StrAppend(&text, "    ", OptionsOf(kind), ")\n      COMPREPLY=($(compgen ", action,
                    " -- \"$current\"))\n      return ;;\n");
  }
  absl::StrAppend(&text, "  esac\n  if [[ $current == -* ]]; then\n    case $subcommand in\n");
  for (const Subcommand& subcommand : Subcommands()) {
    std::vector<std::string> options;
    for (const Option& option : subcommand.options) {
      options.push_back(absl::StrCat("--", option.name, option.argument != nullptr ? "=" : ""));
    }
    absl::StrAppend(&text, "      ", subcommand.name, ")\n        COMPREPLY=($(compgen -W '",
                    absl::StrJoin(options, " "), "' -- \"$current\")) ;;\n");
  }
  absl::StrAppend(&text,
                  "    esac\n"
                  "    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
                  "    return\n  fi\n"
                  "  if [[ $subcommand == help ]]; then\n    COMPREPLY=($(compgen -W '",
                  absl::StrJoin(Names(), " "),
                  "' -- \"$current\"))\n  else\n"
                  "    COMPREPLY=($(compgen -c -- \"$current\"))\n  fi\n}\n"
                  "complete -F _cleanfork cleanfork\n");
  return text;
}

std::string ZshCompletion() {
  std::string text =
      "#compdef cleanfork\n"
      "# zsh completion for cleanfork: put it into a directory of $fpath as _cleanfork.\n"
      "_cleanfork() {\n  local -a subcommands\n  subcommands=(\n";
  for (const Subcommand& subcommand : Subcommands()) {
    absl::StrAppend(&text, "    ",
                    Quoted(absl::StrCat(subcommand.name, ":",
                                        absl::StrReplaceAll(subcommand.summary, {{":", "\\:"}}))),
                    "\n");
  }
  absl::StrAppend(&text,
                  "    'help:Explain a subcommand'\n  )\n"
                  "  if ((CURRENT == 2)) && [[ $PREFIX == -* ]]; then\n"
                  "    compadd -- --help --version\n    return\n  fi\n"
                  "  if ((CURRENT == 2)) || [[ $CURRENT == 3 && $words[2] == help ]]; then\n"
                  "    _describe subcommand subcommands\n    return\n  fi\n"
                  "  local subcommand=$words[2]\n"
                  "  shift words\n  ((CURRENT--))\n  case $subcommand in\n");
  for (const Subcommand& subcommand : Subcommands()) {
    absl::StrAppend(&text, "    ", subcommand.name, ")\n      _arguments -S \\\n");
    for (const Option& option : subcommand.options) {
      const std::string help = absl::StrReplaceAll(
          Summary(option), {{"[", "("}, {"]", ")"}, {":", "\\:"}, {"\\", "\\\\"}});
      std::string row =
          absl::StrCat("--", option.name, option.argument != nullptr ? "=" : "", "[", help, "]");
      if (option.argument != nullptr) {
        const ArgumentKind kind = KindOf(option);
        absl::StrAppend(&row, ":", absl::StrReplaceAll(option.argument, {{":", "\\:"}}), ":",
                        kind == ArgumentKind::kFile        ? "_files"
                        : kind == ArgumentKind::kDirectory ? "_files -/"
                        : kind == ArgumentKind::kUser      ? "_users"
                        : kind == ArgumentKind::kGroup     ? "_groups"
                                                           : "");
      }
      absl::StrAppend(&text, "        ", Quoted(row), " \\\n");
    }
    absl::StrAppend(&text, "        ",
                    subcommand.runs_program ? "'*::program:_cleanfork_program'" : "'*:: :'",
                    " ;;\n");
  }
  // _arguments leaves "--" among the words that are left, if no option was before it.
  return absl::StrCat(text,
                      "  esac\n}\n"
                      "_cleanfork_program() {\n"
                      "  if ((CURRENT > 1)) && [[ $words[1] == -- ]]; then\n"
                      "    shift words\n    ((CURRENT--))\n  fi\n"
                      "  _normal\n}\n"
                      "_cleanfork \"$@\"\n");
}

std::string FishCompletion() {
  std::string text =
      "# fish completion for cleanfork: put it into ~/.config/fish/completions.\n"
      "complete -c cleanfork -f\n\n";
  absl::StrAppend(&text, kFishFunctions, OptionsWithArgument(), kFishFunctionsEnd);
  const std::string none = "'__fish_cleanfork_at subcommand'";
  for (const Subcommand& subcommand : Subcommands()) {
    absl::StrAppend(&text, "complete -c cleanfork -n ", none, " -a ", subcommand.name, " -d ",
                    Quoted(subcommand.summary), "\n");
  }
  absl::StrAppend(&text, "complete -c cleanfork -n ", none, " -a help -d 'Explain a subcommand'\n",
                  "complete -c cleanfork -n ", none, " -l help -d 'Print an overview and exit'\n",
                  "complete -c cleanfork -n ", none,
                  " -l version -d 'Print the version and exit'\n",
                  "complete -c cleanfork -n '__fish_cleanfork_at help' -a '",
                  absl::StrJoin(Names(), " "), "'\n");
  for (const Subcommand& subcommand : Subcommands()) {
    const std::string seen =
        absl::StrCat("complete -c cleanfork -n '__fish_cleanfork_at ", subcommand.name, "'");
    for (const Option& option : subcommand.options) {
      absl::StrAppend(&text, seen, " -l ", option.name);
      if (option.letter != 0) absl::StrAppend(&text, " -s ", std::string(1, option.letter));
      if (option.argument != nullptr) {
        const ArgumentKind kind = KindOf(option);
        absl::StrAppend(&text, kind == ArgumentKind::kFile ? " -r -F"
                               : kind == ArgumentKind::kDirectory
                                   ? " -x -a '(__fish_complete_directories)'"
                               : kind == ArgumentKind::kUser  ? " -x -a '(__fish_complete_users)'"
                               : kind == ArgumentKind::kGroup ? " -x -a '(__fish_complete_groups)'"
                                                              : " -x");
      }
      absl::StrAppend(&text, " -d ", Quoted(Summary(option)), "\n");
    }
    if (subcommand.runs_program) {
      absl::StrAppend(&text, seen, " -a '(__fish_complete_command)'\n");
    }
  }
  absl::StrAppend(&text,
                  "complete -c cleanfork -n '__fish_cleanfork_at program' -a "
                  "'(__fish_cleanfork_complete_program)'\n");
  return text;
}

}  // namespace cleanfork::cli
