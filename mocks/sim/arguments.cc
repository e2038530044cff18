#include "mocks/sim/arguments.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "mocks/os_text.h"

namespace cleanfork::sim {
namespace {

constexpr size_t kShown = 48;  // bytes of a text or buffer

// FNV-1a.
uint64_t HashBytes(const void* bytes, size_t size) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < size; ++i) {
    hash = (hash ^ static_cast<const unsigned char*>(bytes)[i]) * 0x100000001b3;
  }
  return hash;
}

int64_t TakeNumber(const char** at) {
  int64_t number = 0;
  std::memcpy(&number, *at, sizeof(number));
  *at += sizeof(number);
  return number;
}

std::string TakeValue(char kind, const char** at) {
  switch (kind) {
    case 'i': return std::to_string(TakeNumber(at));
    case 'm': return Text(SignalSet::FromBits(static_cast<uint64_t>(TakeNumber(at))));
    case 'n': return "null";
    case 'h': return "handler " + std::to_string(TakeNumber(at));
    case 's': {
      const auto size = static_cast<size_t>(TakeNumber(at));
      TakeNumber(at);  // the hash
      const size_t shown = std::min(size, kShown);
      const std::string text = QuotedText(*at, shown, shown < size);
      *at += shown;
      return text;
    }
    default: return "...";
  }
}

}  // namespace

void ArgumentWriter::AddBytes(const void* bytes, size_t size) {
  if (bytes == nullptr && size > 0) {
    AddLetter('n');
    return Add(size);
  }
  AddNumber('s', static_cast<int64_t>(size));
  const auto hash = static_cast<int64_t>(HashBytes(bytes, size));
  bytes_.Append(&hash, sizeof(hash));
  bytes_.Append(bytes, std::min(size, kShown));
}

void ArgumentWriter::Add(const char* text) {
  if (text == nullptr) {
    AddLetter('n');
  } else {
    AddBytes(text, std::strlen(text));
  }
}

void ArgumentWriter::Add(char* const* words) {
  if (words == nullptr) {
    AddLetter('n');
    return;
  }
  for (; *words != nullptr; ++words) Add(static_cast<const char*>(*words));
}

void ArgumentWriter::Add(const SignalSet* set) {
  if (set == nullptr) {
    AddLetter('n');
  } else {
    Add(*set);
  }
}

void ArgumentWriter::Add(const SignalAction* action) {
  if (action == nullptr) {
    AddLetter('n');
    return;
  }
  AddNumber('h', runner_.OrdinalOf(*action));
  Add(action->mask);
  Add(action->flags);
}

void ArgumentWriter::Add(ResourceLimit limit) {
  AddNumber('i', static_cast<int64_t>(limit.soft));
  AddNumber('i', static_cast<int64_t>(limit.hard));
}

void ArgumentWriter::Add(const UnixAddress* address) {
  if (address == nullptr) return AddLetter('n');
  AddBytes(address->bytes, std::min(address->size, UnixAddress::kMaxSize));
}

void ArgumentWriter::AddPolled(const struct pollfd* descriptors, size_t count) {
  if (descriptors == nullptr && count > 0) {
    AddLetter('n');
    return Add(count);
  }
  for (size_t i = 0; i < count; ++i) {
    Add(descriptors[i].fd);
    Add(descriptors[i].events);
  }
}

std::string ArgumentText(const char* bytes, size_t size) {
  std::string text;
  const char* const end = bytes + size;
  while (bytes < end) {
    const char kind = *bytes++;
    if (!text.empty()) text += ", ";
    text += TakeValue(kind, &bytes);
  }
  return text;
}

}  // namespace cleanfork::sim
