// What the fuzzers share: how one says that a property does not hold, and an Os that makes no call.
//
// A fuzzer is a file with LLVMFuzzerTestOneInput(), the function that libFuzzer calls for each
// input (https://llvm.org/docs/LibFuzzer.html). Each stands in two programs: a test of g++, which
// has the inputs of corpus/ and some that are made by chance (run_inputs_test.cc), and one of
// clang.
#ifndef CLEANFORK_TESTS_FUZZ_PROPERTY_H_
#define CLEANFORK_TESTS_FUZZ_PROPERTY_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "cleanfork/os.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace cleanfork::fuzz {

std::string ToText(const uint8_t* data, size_t size);

// Aborts with the property and what it does not hold of, which is how libFuzzer knows of it.
void Require(bool holds, const char* property, const std::string& about);

// Aborts with the name of any call: a fuzzer's Os has the calls that it allows, and so shows that
// no other is made.
class NoCallsOs : public Os {
 public:
#define CLEANFORK_OS_CALL(Method, name, Result, parameters, arguments, page, errnos) \
  Result Method parameters override;
#include "cleanfork/os_calls.inc"
  [[noreturn]] void Exit(int status) override;
};

}  // namespace cleanfork::fuzz

#endif  // CLEANFORK_TESTS_FUZZ_PROPERTY_H_
