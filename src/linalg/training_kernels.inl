// Included by training_{plain,avx2,avx512}.cpp. Vectors of 16 floats by the compiler's own extension: one, two or four
// registers. No header with inline functions may be included here: the linker could keep the copy that was compiled for
// the newer CPU.
#include "training_kernels.hpp"

namespace equal::linalg::training {
namespace {

#define EQUAL_INLINE inline __attribute__((always_inline))

using F = float __attribute__((vector_size(64)));
using I = std::int32_t __attribute__((vector_size(64)));
constexpr std::size_t kLanes = 16;

EQUAL_INLINE F load(const float* p) {
  F v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
EQUAL_INLINE F load_part(const float* p, std::size_t n) {
  F v = {};
  __builtin_memcpy(&v, p, n * sizeof(float));
  return v;
}
EQUAL_INLINE void store(float* p, F v) { __builtin_memcpy(p, &v, sizeof v); }
EQUAL_INLINE void store_part(float* p, F v, std::size_t n) { __builtin_memcpy(p, &v, n * sizeof(float)); }
EQUAL_INLINE F all(float x) { return F{} + x; }
EQUAL_INLINE F choose(I mask, F yes, F no) {
  I a, b;
  __builtin_memcpy(&a, &yes, sizeof a);
  __builtin_memcpy(&b, &no, sizeof b);
  const I bits = (mask & a) | (~mask & b);
  F out;
  __builtin_memcpy(&out, &bits, sizeof out);
  return out;
}
EQUAL_INLINE F at_most(F x, F limit) { return choose(x < limit, x, limit); }
EQUAL_INLINE F at_least(F x, F limit) { return choose(x > limit, x, limit); }

EQUAL_INLINE float sum_lanes(F v) {
  float s[kLanes];
  __builtin_memcpy(s, &v, sizeof s);
  for (std::size_t step = kLanes / 2; step > 0; step /= 2) {
    for (std::size_t i = 0; i < step; ++i) s[i] += s[i + step];
  }
  return s[0];
}
EQUAL_INLINE float max_lanes(F v) {
  float s[kLanes];
  __builtin_memcpy(s, &v, sizeof s);
  float top = s[0];
  for (std::size_t i = 1; i < kLanes; ++i) top = s[i] > top ? s[i] : top;
  return top;
}

// f(vector position, count): whole vectors, then the rest.
template <class Whole, class Part>
EQUAL_INLINE void for_vectors(std::size_t n, const Whole& whole, const Part& part) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) whole(i);
  if (i < n) part(i, n - i);
}

template <int N>
EQUAL_INLINE F polynomial(F t, const float (&c)[N]) {
  F y = all(c[N - 1]);
  for (int i = N - 2; i >= 0; --i) y = y * t + c[i];
  return y;
}

// e^x within 3e-7, relative; 0 for x below -87. The integer part is rounded by adding 1.5 * 2^23.
EQUAL_INLINE F exponential(F x) {
  constexpr float kMagic = 12582912.0F, kLog2e = 1.44269504F, kLn2High = 0.693359375F, kLn2Low = -2.12194440e-4F;
  static constexpr float kTerms[] = {1.0F, 1.0F, 0.5F, 0.16666667F, 0.041666668F, 0.0083333F, 0.0013986F};
  const I far = x < all(-87.0F);
  x = at_least(at_most(x, all(88.0F)), all(-87.0F));
  const F k = (x * kLog2e + kMagic) - kMagic;
  const F f = (x - k * kLn2High) - k * kLn2Low;
  const I bits = (__builtin_convertvector(k, I) + 127) << 23;
  F power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return choose(far, F{}, polynomial(f, kTerms) * power);
}

// Phi(x) - 1/2 = x Q(2 x^2 / 5.4^2 - 1) on |x| <= 5.4, constant beyond; Q fitted in the Chebyshev sense.
EQUAL_INLINE F normal_distribution(F x) {
  static constexpr float kTerms[] = {0.130928114F,   -0.0653279834F,   0.0484994018F,  -0.0392093246F,
                                     0.03212103F,    -0.02572183F,     0.0196087858F,  -0.0140648204F,
                                     0.00978675821F, -0.00651521668F,  0.00340805058F, -0.00137327239F,
                                     0.00109927655F, -0.000962024964F, 0.000315644173F};
  const F c = at_least(at_most(x, all(5.4F)), all(-5.4F));
  const F t = c * c * (2 / (5.4F * 5.4F)) - 1.0F;
  return polynomial(t, kTerms) * c + 0.5F;
}
EQUAL_INLINE F gelu_of(F x) { return x * normal_distribution(x); }
EQUAL_INLINE F gelu_slope(F x) {
  constexpr float kDensity = 0.398942280F;  // 1 / sqrt(2 pi)
  return normal_distribution(x) + x * kDensity * exponential(x * x * -0.5F);
}

void gelu(const float* x, float* y, std::size_t n) {
  for_vectors(
      n, [&](std::size_t i) { store(y + i, gelu_of(load(x + i))); },
      [&](std::size_t i, std::size_t k) { store_part(y + i, gelu_of(load_part(x + i, k)), k); });
}

void gelu_backward(const float* x, float* grad, std::size_t n) {
  for_vectors(
      n, [&](std::size_t i) { store(grad + i, load(grad + i) * gelu_slope(load(x + i))); },
      [&](std::size_t i, std::size_t k) {
        store_part(grad + i, load_part(grad + i, k) * gelu_slope(load_part(x + i, k)), k);
      });
}

void layer_norm(const float* x, const float* gain, const float* offset, float epsilon, std::size_t columns,
                float* normalised, float* inverse_deviation, float* y) {
  F sum = {};
  for_vectors(
      columns, [&](std::size_t i) { sum += load(x + i); },
      [&](std::size_t i, std::size_t k) { sum += load_part(x + i, k); });
  const float n = static_cast<float>(columns), mean = sum_lanes(sum) / n;
  F squares = {};
  for_vectors(
      columns,
      [&](std::size_t i) {
        const F d = load(x + i) - mean;
        squares += d * d;
      },
      [&](std::size_t i, std::size_t k) {
        F d = {};
        for (std::size_t j = 0; j < k; ++j) d[j] = x[i + j] - mean;
        squares += d * d;
      });
  const float inverse = 1.0F / __builtin_sqrtf(sum_lanes(squares) / n + epsilon);
  *inverse_deviation = inverse;
  for_vectors(
      columns,
      [&](std::size_t i) {
        const F v = (load(x + i) - mean) * inverse;
        store(normalised + i, v);
        store(y + i, v * load(gain + i) + load(offset + i));
      },
      [&](std::size_t i, std::size_t k) {
        const F v = (load_part(x + i, k) - mean) * inverse;
        store_part(normalised + i, v, k);
        store_part(y + i, v * load_part(gain + i, k) + load_part(offset + i, k), k);
      });
}

void layer_norm_backward(const float* normalised, float inverse_deviation, const float* gain, std::size_t columns,
                         float* grad, float* gain_grad, float* offset_grad) {
  F sum = {}, product = {};
  const auto take = [&](F g, F v, F w) {
    const F s = g * w;
    sum += s;
    product += s * v;
  };
  for_vectors(
      columns,
      [&](std::size_t i) {
        const F g = load(grad + i), v = load(normalised + i);
        store(gain_grad + i, load(gain_grad + i) + g * v);
        store(offset_grad + i, load(offset_grad + i) + g);
        take(g, v, load(gain + i));
      },
      [&](std::size_t i, std::size_t k) {
        const F g = load_part(grad + i, k), v = load_part(normalised + i, k);
        store_part(gain_grad + i, load_part(gain_grad + i, k) + g * v, k);
        store_part(offset_grad + i, load_part(offset_grad + i, k) + g, k);
        take(g, v, load_part(gain + i, k));
      });
  const float n = static_cast<float>(columns), mean = sum_lanes(sum) / n, slope = sum_lanes(product) / n;
  for_vectors(
      columns,
      [&](std::size_t i) {
        const F g = load(grad + i) * load(gain + i), v = load(normalised + i);
        store(grad + i, (g - mean - v * slope) * inverse_deviation);
      },
      [&](std::size_t i, std::size_t k) {
        const F g = load_part(grad + i, k) * load_part(gain + i, k), v = load_part(normalised + i, k);
        store_part(grad + i, (g - mean - v * slope) * inverse_deviation, k);
      });
}

void softmax(float* s, float scale, std::size_t n) {
  constexpr float kLowest = -3e38F;
  F top = all(kLowest);
  const auto rest = [&](std::size_t i, std::size_t k) {  // missing lanes: as low as can be
    F v = all(kLowest);
    __builtin_memcpy(&v, s + i, k * sizeof(float));
    return v;
  };
  for_vectors(
      n, [&](std::size_t i) { top = at_least(top, load(s + i)); },
      [&](std::size_t i, std::size_t k) { top = at_least(top, rest(i, k)); });
  const float highest = max_lanes(top);
  F sum = {};
  for_vectors(
      n,
      [&](std::size_t i) {
        const F e = exponential((load(s + i) - highest) * scale);
        sum += e;
        store(s + i, e);
      },
      [&](std::size_t i, std::size_t k) {
        const F e = exponential((rest(i, k) - highest) * scale);
        sum += e;
        store_part(s + i, e, k);
      });
  const float inverse = 1.0F / sum_lanes(sum);
  for_vectors(
      n, [&](std::size_t i) { store(s + i, load(s + i) * inverse); },
      [&](std::size_t i, std::size_t k) { store_part(s + i, load_part(s + i, k) * inverse, k); });
}

void softmax_backward(const float* p, float scale, std::size_t n, float* grad) {
  F sum = {};
  for_vectors(
      n, [&](std::size_t i) { sum += load(p + i) * load(grad + i); },
      [&](std::size_t i, std::size_t k) { sum += load_part(p + i, k) * load_part(grad + i, k); });
  const float mean = sum_lanes(sum);
  for_vectors(
      n, [&](std::size_t i) { store(grad + i, (load(grad + i) - mean) * load(p + i) * scale); },
      [&](std::size_t i, std::size_t k) {
        store_part(grad + i, (load_part(grad + i, k) - mean) * load_part(p + i, k) * scale, k);
      });
}

void add_scaled(float scale, const float* x, float* y, std::size_t n) {
  for_vectors(
      n, [&](std::size_t i) { store(y + i, load(y + i) + load(x + i) * scale); },
      [&](std::size_t i, std::size_t k) { store_part(y + i, load_part(y + i, k) + load_part(x + i, k) * scale, k); });
}

// |x| <= 2^12 and units of 2^-40 make |x / unit| <= 2^52: adding 1.5 * 2^52 to it as a double rounds it to an integer,
// which then stands in the low bits.
bool add_fixed(const float* x, std::int64_t* sum, std::size_t n) {
  using D = double __attribute__((vector_size(64)));
  using L = std::int64_t __attribute__((vector_size(64)));
  using H = float __attribute__((vector_size(32)));
  constexpr double kMagic = 6755399441055744.0, kUnits = 0x1p40;
  L good = L{} - 1;
  const auto step = [&](std::size_t i, std::size_t k) {
    H h = {};
    __builtin_memcpy(&h, x + i, k * sizeof(float));
    const D d = __builtin_convertvector(h, D);
    good &= (d <= 0x1p12) & (d >= -0x1p12);
    const D moved = d * kUnits * 0.5 + kMagic;  // half of it, so that 2^52 stays within reach of the trick
    const D low = d * kUnits - (moved - kMagic) * 2;
    L bits, rest, magic;
    const D magic_value = D{} + kMagic, rest_value = low + kMagic;
    __builtin_memcpy(&bits, &moved, sizeof bits);
    __builtin_memcpy(&rest, &rest_value, sizeof rest);
    __builtin_memcpy(&magic, &magic_value, sizeof magic);
    L s = {};
    __builtin_memcpy(&s, sum + i, k * sizeof(std::int64_t));
    s += (bits - magic) * 2 + (rest - magic);
    __builtin_memcpy(sum + i, &s, k * sizeof(std::int64_t));
  };
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) step(i, 8);
  if (i < n) step(i, n - i);
  bool all_good = true;
  for (int j = 0; j < 8; ++j) all_good = all_good && good[j] != 0;
  return all_good;
}

void adamw(const float* c, const float* g, float* m, float* v, float* x, std::size_t n) {
  const float beta1 = c[1], rest1 = c[2], beta2 = c[3], rest2 = c[4], epsilon = c[5], keep = c[6], rate = c[7],
              root = c[8];
  for (std::size_t i = 0; i < n; ++i) {
    m[i] = beta1 * m[i] + rest1 * g[i];
    v[i] = beta2 * v[i] + rest2 * (g[i] * g[i]);
    x[i] = x[i] * keep - rate * (m[i] / (__builtin_sqrtf(v[i]) * root + epsilon));
  }
}

}  // namespace
}  // namespace equal::linalg::training

#define EQUAL_TRAINING_KERNELS(name)                                                                              \
  {                                                                                                               \
    name, gelu, gelu_backward, layer_norm, layer_norm_backward, softmax, softmax_backward, add_scaled, add_fixed, \
        adamw                                                                                                     \
  }
