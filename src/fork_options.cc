#include "cleanfork/fork_options.h"

#include "absl/time/time.h"

namespace cleanfork {

ForkOptions ForkOptions::OpenXpki() {
  ForkOptions options;
  options.retry = RetryPolicy::Fixed(5, absl::Seconds(2));
  options.sigchld = SigchldPolicy::kIgnore;
  options.session = Session::kKeep;
  options.umask = 0;
  options.err = Stream::KeepUnlessTerminal();
  return options;
}

}  // namespace cleanfork
