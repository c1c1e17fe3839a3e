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
EQUAL_INLINE D larger(D a, D b) {
#if EQUAL_WIDTH == 64  // GCC 12 makes a comparison and a choice of the other
  return reinterpret_cast<D>(_mm512_max_pd(reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b)));
#else
  return a > b ? a : b;
#endif
}

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

/// columns[0 .. length) += c
EQUAL_INLINE void add_to(double* columns, D c) { store(columns, load(columns) + c); }
EQUAL_INLINE void add_to(double* columns, F c) {
  D low, high;
  widen(c, low, high);
  store(columns, load(columns) + low);
  store(columns + kD, load(columns + kD) + high);
}

/// Running values of the sums q w along the rows of a panel.
template <class T>
struct RowSums {
  using Vector = typename Stored<T>::Vector;
  static constexpr std::size_t kParts = kLanes / Stored<T>::kLength;
  Vector sum[kPanelRows][kParts] = {};
};

template <class T>
EQUAL_INLINE std::size_t start_of(const Sweep<T>& s, std::size_t panel) {
  return panel * kPanelRows * (s.panels.whole + s.panels.packed);
}

/// The packed columns of a panel and of w.
template <class T>
struct Packed {
  std::size_t width;
  const T *q, *w;
};
template <class T>
EQUAL_INLINE Packed<T> packed_of(const Sweep<T>& s, std::size_t panel) {
  return {s.panels.packed, s.q + start_of(s, panel) + s.panels.whole * kPanelRows, s.w + s.panels.whole};
}

// out[i] = the sum of the 16 running values x of row i and of its packed products t, always (z0 + z2) + (z1 + z3) with
// z_k = y_k + y_(k+4) (+ t_k of four packed columns), y_k = x_k + x_(k+8) (+ t_k of eight).
#if EQUAL_WIDTH == 64
// The same additions for eight rows at once: each step halves the vectors; y and z lie as packed columns do.
EQUAL_INLINE void totals(const RowSums<double>& rows, const Packed<double>& packed, double* out) {
  D y[kPanelRows] = {}, z[4], two[2];
  for (std::size_t i = 0; i < kPanelRows; ++i) {
    y[i] = rows.sum[i][0] + rows.sum[i][1];
    if (packed.width == 8) y[i] += load(packed.q + i * kD) * load(packed.w);
  }
  for (std::size_t i = 0; i < 4; ++i) {  // of two rows
    const D a = y[2 * i], b = y[2 * i + 1];
    z[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    if (packed.width == 4) z[i] += load(packed.q + i * kD) * load(packed.w);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const D a = z[2 * i], b = z[2 * i + 1];
    two[i] = __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13) +
             __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15);
  }
  store(out, __builtin_shufflevector(two[0], two[1], 0, 2, 4, 6, 8, 10, 12, 14) +
                 __builtin_shufflevector(two[0], two[1], 1, 3, 5, 7, 9, 11, 13, 15));
}
EQUAL_INLINE void totals(const RowSums<float>& rows, const Packed<float>& packed, double* out) {
  F y[4], z[2];
  for (std::size_t i = 0; i < 4; ++i) {  // of two rows
    const F a = rows.sum[2 * i][0], b = rows.sum[2 * i + 1][0];
    y[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
           __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    if (packed.width == 8) y[i] += load(packed.q + i * kF) * load(packed.w);
  }
  for (std::size_t i = 0; i < 2; ++i) {  // of four rows
    const F a = y[2 * i], b = y[2 * i + 1];
    z[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
           __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    if (packed.width == 4) z[i] += load(packed.q + i * kF) * load(packed.w);
  }
  // Rows 0, 4, 1, 5, 2, 6, 3, 7, two values each.
  const F pairs = __builtin_shufflevector(z[0], z[1], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
                  __builtin_shufflevector(z[0], z[1], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  const F sums = pairs + __builtin_shufflevector(pairs, pairs, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  D low, high;
  widen(__builtin_shufflevector(sums, sums, 0, 4, 8, 12, 2, 6, 10, 14, 0, 4, 8, 12, 2, 6, 10, 14), low, high);
  store(out, low);
}
#else
template <class T>
EQUAL_INLINE void totals(const RowSums<T>& rows, const Packed<T>& packed, double* out) {
  constexpr std::size_t kHalf = RowSums<T>::kParts / 2;
  for (std::size_t i = 0; i < kPanelRows; ++i) {
    T y[8], z[4];
    for (std::size_t p = 0; p < kHalf; ++p) store(y + p * Stored<T>::kLength, rows.sum[i][p] + rows.sum[i][p + kHalf]);
    if (packed.width == 8)
      for (std::size_t k = 0; k < 8; ++k) y[k] += packed.q[i * 8 + k] * packed.w[k];
    for (std::size_t k = 0; k < 4; ++k) z[k] = y[k] + y[k + 4];
    if (packed.width == 4)
      for (std::size_t k = 0; k < 4; ++k) z[k] += packed.q[i * 4 + k] * packed.w[k];
    out[i] = static_cast<double>((z[0] + z[2]) + (z[1] + z[3]));
  }
}
#endif

/// A value of each row, as the rows lie side by side in vector p of a panel's packed columns.
template <std::size_t kWidth, class T>
EQUAL_INLINE typename Stored<T>::Vector side_by_side(const T* values, std::size_t p) {
  constexpr std::size_t kLength = Stored<T>::kLength;
  const T* const first = values + p * kLength / kWidth;
  typename Stored<T>::Vector lane, out = spread(first[0]);
  for (std::size_t k = 0; k < kLength; ++k) lane[k] = static_cast<T>(k);
  for (std::size_t k = 1; k * kWidth < kLength; ++k) {
    out = lane < spread(static_cast<T>(k * kWidth)) ? out : spread(first[k]);
  }
  return out;
}

/// sums and shares of a panel; the shares also in T, as they multiply q.
template <class T>
EQUAL_INLINE void share(const Sweep<T>& s, std::size_t panel, const RowSums<T>& rows, T* narrow) {
  const std::size_t first = panel * kPanelRows;
  totals(rows, packed_of(s, panel), s.sums + first);
  for (std::size_t i = 0; i < kPanelRows; i += kD) {
    const D below = load(s.sums + first + i) + spread(s.offset);
    const D shares = load(s.a + first + i) / larger(below, spread(Stored<double>::kLeast));
    store(s.shares + first + i, shares);
    store(narrow + i, shares);
  }
}

/// q = step (u q v), a vector, which is returned; values too small become zero.
template <class T, class Vector>
EQUAL_INLINE Vector rescale(T* q, const T* step, Vector u, Vector v) {
  const Vector moved = load(step) * (u * load(q) * v);
  const Vector out = moved < spread(Stored<T>::kLeast) ? Vector{} : moved;
  store(q, out);
  return out;
}

template <std::size_t kWidth, class T>
EQUAL_INLINE void rescale_packed(T* q, const T* step, const T* row_scale, const T* column_scale) {
  constexpr std::size_t kLength = Stored<T>::kLength;
  for (std::size_t p = 0; p < kPanelRows * kWidth / kLength; ++p) {
    const auto v = load(column_scale + p * kLength % kLanes);
    rescale(q + p * kLength, step + p * kLength, side_by_side<kWidth>(row_scale, p), v);
  }
}

/// columns += shares q of packed columns; those of rows that lie side by side stay apart until the sweep ends.
template <std::size_t kWidth, class T>
EQUAL_INLINE void add_packed_columns(const T* q, const T* shares, double* columns) {
  constexpr std::size_t kLength = Stored<T>::kLength, kParts = kLanes / kLength;
  for (std::size_t p = 0; p < kParts; ++p) {
    auto c = side_by_side<kWidth>(shares, p) * load(q + p * kLength);
    for (std::size_t k = p + kParts; k < kPanelRows * kWidth / kLength; k += kParts) {
      c = fused(side_by_side<kWidth>(shares, k), load(q + k * kLength), c);
    }
    add_to(columns + p * kLength, c);
  }
}
template <class T>
EQUAL_INLINE void add_packed_columns(const Sweep<T>& s, std::size_t panel, const T* shares) {
  const T* const q = packed_of(s, panel).q;
  if (s.panels.packed == 8) add_packed_columns<8>(q, shares, s.columns + s.panels.whole);
  if (s.panels.packed == 4) add_packed_columns<4>(q, shares, s.columns + s.panels.whole);
}

/// In one loop: columns += shares q of one panel (kColumns), and sums and new shares of another (kSums), before which
/// q = step . diag(row_scale) q diag(column_scale) there (kStep).
template <bool kColumns, bool kSums, bool kStep, class T>
EQUAL_INLINE void pass(const Sweep<T>& s, std::size_t columns_of, const T* shares, std::size_t sums_of, T* new_shares) {
  using Vector = typename Stored<T>::Vector;
  constexpr std::size_t kLength = Stored<T>::kLength;
  const T* q = s.q + start_of(s, columns_of);
  T* r = s.q + start_of(s, sums_of);
  const T* step = s.step + (kStep ? start_of(s, sums_of) : 0);
  const T* const row_scale = s.row_scale + (kStep ? sums_of * kPanelRows : 0);
  Vector u[kPanelRows], scale[kPanelRows];
  if (kColumns)
    for (std::size_t i = 0; i < kPanelRows; ++i) u[i] = spread(shares[i]);
  if (kStep)
    for (std::size_t i = 0; i < kPanelRows; ++i) scale[i] = spread(row_scale[i]);
  RowSums<T> rows;
  for (std::size_t j = 0; j < s.panels.whole; j += kLanes) {
    for (std::size_t p = 0; p < kLanes; p += kLength) {
      if (kColumns) {
        Vector c = u[0] * load(q + p);
        for (std::size_t i = 1; i < kPanelRows; ++i) c = fused(u[i], load(q + i * kLanes + p), c);
        add_to(s.columns + j + p, c);
      }
      if (!kSums) continue;
      const Vector wj = load(s.w + j + p);
      for (std::size_t i = 0; i < kPanelRows; ++i) {
        const std::size_t at = i * kLanes + p;
        const Vector x = kStep ? rescale(r + at, step + at, scale[i], load(s.column_scale + j + p)) : load(r + at);
        rows.sum[i][p / kLength] = fused(x, wj, rows.sum[i][p / kLength]);
      }
    }
    q += kPanelRows * kLanes, r += kPanelRows * kLanes, step += kStep ? kPanelRows * kLanes : 0;
  }
  if (kColumns) add_packed_columns(s, columns_of, shares);
  if (kStep && s.panels.packed == 8) rescale_packed<8>(r, step, row_scale, s.column_scale + s.panels.whole);
  if (kStep && s.panels.packed == 4) rescale_packed<4>(r, step, row_scale, s.column_scale + s.panels.whole);
  if (kSums) share(s, sums_of, rows, new_shares);
}

/// A panel at a time: w and columns are loaded once for it, and the second use of its q finds it in the first-level
/// cache, in which the sums run up to two panels ahead of the columns. Both are one loop, so that nothing waits for the
/// end of a sum; where registers are fewer that would not pay. The order of additions depends on the shape and on
/// `backward` alone.
template <bool kStep, class T>
EQUAL_INLINE void sweep_panels(const Sweep<T>& s) {
  const std::size_t panels = s.panels.rows / kPanelRows;
  constexpr std::size_t kNearCache = 32768;
  const std::size_t panel_bytes = start_of(s, 1) * sizeof(T);
  const std::size_t lead = 3 * panel_bytes <= kNearCache ? 2 : 2 * panel_bytes <= kNearCache ? 1 : 0;
  T shares[4][kPanelRows];  // of the last panels
  const auto at = [&](std::size_t k) { return s.backward ? panels - 1 - k : k; };
  for (std::size_t k = 0; k < panels + lead; ++k) {
    T *const to = shares[k % 4], *const from = shares[(k - lead) % 4];
    const bool sums = k < panels, columns = k >= lead;
    if (EQUAL_WIDTH == 64 && lead > 0 && sums && columns) {
      pass<true, true, kStep>(s, at(k - lead), from, at(k), to);
    } else {
      if (sums) pass<false, true, kStep>(s, 0, from, at(k), to);
      if (columns) pass<true, false, false>(s, at(k - lead), from, 0, to);
    }
  }
}

template <class T>
EQUAL_INLINE void sweep_any(const Sweep<T>& s) {
  const std::size_t packed = s.panels.packed;
  double* const last = s.columns + s.panels.whole;
  for (double* c = s.columns; c < last + (packed == 0 ? 0 : kLanes); ++c) *c = 0.0;
  if (s.step != nullptr) {
    sweep_panels<true>(s);
  } else {
    sweep_panels<false>(s);
  }
  if (packed == 0) return;
  // The packed columns of rows that lie side by side; in vectors, as divide() reads them at once.
  using Eight = double __attribute__((vector_size(64)));
  Eight sum, other;
  __builtin_memcpy(&sum, last, sizeof sum);
  __builtin_memcpy(&other, last + 8, sizeof other);
  sum += other;
  if (packed == 4) sum += __builtin_shufflevector(sum, sum, 4, 5, 6, 7, 0, 1, 2, 3);
  __builtin_memcpy(last, &sum, sizeof sum);
  __builtin_memcpy(last + 8, &sum, sizeof sum);
}

template <class T>
EQUAL_INLINE void divide_any(const double* b, const double* x, double offset, T* out, std::size_t n) {
  for (std::size_t j = 0; j < n; j += kD) {
    store(out + j, load(b + j) / larger(load(x + j) + spread(offset), spread(Stored<double>::kLeast)));
  }
}

void exp_row_d(const double* c, const double* g, double f, double scale, double* out, std::size_t n) {
  exp_row_any(c, g, f, scale, out, n);
}
void exp_row_f(const double* c, const double* g, double f, double scale, float* out, std::size_t n) {
  exp_row_any(c, g, f, scale, out, n);
}
// Of a copy the compiler knows that no store to a result changes it.
void sweep_d(const Sweep<double>& s) { sweep_any(Sweep<double>(s)); }
void sweep_f(const Sweep<float>& s) { sweep_any(Sweep<float>(s)); }
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
