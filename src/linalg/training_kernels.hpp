// The element-wise loops of training.hpp, compiled for AVX-512, AVX2 and plain x86 from training_kernels.inl and chosen
// by the CPU. Sums along a row always have 16 running values, so all three give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace equal::linalg::training {

struct Kernels {
  const char* name;
  void (*gelu)(const float* x, float* y, std::size_t n);
  void (*gelu_backward)(const float* x, float* grad, std::size_t n);
  void (*layer_norm)(const float* x, const float* gain, const float* offset, float epsilon, std::size_t columns,
                     float* normalised, float* inverse_deviation, float* y);
  void (*layer_norm_backward)(const float* normalised, float inverse_deviation, const float* gain, std::size_t columns,
                              float* grad, float* gain_grad, float* offset_grad);
  /// s = softmax(scale s)
  void (*softmax)(float* s, float scale, std::size_t n);
  /// grad = scale p (grad - sum p grad)
  void (*softmax_backward)(const float* p, float scale, std::size_t n, float* grad);
  void (*add_scaled)(float scale, const float* x, float* y, std::size_t n);
  bool (*add_fixed)(const float* x, std::int64_t* sum, std::size_t n);
  /// constants: rate, beta1, 1 - beta1, beta2, 1 - beta2, epsilon, 1 - rate decay, rate / c1, 1 / sqrt(c2)
  void (*adamw)(const float* constants, const float* g, float* m, float* v, float* x, std::size_t n);
};

extern const Kernels kPlainKernels, kAvx2Kernels, kAvx512Kernels;
/// The best of this CPU.
const Kernels& kernels() noexcept;
/// All that this CPU runs, the plain ones first: for tests.
std::size_t kernel_count() noexcept;
const Kernels& kernel(std::size_t index) noexcept;

}  // namespace equal::linalg::training
