// Included by kernels_{plain,avx2,avx512}.cpp, each compiled for its CPU, on vectors of that CPU's width (the
// compiler's own vector extension). What is done element by element is the same for any width; the one sum along a row
// always has 16 running values, in as many registers as that takes. No header with inline functions may be included
// here besides kernels.hpp: the linker could keep the copy that was compiled for the newer CPU. (Intrinsics are always
// inlined.)
#include <cstdint>

#include "kernels.hpp"

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif
#if defined(__AVX512F__)
#define EQUAL_WIDTH 64
#elif defined(__AVX2__)
#define EQUAL_WIDTH 32
#else
#define EQUAL_WIDTH 16
#endif
#define EQUAL_INLINE inline __attribute__((always_inline))

namespace equal::transport {
namespace {

using D = double __attribute__((vector_size(EQUAL_WIDTH)));
using F = float __attribute__((vector_size(EQUAL_WIDTH)));
using HalfF = float __attribute__((vector_size(EQUAL_WIDTH / 2)));
using Bits = std::int64_t __attribute__((vector_size(EQUAL_WIDTH)));

constexpr std::size_t kD = EQUAL_WIDTH / sizeof(double);
constexpr std::size_t kF = EQUAL_WIDTH / sizeof(float);

/// The vector of a stored type, its length, and the least value that is stored: below it a value is made zero, so that
/// no denormal number (slow) ever is.
template <class T>
struct Stored;
template <>
struct Stored<double> {
  using Vector = D;
  static constexpr std::size_t kLength = kD;
  static constexpr double kLeast = 0x1p-1000, kLeastExponent = -690.0;
};
template <>
struct Stored<float> {
  using Vector = F;
  static constexpr std::size_t kLength = kF;
  static constexpr float kLeast = 0x1p-120F;
  static constexpr double kLeastExponent = -83.0;
};

// Through memcpy: no alignment is promised, and GCC and clang both make one unaligned move of it.
EQUAL_INLINE D load(const double* p) {
  D v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
EQUAL_INLINE F load(const float* p) {
  F v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
EQUAL_INLINE void store(double* p, D v) { __builtin_memcpy(p, &v, sizeof v); }
EQUAL_INLINE void store(float* p, F v) { __builtin_memcpy(p, &v, sizeof v); }
EQUAL_INLINE void store(float* p, D v) {
  const HalfF half = __builtin_convertvector(v, HalfF);
  __builtin_memcpy(p, &half, sizeof half);
}
EQUAL_INLINE D spread(double x) { return x - D{}; }
EQUAL_INLINE F spread(float x) { return x - F{}; }
EQUAL_INLINE D smaller(D a, D b) { return a < b ? a : b; }

/// a b + c, rounded once: in hardware, or by the C library where the CPU has no such instruction.
EQUAL_INLINE F fused(F a, F b, F c) {
#if EQUAL_WIDTH == 64
  return reinterpret_cast<F>(
      _mm512_fmadd_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(c)));
#elif EQUAL_WIDTH == 32
  return reinterpret_cast<F>(
      _mm256_fmadd_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), reinterpret_cast<__m256>(c)));
#else
  for (std::size_t k = 0; k < kF; ++k) c[k] = __builtin_fmaf(a[k], b[k], c[k]);
  return c;
#endif
}
EQUAL_INLINE D fused(D a, D b, D c) {
#if EQUAL_WIDTH == 64
  return reinterpret_cast<D>(
      _mm512_fmadd_pd(reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b), reinterpret_cast<__m512d>(c)));
#elif EQUAL_WIDTH == 32
  return reinterpret_cast<D>(
      _mm256_fmadd_pd(reinterpret_cast<__m256d>(a), reinterpret_cast<__m256d>(b), reinterpret_cast<__m256d>(c)));
#else
  for (std::size_t k = 0; k < kD; ++k) c[k] = __builtin_fma(a[k], b[k], c[k]);
  return c;
#endif
}

double min_sum(const double* c, const double* p, std::size_t n) {
  double best = __builtin_inf();
  if (n < kD) {
    for (std::size_t j = 0; j < n; ++j) best = c[j] + p[j] < best ? c[j] + p[j] : best;
    return best;
  }
  // A minimum may look at an element twice, so the last vector overlaps the one before it instead of a scalar tail.
  const std::size_t last = n - kD;
  D m0 = load(c + last) + load(p + last), m1 = m0, m2 = m0, m3 = m0;
  std::size_t j = 0;
  for (; j + 4 * kD <= n; j += 4 * kD) {
    m0 = smaller(load(c + j) + load(p + j), m0);
    m1 = smaller(load(c + j + kD) + load(p + j + kD), m1);
    m2 = smaller(load(c + j + 2 * kD) + load(p + j + 2 * kD), m2);
    m3 = smaller(load(c + j + 3 * kD) + load(p + j + 3 * kD), m3);
  }
  for (; j + kD <= n; j += kD) m0 = smaller(load(c + j) + load(p + j), m0);
  m0 = smaller(smaller(m0, m1), smaller(m2, m3));
  for (std::size_t k = 0; k < kD; ++k) best = m0[k] < best ? m0[k] : best;
  return best;
}

std::size_t find_sum(const double* c, const double* p, std::size_t n, double value) {
  std::size_t j = 0;
  for (; j + kD <= n; j += kD) {
    const Bits hit = load(c + j) + load(p + j) == spread(value);
    std::int64_t any = 0;
    for (std::size_t k = 0; k < kD; ++k) any |= hit[k];
    if (any != 0) break;
  }
  while (j + 1 < n && c[j] + p[j] != value) ++j;
  return j;
}

/// Cody-Waite reduction by ln 2 in two parts, a Taylor polynomial of degree 13 on |r| <= ln(2)/2 (remainder below
/// 5e-18), and 2^k put into the exponent field.
EQUAL_INLINE D exp_v(D x, double floor) {
  const D magic = spread(0x1.8p52);
  const Bits dead = x < spread(floor);
  const D clipped = dead ? D{} : x;
  const D shifted = clipped * spread(0x1.71547652b82fep0) + magic;
  const D k = shifted - magic;
  const D r = (clipped - k * spread(0x1.62e42fee00000p-1)) - k * spread(0x1.a39ef35793c76p-33);
  D y = spread(1.0 / 6227020800.0);
  y = y * r + spread(1.0 / 479001600.0);
  y = y * r + spread(1.0 / 39916800.0);
  y = y * r + spread(1.0 / 3628800.0);
  y = y * r + spread(1.0 / 362880.0);
  y = y * r + spread(1.0 / 40320.0);
  y = y * r + spread(1.0 / 5040.0);
  y = y * r + spread(1.0 / 720.0);
  y = y * r + spread(1.0 / 120.0);
  y = y * r + spread(1.0 / 24.0);
  y = y * r + spread(1.0 / 6.0);
  y = y * r + spread(0.5);
  y = (y * r) * r + r + spread(1.0);
  const Bits power = (reinterpret_cast<Bits>(shifted) - reinterpret_cast<Bits>(magic) + 1023) << 52;
  return dead ? D{} : y * reinterpret_cast<D>(power);
}

template <class T>
EQUAL_INLINE void exp_row_any(const double* c, const double* g, double f, double scale, T* out, std::size_t n) {
  for (std::size_t j = 0; j < n; j += kD) {
    store(out + j, exp_v((spread(f) + load(g + j) - load(c + j)) * spread(scale), Stored<T>::kLeastExponent));
  }
}

/// The two halves of c in double.
EQUAL_INLINE void widen(F c, D& low, D& high) {
#if EQUAL_WIDTH == 64  // what __builtin_convertvector should become; GCC 12 makes seven instructions of it
  const __m512d all = reinterpret_cast<__m512d>(c);
  low = reinterpret_cast<D>(_mm512_cvtps_pd(_mm256_castpd_ps(_mm512_castpd512_pd256(all))));
  high = reinterpret_cast<D>(_mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(all, 1))));
#elif EQUAL_WIDTH == 32
  low = __builtin_convertvector(__builtin_shufflevector(c, c, 0, 1, 2, 3), D);
  high = __builtin_convertvector(__builtin_shufflevector(c, c, 4, 5, 6, 7), D);
#else
  low = __builtin_convertvector(__builtin_shufflevector(c, c, 0, 1), D);
  high = __builtin_convertvector(__builtin_shufflevector(c, c, 2, 3), D);
#endif
}

/// 16 running values as eight: lane k + lane k + 8.
#if EQUAL_WIDTH == 64
struct Eight {
  D lanes;
};
EQUAL_INLINE Eight eight_of(const D (&x)[2]) { return {x[0] + x[1]}; }
#elif EQUAL_WIDTH == 32
struct Eight {
  D low, high;
};
EQUAL_INLINE Eight eight_of(const D (&x)[4]) { return {x[0] + x[2], x[1] + x[3]}; }
#else
struct Eight {
  D lanes[4];
};
EQUAL_INLINE Eight eight_of(const D (&x)[8]) { return {{x[0] + x[4], x[1] + x[5], x[2] + x[6], x[3] + x[7]}}; }
#endif
EQUAL_INLINE Eight eight_of(const F (&x)[16 / kF]) {
  D wide[16 / kD];
  for (std::size_t p = 0; p < 16 / kF; ++p) widen(x[p], wide[2 * p], wide[2 * p + 1]);
  return eight_of(wide);
}

/// ((x0 + x4) + (x2 + x6)) + ((x1 + x5) + (x3 + x7)).
EQUAL_INLINE double total(const Eight& x) {
#if EQUAL_WIDTH == 64
  using D4 = double __attribute__((vector_size(32)));
  const D4 four =
      __builtin_shufflevector(x.lanes, x.lanes, 0, 1, 2, 3) + __builtin_shufflevector(x.lanes, x.lanes, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
#elif EQUAL_WIDTH == 32
  const D four = x.low + x.high;
  return (four[0] + four[2]) + (four[1] + four[3]);
#else
  const D two = (x.lanes[0] + x.lanes[2]) + (x.lanes[1] + x.lanes[3]);
  return two[0] + two[1];
#endif
}

/// out[i] = total(x[i])
template <std::size_t R>
EQUAL_INLINE void totals(const Eight (&x)[R], double* out) {
#if EQUAL_WIDTH == 64
  if constexpr (R == 8) {  // the same additions for eight rows at once: each step halves the vectors
    D four[4], two[2];
    for (std::size_t i = 0; i < 4; ++i) {
      const D a = x[2 * i].lanes, b = x[2 * i + 1].lanes;
      four[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
                __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (std::size_t i = 0; i < 2; ++i) {
      const D a = four[2 * i], b = four[2 * i + 1];
      two[i] = __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13) +
               __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15);
    }
    store(out, __builtin_shufflevector(two[0], two[1], 0, 2, 4, 6, 8, 10, 12, 14) +
                   __builtin_shufflevector(two[0], two[1], 1, 3, 5, 7, 9, 11, 13, 15));
    return;
  }
#endif
  for (std::size_t i = 0; i < R; ++i) out[i] = total(x[i]);
}

/// columns[0 .. length) += c
EQUAL_INLINE void add_to(double* columns, D c) { store(columns, load(columns) + c); }
EQUAL_INLINE void add_to(double* columns, F c) {
  D low, high;
  widen(c, low, high);
  store(columns, load(columns) + low);
  store(columns + kD, load(columns + kD) + high);
}

/// q = step . diag(row_scale) q diag(column_scale) in R rows.
template <std::size_t R, class T>
EQUAL_INLINE void rescale(const Sweep<T>& s, std::size_t first) {
  using Vector = typename Stored<T>::Vector;
  T* const q = s.q + first * s.stride;
  const T* const step = s.step + first * s.stride;
  for (std::size_t i = 0; i < R; ++i) {
    const Vector u = spread(s.row_scale[first + i]);
    for (std::size_t j = 0; j < s.stride; j += Stored<T>::kLength) {
      const std::size_t at = i * s.stride + j;
      const Vector moved = load(step + at) * (u * load(q + at) * load(s.column_scale + j));
      store(q + at, moved < spread(Stored<T>::kLeast) ? Vector{} : moved);
    }
  }
}

/// Running values of the sums q w of R rows.
template <std::size_t R, class T>
struct RowSums {
  using Vector = typename Stored<T>::Vector;
  static constexpr std::size_t kParts = kLanes / Stored<T>::kLength;
  Vector sum[R][kParts] = {};
};

/// sums and shares of R rows.
template <std::size_t R, class T>
EQUAL_INLINE void share(const Sweep<T>& s, std::size_t first, const RowSums<R, T>& rows) {
  Eight eight[R];
  for (std::size_t i = 0; i < R; ++i) eight[i] = eight_of(rows.sum[i]);
  totals(eight, s.sums + first);
  double* const shares = s.shares + first;
  if constexpr (R % kD == 0) {
    for (std::size_t i = 0; i < R; i += kD)
      store(shares + i, load(s.a + first + i) / (load(s.sums + first + i) + spread(s.offset)));
  } else {
    for (std::size_t i = 0; i < R; ++i) shares[i] = s.a[first + i] / (s.sums[first + i] + s.offset);
  }
}

template <std::size_t R, class T>
EQUAL_INLINE void add_row_sums(const Sweep<T>& s, std::size_t first) {
  constexpr std::size_t kLength = Stored<T>::kLength;
  if (s.step != nullptr) rescale<R>(s, first);
  const T* const q = s.q + first * s.stride;
  RowSums<R, T> rows;
  for (std::size_t j = 0; j < s.stride; j += kLanes) {
    for (std::size_t p = 0; p < rows.kParts; ++p) {
      const auto wj = load(s.w + j + p * kLength);
      for (std::size_t i = 0; i < R; ++i)
        rows.sum[i][p] = fused(load(q + i * s.stride + j + p * kLength), wj, rows.sum[i][p]);
    }
  }
  share(s, first, rows);
}

/// columns += shares q of R rows.
template <std::size_t R, class T>
EQUAL_INLINE void add_columns(const Sweep<T>& s, std::size_t first) {
  using Vector = typename Stored<T>::Vector;
  const T* const q = s.q + first * s.stride;
  Vector u[R];
  for (std::size_t i = 0; i < R; ++i) u[i] = spread(static_cast<T>(s.shares[first + i]));
  // The next rows come from a farther cache meanwhile: a quarter of the time of matrices that no near cache holds.
  const T* const next = first + 2 * R <= s.rows ? q + R * s.stride : q;
  for (std::size_t j = 0; j < s.stride; j += Stored<T>::kLength) {
    for (std::size_t i = 0; i < R; ++i) __builtin_prefetch(next + i * s.stride + j);
    Vector c = u[0] * load(q + j);
    for (std::size_t i = 1; i < R; ++i) c = fused(u[i], load(q + i * s.stride + j), c);
    add_to(s.columns + j, c);
  }
}

#if EQUAL_WIDTH == 64
/// add_columns of the R rows before the last R and add_row_sums of the next R in one loop: by then the shares are
/// there, and nothing waits for the end of a sum. Where registers are fewer this would not pay; the values are the
/// same.
template <std::size_t R, class T>
EQUAL_INLINE void add_columns_and_row_sums(const Sweep<T>& s, std::size_t columns_of, std::size_t sums_of) {
  using Vector = typename Stored<T>::Vector;
  constexpr std::size_t kLength = Stored<T>::kLength;
  if (s.step != nullptr) rescale<R>(s, sums_of);
  const std::size_t stride = s.stride, stride3 = 3 * stride;
  const T *q0 = s.q + columns_of * stride, *q4 = q0 + 4 * stride, *r0 = s.q + sums_of * stride, *r4 = r0 + 4 * stride;
  Vector u[R];
  for (std::size_t i = 0; i < R; ++i) u[i] = spread(static_cast<T>(s.shares[columns_of + i]));
  RowSums<R, T> rows;
  double* columns = s.columns;
  const T* w = s.w;
  for (const T* const end = w + stride; w < end;) {
    for (std::size_t p = 0; p < rows.kParts; ++p) {
      Vector c = u[0] * load(q0);
      c = fused(u[1], load(q0 + stride), c);
      c = fused(u[2], load(q0 + 2 * stride), c);
      c = fused(u[3], load(q0 + stride3), c);
      if constexpr (R == 8) {
        c = fused(u[4], load(q4), c);
        c = fused(u[5], load(q4 + stride), c);
        c = fused(u[6], load(q4 + 2 * stride), c);
        c = fused(u[7], load(q4 + stride3), c);
      }
      add_to(columns, c);
      const Vector wj = load(w);
      rows.sum[0][p] = fused(load(r0), wj, rows.sum[0][p]);
      rows.sum[1][p] = fused(load(r0 + stride), wj, rows.sum[1][p]);
      rows.sum[2][p] = fused(load(r0 + 2 * stride), wj, rows.sum[2][p]);
      rows.sum[3][p] = fused(load(r0 + stride3), wj, rows.sum[3][p]);
      if constexpr (R == 8) {
        rows.sum[4][p] = fused(load(r4), wj, rows.sum[4][p]);
        rows.sum[5][p] = fused(load(r4 + stride), wj, rows.sum[5][p]);
        rows.sum[6][p] = fused(load(r4 + 2 * stride), wj, rows.sum[6][p]);
        rows.sum[7][p] = fused(load(r4 + stride3), wj, rows.sum[7][p]);
      }
      q0 += kLength, q4 += kLength, r0 += kLength, r4 += kLength, columns += kLength, w += kLength;
    }
  }
  share(s, sums_of, rows);
}

/// The first `count` rows, R at a time.
template <std::size_t R, class T>
EQUAL_INLINE void sweep_groups(const Sweep<T>& s, std::size_t count) {
  if (count >= R) add_row_sums<R>(s, 0);
  if (count >= 2 * R) add_row_sums<R>(s, R);
  for (std::size_t i = 2 * R; i < count; i += R) add_columns_and_row_sums<R>(s, i - 2 * R, i);
  if (count >= 2 * R) add_columns<R>(s, count - 2 * R);
  if (count >= R) add_columns<R>(s, count - R);
}
#else
template <std::size_t R, class T>
EQUAL_INLINE void sweep_groups(const Sweep<T>& s, std::size_t count) {
  for (std::size_t i = 0; i < count; i += R) {
    add_row_sums<R>(s, i);
    add_columns<R>(s, i);
  }
}
#endif

/// R rows at a time: w and columns are loaded once for them. R decides the order of additions, so it is chosen by the
/// size of a row alone: the second use of q shall find it in the first-level cache.
template <class T>
EQUAL_INLINE void sweep_any(const Sweep<T>& s) {
  constexpr std::size_t kNearCache = 32768;
  for (std::size_t j = 0; j < s.stride; ++j) s.columns[j] = 0.0;
  const std::size_t row_bytes = s.stride * sizeof(T), eights = s.rows / 8 * 8, fours = s.rows / 4 * 4;
  if (3 * 8 * row_bytes <= kNearCache) {
    sweep_groups<8>(s, eights);
  } else if (3 * 4 * row_bytes <= kNearCache) {
    sweep_groups<4>(s, eights);
  } else {
    for (std::size_t i = 0; i < eights; i += 8) {
      add_row_sums<8>(s, i);
      add_columns<8>(s, i);
    }
  }
  if (fours > eights) {
    add_row_sums<4>(s, eights);
    add_columns<4>(s, eights);
  }
  for (std::size_t i = fours; i < s.rows; ++i) {
    add_row_sums<1>(s, i);
    add_columns<1>(s, i);
  }
}

template <class T>
EQUAL_INLINE void divide_any(const double* b, const double* x, double offset, T* out, std::size_t n) {
  for (std::size_t j = 0; j < n; j += kD) store(out + j, load(b + j) / (load(x + j) + spread(offset)));
}

void exp_row_d(const double* c, const double* g, double f, double scale, double* out, std::size_t n) {
  exp_row_any(c, g, f, scale, out, n);
}
void exp_row_f(const double* c, const double* g, double f, double scale, float* out, std::size_t n) {
  exp_row_any(c, g, f, scale, out, n);
}
void sweep_d(const Sweep<double>& s) { sweep_any(s); }
void sweep_f(const Sweep<float>& s) { sweep_any(s); }
void divide_d(const double* b, const double* x, double offset, double* out, std::size_t n) {
  divide_any(b, x, offset, out, n);
}
void divide_f(const double* b, const double* x, double offset, float* out, std::size_t n) {
  divide_any(b, x, offset, out, n);
}

}  // namespace
}  // namespace equal::transport

#define EQUAL_KERNELS(NAME) \
  { NAME, min_sum, find_sum, exp_row_d, exp_row_f, sweep_d, sweep_f, divide_d, divide_f }
