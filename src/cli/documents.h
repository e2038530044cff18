// What is generated from the subcommands' tables, as --help is: the manual pages and what shells
// complete.
#ifndef CLEANFORK_SRC_CLI_DOCUMENTS_H_
#define CLEANFORK_SRC_CLI_DOCUMENTS_H_

#include <string>

namespace cleanfork::cli {

// cleanfork(1), for man(7).
std::string ManualPage();

// cleanfork-steps(7), from the text of docs/steps.md: of Markdown it knows headings, paragraphs,
// tables, lists of one level and blocks that are indented by four.
std::string StepsPage(const std::string& markdown);

// Scripts to be sourced by bash, put into zsh's fpath as _cleanfork, and into a directory of
// fish's.
std::string BashCompletion();
std::string ZshCompletion();
std::string FishCompletion();

}  // namespace cleanfork::cli

#endif  // CLEANFORK_SRC_CLI_DOCUMENTS_H_
