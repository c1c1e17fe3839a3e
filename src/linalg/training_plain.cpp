#include "training_kernels.inl"

namespace equal::linalg::training {
extern const Kernels kPlainKernels = EQUAL_TRAINING_KERNELS("plain");
}  // namespace equal::linalg::training
