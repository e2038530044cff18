// The child's standard streams: opened in the parent, where a failure is plain to report and no
// privilege is dropped yet.
#ifndef CLEANFORK_SRC_STREAMS_H_
#define CLEANFORK_SRC_STREAMS_H_

#include <array>
#include <vector>

#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/os.h"
#include "cleanfork/unique_fd.h"

namespace cleanfork {

struct OpenedStreams {
  // What the child is to have as 0, 1 and 2: descriptors of first_free and more, so that no order
  // of installing them can overwrite one that is still needed.
  std::array<int, 3> sources = {-1, -1, -1};

  // They and the parent's ends of the pipes, all close-on-exec.
  std::vector<UniqueFd> owned;
  Child::Pipes pipes;
};

// Errors: kOpenStream, with the errno of open(2) and the path. ENODEV: /dev/null is not the device.
absl::StatusOr<OpenedStreams> OpenStreams(const std::array<Stream, 3>& streams, int first_free,
                                          Os& os);

// A pipe with both ends close-on-exec and first_free or more, whatever below the caller has closed.
struct OwnedPipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
SysResult<PipeEnds> OpenPipe(Os& os, int first_free, OwnedPipe* pipe);

}  // namespace cleanfork

#endif  // CLEANFORK_SRC_STREAMS_H_
