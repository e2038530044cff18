// Shared<T>: a T in memory that stays shared across a fork, for what a child has to tell its test.
#ifndef CLEANFORK_TESTS_REAL_SHARED_MEMORY_H_
#define CLEANFORK_TESTS_REAL_SHARED_MEMORY_H_

#include <sys/mman.h>

#include <new>
#include <type_traits>

namespace cleanfork {

template <typename T>
class Shared {
 public:
  static_assert(std::is_trivially_destructible<T>::value, "its last user may be another process");

  Shared() {
    void* memory =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    value_ = new (memory) T();
  }
  ~Shared() { munmap(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  T& operator*() const { return *value_; }
  T* operator->() const { return value_; }

 private:
  T* value_;
};

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_SHARED_MEMORY_H_
