// The examples in documents, as code that a compiler can be given: the one way in which an example
// of a public header or of a Markdown page is held to compile. generate_examples.cc is the program.
//
//   std::string wrong;
//   const Example example = ReadExample("include/cleanfork/child.h", text, &wrong);
//   if (wrong.empty()) std::cout << WrapExample(example);
//
// In a header the code stands in the opening comment, in paragraphs that are indented by two; what
// is indented further from its first line on is output or a table, and not code. In Markdown it
// stands between ```cpp and ```.
#ifndef CLEANFORK_TESTS_EXAMPLES_EXAMPLE_CODE_H_
#define CLEANFORK_TESTS_EXAMPLES_EXAMPLE_CODE_H_

#include <string>
#include <vector>

namespace cleanfork::examples {

// A declaration for namespace scope, or a statement for a function.
struct ExampleItem {
  int line = 0;  // of the document, from 1
  std::string text;
  bool is_declaration = false;
};

// All the code of a document; its paragraphs are one piece, and share their variables.
struct Example {
  std::string path;
  std::vector<ExampleItem> items;
};

// `wrong` says why the document will not do: it has no example, or something that looks like one
// and would not be compiled. Empty: nothing is wrong.
Example ReadExample(const std::string& path, const std::string& text, std::string* wrong);

// A namespace, "child_h" for child.h: the declarations, then the statements as the body of
// `Returned Statements()`. #line leads a compiler's message to the document.
std::string WrapExample(const Example& example);

}  // namespace cleanfork::examples

#endif  // CLEANFORK_TESTS_EXAMPLES_EXAMPLE_CODE_H_
