// Reads which symbols the objects of a static library define and import: what nm(1) prints. The
// reader is our own because it is sixty lines over <elf.h>, and nm's output differs between
// binutils and LLVM, and the sandbox of a remote build may have neither.
#ifndef CLEANFORK_TESTS_TIDY_ELF_SYMBOLS_H_
#define CLEANFORK_TESTS_TIDY_ELF_SYMBOLS_H_

#include <string>
#include <vector>

namespace cleanfork::tidy {

struct Object {
  std::string name;  // "real_os", of the member real_os.pic.o
  std::vector<std::string> imported;
  std::vector<std::string> defined;
};

// The objects of the archive at `path`, as ar(1) writes it: 64-bit ELF, this machine's byte order.
// Throws std::runtime_error, with the path, for anything else: a file that cannot be read must not
// look like one without imports.
std::vector<Object> ReadArchive(const std::string& path);

}  // namespace cleanfork::tidy

#endif  // CLEANFORK_TESTS_TIDY_ELF_SYMBOLS_H_
