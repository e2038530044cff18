// The rules for what an object file may import, by trust zone: docs/design.md, "Symbols".
#ifndef CLEANFORK_TESTS_TIDY_SYMBOL_ZONES_H_
#define CLEANFORK_TESTS_TIDY_SYMBOL_ZONES_H_

#include <string>
#include <vector>

#include "tests/tidy/elf_symbols.h"

namespace cleanfork::tidy {

enum class Zone {
  kLibrary,  // src/: no system call, stdio or threads, but in real_os
  kCommand,  // src/cli: stdio as well
  kDoubles,  // mocks/: stdio and threads as well, which gMock brings; mmap where it is listed
  kChild,    // src/child: nothing but what is listed
};

// The imports of `object` that its zone forbids, sorted.
std::vector<std::string> ForbiddenImports(Zone zone, const Object& object);

}  // namespace cleanfork::tidy

#endif  // CLEANFORK_TESTS_TIDY_SYMBOL_ZONES_H_
