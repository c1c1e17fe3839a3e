#include "training_kernels.inl"

namespace equal::linalg::training {
extern const Kernels kAvx512Kernels = EQUAL_TRAINING_KERNELS("avx512");
}  // namespace equal::linalg::training
