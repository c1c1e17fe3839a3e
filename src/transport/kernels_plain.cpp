#include "kernels.inl"

namespace equal::transport {
extern const Kernels kPlainKernels = EQUAL_KERNELS("plain");
}  // namespace equal::transport
