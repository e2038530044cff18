// The files that each program finds.
#ifndef CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_FIXTURES_H_
#define CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_FIXTURES_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace cleanfork::programs {

constexpr uid_t kTheirs = 61231;  // some other user, of no system's

struct Fixture {
  enum What { kFile, kDirectory, kLink };
  What what;
  std::string path;
  std::string content;  // of a link, where it leads
  mode_t mode;
  bool theirs = false;  // not the caller's, where files may be given away
};

inline const std::vector<Fixture>& Fixtures() {
  static const std::vector<Fixture> fixtures = {
      {Fixture::kDirectory, "d", "", 0755},
      {Fixture::kDirectory, "t", "", 01777},
      {Fixture::kFile, "t/theirs", "theirs", 0644, true},
      {Fixture::kFile, "r", "to be read", 0444},
      {Fixture::kFile, "secret", "secret", 0600},
      {Fixture::kLink, "l", "a", 0777},
      {Fixture::kLink, "m", "d", 0777},
      {Fixture::kLink, "o", "o", 0777},
      {Fixture::kLink, "dangling", "nowhere", 0777},
  };
  return fixtures;
}

}  // namespace cleanfork::programs

#endif  // CLEANFORK_TESTS_CONFORMANCE_PROGRAMS_FIXTURES_H_
