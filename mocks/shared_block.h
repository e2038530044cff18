// SharedBlock: zeroed memory that a process and all its forked children see as one. What FaultOs
// and TraceOs keep in it, the parent can ask after the children are gone.
#ifndef CLEANFORK_MOCKS_SHARED_BLOCK_H_
#define CLEANFORK_MOCKS_SHARED_BLOCK_H_

#include <cstddef>

namespace cleanfork {

class SharedBlock {
 public:
  // Aborts with a message where the memory cannot be had: a test without it would lie.
  explicit SharedBlock(size_t size);
  SharedBlock(const SharedBlock&) = delete;
  SharedBlock& operator=(const SharedBlock&) = delete;

  // Unmaps it in this process alone.
  ~SharedBlock();

  // Aligned to a page.
  void* data() const { return data_; }

 private:
  void* const data_;
  const size_t size_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_MOCKS_SHARED_BLOCK_H_
