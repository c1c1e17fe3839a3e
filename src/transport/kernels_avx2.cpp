#include "kernels.inl"

namespace equal::transport {
extern const Kernels kAvx2Kernels = EQUAL_KERNELS("avx2");
}  // namespace equal::transport
