#include "tests/tidy/elf_symbols.h"

#include <ar.h>
#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace cleanfork::tidy {
namespace {

// A range of the file; every access beyond it throws.
class Bytes {
 public:
  Bytes(const std::string& path, const char* data, size_t size)
      : path_(path), data_(data), size_(size) {}

  size_t size() const { return size_; }

  Bytes Part(size_t offset, size_t size) const {
    if (offset > size_ || size > size_ - offset) Fail("is cut off");
    return Bytes(path_, data_ + offset, size);
  }
  template <typename T>
  T Get(size_t offset) const {
    T value;
    std::memcpy(&value, Part(offset, sizeof(T)).data_, sizeof(T));
    return value;
  }
  std::string Text() const { return std::string(data_, size_); }
  std::string TextAt(size_t offset, const char* ends) const {
    const std::string rest = Part(offset, size_ - offset).Text();
    return rest.substr(0, rest.find_first_of(std::string(ends, std::strlen(ends) + 1)));
  }
  [[noreturn]] void Fail(const std::string& what) const {
    throw std::runtime_error(path_ + " " + what);
  }

 private:
  const std::string& path_;
  const char* data_;
  size_t size_;
};

Object ReadObject(const std::string& member, const Bytes& bytes) {
  Object object;
  object.name = member.substr(0, member.find('.'));
  const auto header = bytes.Get<Elf64_Ehdr>(0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) {
    bytes.Fail("has a member that is not 64-bit ELF: " + member);
  }
  const auto section = [&](size_t i) {
    return bytes.Get<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr));
  };
  for (size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr table = section(i);
    if (table.sh_type != SHT_SYMTAB) continue;
    const Elf64_Shdr strings = section(table.sh_link);
    const Bytes names = bytes.Part(strings.sh_offset, strings.sh_size);
    const Bytes symbols = bytes.Part(table.sh_offset, table.sh_size);
    for (size_t at = 0; at < symbols.size(); at += sizeof(Elf64_Sym)) {
      const auto symbol = symbols.Get<Elf64_Sym>(at);
      const std::string name = names.TextAt(symbol.st_name, "");
      if (name.empty() || ELF64_ST_BIND(symbol.st_info) == STB_LOCAL) continue;
      (symbol.st_shndx == SHN_UNDEF ? object.imported : object.defined).push_back(name);
    }
    return object;
  }
  bytes.Fail("has a member without symbols: " + member);
}

}  // namespace

std::vector<Object> ReadArchive(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), {});
  const Bytes bytes(path, content.data(), content.size());
  if (content.compare(0, SARMAG, ARMAG) != 0) bytes.Fail("is not an archive");

  std::vector<Object> objects;
  std::string long_names;
  for (size_t at = SARMAG; at < bytes.size();) {
    const auto header = bytes.Get<ar_hdr>(at);
    const std::string name(header.ar_name, sizeof(header.ar_name));
    const size_t size = std::stoul(std::string(header.ar_size, sizeof(header.ar_size)));
    const Bytes member = bytes.Part(at + sizeof(header), size);
    if (name.compare(0, 3, "// ") == 0) {
      long_names = member.Text();
    } else if (name.compare(0, 2, "/ ") == 0 || name.compare(0, 7, "/SYM64/") == 0) {
      // The index of symbols, which the objects tell as well.
    } else if (name[0] == '/') {
      const size_t offset = std::stoul(name.substr(1));
      if (offset >= long_names.size()) bytes.Fail("has a name outside its table of names");
      const std::string rest = long_names.substr(offset);
      objects.push_back(ReadObject(rest.substr(0, rest.find('/')), member));
    } else {
      objects.push_back(ReadObject(name.substr(0, name.find('/')), member));
    }
    at += sizeof(header) + size + size % 2;
  }
  return objects;
}

}  // namespace cleanfork::tidy
