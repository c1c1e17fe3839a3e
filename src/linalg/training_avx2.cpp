#include "training_kernels.inl"

namespace equal::linalg::training {
extern const Kernels kAvx2Kernels = EQUAL_TRAINING_KERNELS("avx2");
}  // namespace equal::linalg::training
