#include "lsa_rows.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace equal::encode {
namespace {

// Adding 1.5 * 2^52 leaves round-to-nearest-even of a number below 2^51 in the low bits of the double: a conversion to
// int64 that every instruction set has. The product with `scale` is exact, so there is one rounding only.
constexpr double kToInteger = 0x1.8p52;

[[gnu::always_inline]] inline void accumulate(const SparseRows& rows, const float* v, double scale, std::int64_t* z) {
  const SparseRows::Entry* const entries = rows.entries.data();
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const SparseRows::Entry* const first = entries + rows.start[i];
    const SparseRows::Entry* const last = entries + rows.start[i + 1];
    float y[kLsaGroup] = {};
    for (const auto* e = first; e != last; ++e) {
      const float* const row = v + std::size_t{e->feature} * kLsaGroup;
      __builtin_prefetch(z + std::size_t{e->feature} * kLsaGroup, 1);
      __builtin_prefetch(z + std::size_t{e->feature} * kLsaGroup + 8, 1);
      if (e + 8 < last) __builtin_prefetch(v + std::size_t{e[8].feature} * kLsaGroup);
      for (std::size_t c = 0; c < kLsaGroup; ++c) y[c] += e->weight * row[c];
    }
    for (const auto* e = first; e != last; ++e) {
      std::int64_t* const out = z + std::size_t{e->feature} * kLsaGroup;
      for (std::size_t c = 0; c < kLsaGroup; ++c) {
        const double shifted = static_cast<double>(e->weight * y[c]) * scale + kToInteger;
        out[c] += std::bit_cast<std::int64_t>(shifted) - std::bit_cast<std::int64_t>(kToInteger);
      }
    }
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void accumulate_avx2(const SparseRows& rows, const float* v, double scale,
                                                     std::int64_t* z) {
  accumulate(rows, v, scale, z);
}
__attribute__((target("avx512f,avx512dq,avx512vl"))) void accumulate_avx512(const SparseRows& rows, const float* v,
                                                                            double scale, std::int64_t* z) {
  accumulate(rows, v, scale, z);
}
#endif

}  // namespace

double lsa_scale(std::uint64_t documents) noexcept {
  return std::ldexp(1.0,
                    61 - std::max(18, static_cast<int>(std::bit_width(std::max<std::uint64_t>(documents, 1) - 1))));
}

void lsa_accumulate(const SparseRows& rows, const float* v, double scale, std::int64_t* z) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return accumulate_avx512(rows, v, scale, z);
  }
  if (__builtin_cpu_supports("avx2")) return accumulate_avx2(rows, v, scale, z);
#endif
  accumulate(rows, v, scale, z);
}

}  // namespace equal::encode
