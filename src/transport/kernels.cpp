#include "kernels.hpp"

namespace equal::transport {

bool runs_here(const Kernels& k) noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (&k == &kAvx512Kernels) {
    return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  }
  if (&k == &kAvx2Kernels) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return &k == &kPlainKernels;
}

const Kernels& kernels() noexcept {
  static const Kernels& best = runs_here(kAvx512Kernels) ? kAvx512Kernels
                               : runs_here(kAvx2Kernels) ? kAvx2Kernels
                                                         : kPlainKernels;
  return best;
}

}  // namespace equal::transport
