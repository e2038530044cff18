// An allocation, such as no code between fork and exec may make.
#include <cstdlib>

namespace cleanfork {

void* PlantedMalloc(size_t size) { return std::malloc(size); }

}  // namespace cleanfork
