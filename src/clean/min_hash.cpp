#include "min_hash.hpp"

#include <algorithm>
#include <limits>

namespace equal::clean {
namespace {

/// Inlined into one copy per instruction set (the file is compiled with -O3, which vectorises the blocks).
[[gnu::always_inline]] inline void min_hash_body(std::span<const std::uint32_t> set, const std::uint32_t* multiplier,
                                                 const std::uint32_t* offset, std::uint32_t* least,
                                                 std::size_t functions) {
  for (std::size_t k = 0; k < functions; k += kHashBlock) {
    std::uint32_t m[kHashBlock], o[kHashBlock], best[kHashBlock];
    for (std::size_t i = 0; i < kHashBlock; ++i) {
      m[i] = multiplier[k + i], o[i] = offset[k + i];
      best[i] = std::numeric_limits<std::uint32_t>::max();
    }
    for (const std::uint32_t x : set) {
      for (std::size_t i = 0; i < kHashBlock; ++i) best[i] = std::min(best[i], m[i] * x + o[i]);
    }
    for (std::size_t i = 0; i < kHashBlock; ++i) least[k + i] = best[i];
  }
}

using Kernel = void (*)(std::span<const std::uint32_t>, const std::uint32_t*, const std::uint32_t*, std::uint32_t*,
                        std::size_t);

void portable(std::span<const std::uint32_t> set, const std::uint32_t* m, const std::uint32_t* o, std::uint32_t* least,
              std::size_t n) {
  min_hash_body(set, m, o, least, n);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void avx2(std::span<const std::uint32_t> set, const std::uint32_t* m, const std::uint32_t* o,
                                  std::uint32_t* least, std::size_t n) {
  min_hash_body(set, m, o, least, n);
}
[[gnu::target("avx512f,avx512vl,avx512dq,avx512bw")]] void avx512(std::span<const std::uint32_t> set,
                                                                  const std::uint32_t* m, const std::uint32_t* o,
                                                                  std::uint32_t* least, std::size_t n) {
  min_hash_body(set, m, o, least, n);
}
#endif

Kernel best_kernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    return avx512;
  if (__builtin_cpu_supports("avx2")) return avx2;
#endif
  return portable;
}

}  // namespace

void min_hash(std::span<const std::uint32_t> set, std::span<const std::uint32_t> multiplier,
              std::span<const std::uint32_t> offset, std::span<std::uint32_t> least) {
  static const Kernel kernel = best_kernel();
  kernel(set, multiplier.data(), offset.data(), least.data(), least.size());
}

}  // namespace equal::clean
