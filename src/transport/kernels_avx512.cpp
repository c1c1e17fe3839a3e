#include "kernels.inl"

namespace equal::transport {
extern const Kernels kAvx512Kernels = EQUAL_KERNELS("avx512");
}  // namespace equal::transport
