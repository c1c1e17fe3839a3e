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
EQUAL_INLINE D larger(D a, D b) { return a > b ? a : b; }

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

// out[i] = the sum of the 16 running values of row i, always ((y0 + y4) + (y2 + y6)) + ((y1 + y5) + (y3 + y7)) with
// y_k = x_k + x_(k+8).
#if EQUAL_WIDTH == 64
// The same additions for eight rows at once: each step halves the vectors.
EQUAL_INLINE void totals(const RowSums<double>& rows, double* out) {
  D four[4], two[2];
  for (std::size_t i = 0; i < 4; ++i) {
    const D a = rows.sum[2 * i][0] + rows.sum[2 * i][1], b = rows.sum[2 * i + 1][0] + rows.sum[2 * i + 1][1];
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
}
EQUAL_INLINE void totals(const RowSums<float>& rows, double* out) {
  F four[4], two[2];
  for (std::size_t i = 0; i < 4; ++i) {  // y of two rows
    const F a = rows.sum[2 * i][0], b = rows.sum[2 * i + 1][0];
    four[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
              __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  }
  for (std::size_t i = 0; i < 2; ++i) {  // y_k + y_(k+4) of four rows
    const F a = four[2 * i], b = four[2 * i + 1];
    two[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
             __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  }
  // Rows 0, 4, 1, 5, 2, 6, 3, 7, two values each.
  const F pairs = __builtin_shufflevector(two[0], two[1], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
                  __builtin_shufflevector(two[0], two[1], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  const F sums = pairs + __builtin_shufflevector(pairs, pairs, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  store(out, __builtin_convertvector(__builtin_shufflevector(sums, sums, 0, 4, 8, 12, 2, 6, 10, 14), D));
}
#else
template <class T>
EQUAL_INLINE void totals(const RowSums<T>& rows, double* out) {
  constexpr std::size_t kHalf = RowSums<T>::kParts / 2;
  for (std::size_t i = 0; i < kPanelRows; ++i) {
    T y[8];
    for (std::size_t p = 0; p < kHalf; ++p) store(y + p * Stored<T>::kLength, rows.sum[i][p] + rows.sum[i][p + kHalf]);
    out[i] = static_cast<double>(((y[0] + y[4]) + (y[2] + y[6])) + ((y[1] + y[5]) + (y[3] + y[7])));
  }
}
#endif

/// sums and shares of a panel.
template <class T>
EQUAL_INLINE void share(const Sweep<T>& s, std::size_t panel, const RowSums<T>& rows) {
  const std::size_t first = panel * kPanelRows;
  totals(rows, s.sums + first);
  for (std::size_t i = first; i < first + kPanelRows; i += kD) {
    const D below = load(s.sums + i) + spread(s.offset);
    store(s.shares + i, load(s.a + i) / larger(below, spread(Stored<double>::kLeast)));
  }
}

template <class T>
EQUAL_INLINE void spread_shares(const Sweep<T>& s, std::size_t panel, typename Stored<T>::Vector* u) {
  T narrow[kPanelRows];
  for (std::size_t i = 0; i < kPanelRows; i += kD) store(narrow + i, load(s.shares + panel * kPanelRows + i));
  for (std::size_t i = 0; i < kPanelRows; ++i) u[i] = spread(narrow[i]);
}

/// Lines that will be read this many bytes later are asked for now: the next panel comes from a farther cache while
/// this one is worked on.
constexpr std::size_t kAhead = 4096;

/// q = step . diag(row_scale) q diag(column_scale) in a panel.
template <class T>
EQUAL_INLINE void rescale(const Sweep<T>& s, std::size_t panel) {
  using Vector = typename Stored<T>::Vector;
  constexpr std::size_t kLength = Stored<T>::kLength;
  T* q = s.q + panel * kPanelRows * s.stride;
  const T* step = s.step + panel * kPanelRows * s.stride;
  Vector u[kPanelRows];
  for (std::size_t i = 0; i < kPanelRows; ++i) u[i] = spread(s.row_scale[panel * kPanelRows + i]);
  for (std::size_t j = 0; j < s.stride; j += kLanes) {
    for (std::size_t p = 0; p < kLanes; p += kLength) {
      const Vector v = load(s.column_scale + j + p);
      for (std::size_t i = 0; i < kPanelRows; ++i) {
        const std::size_t at = i * kLanes + p;
        __builtin_prefetch(reinterpret_cast<const char*>(step + at) + kAhead);
        __builtin_prefetch(reinterpret_cast<const char*>(q + at) + kAhead);
        const Vector moved = load(step + at) * (u[i] * load(q + at) * v);
        store(q + at, moved < spread(Stored<T>::kLeast) ? Vector{} : moved);
      }
    }
    q += kPanelRows * kLanes, step += kPanelRows * kLanes;
  }
}

/// sums and shares of a panel.
template <class T>
EQUAL_INLINE void add_row_sums(const Sweep<T>& s, std::size_t panel) {
  constexpr std::size_t kLength = Stored<T>::kLength;
  const T* q = s.q + panel * kPanelRows * s.stride;
  RowSums<T> rows;
  for (std::size_t j = 0; j < s.stride; j += kLanes, q += kPanelRows * kLanes) {
    for (std::size_t p = 0; p < rows.kParts; ++p) {
      const auto wj = load(s.w + j + p * kLength);
      for (std::size_t i = 0; i < kPanelRows; ++i) {
        const T* const at = q + i * kLanes + p * kLength;
        __builtin_prefetch(reinterpret_cast<const char*>(at) + kAhead);
        rows.sum[i][p] = fused(load(at), wj, rows.sum[i][p]);
      }
    }
  }
  share(s, panel, rows);
}

/// columns += shares q of a panel.
template <class T>
EQUAL_INLINE void add_columns(const Sweep<T>& s, std::size_t panel) {
  using Vector = typename Stored<T>::Vector;
  constexpr std::size_t kLength = Stored<T>::kLength;
  const T* q = s.q + panel * kPanelRows * s.stride;
  Vector u[kPanelRows];
  spread_shares(s, panel, u);
  for (std::size_t j = 0; j < s.stride; j += kLanes, q += kPanelRows * kLanes) {
    for (std::size_t p = 0; p < kLanes; p += kLength) {
      Vector c = u[0] * load(q + p);
      for (std::size_t i = 1; i < kPanelRows; ++i) c = fused(u[i], load(q + i * kLanes + p), c);
      add_to(s.columns + j + p, c);
    }
  }
}

#if EQUAL_WIDTH == 64
/// add_columns of one panel and add_row_sums of a later one in one loop: nothing waits for the end of a sum. Where
/// registers are fewer this would not pay; the values are the same.
template <class T>
EQUAL_INLINE void add_columns_and_row_sums(const Sweep<T>& s, std::size_t columns_of, std::size_t sums_of) {
  using Vector = typename Stored<T>::Vector;
  constexpr std::size_t kLength = Stored<T>::kLength;
  const T *q = s.q + columns_of * kPanelRows * s.stride, *r = s.q + sums_of * kPanelRows * s.stride;
  Vector u[kPanelRows];
  spread_shares(s, columns_of, u);
  RowSums<T> rows;
  double* columns = s.columns;
  const T* w = s.w;
  for (const T* const end = w + s.stride; w < end; q += (kPanelRows - 1) * kLanes, r += (kPanelRows - 1) * kLanes) {
    for (std::size_t p = 0; p < rows.kParts; ++p) {
      Vector c = u[0] * load(q);
      for (std::size_t i = 1; i < kPanelRows; ++i) c = fused(u[i], load(q + i * kLanes), c);
      add_to(columns, c);
      const Vector wj = load(w);
      for (std::size_t i = 0; i < kPanelRows; ++i) {
        __builtin_prefetch(reinterpret_cast<const char*>(r + i * kLanes) + kAhead);
        rows.sum[i][p] = fused(load(r + i * kLanes), wj, rows.sum[i][p]);
      }
      q += kLength, r += kLength, columns += kLength, w += kLength;
    }
  }
  share(s, sums_of, rows);
}

/// The sums run kLead panels ahead of the columns.
template <std::size_t kLead, class T>
EQUAL_INLINE void sweep_merged(const Sweep<T>& s, std::size_t panels) {
  const auto at = [&](std::size_t k) { return s.backward ? panels - 1 - k : k; };
  for (std::size_t k = 0; k < panels; ++k) {
    if (s.step != nullptr) rescale(s, at(k));
    if (k < kLead) {
      add_row_sums(s, at(k));
    } else {
      add_columns_and_row_sums(s, at(k - kLead), at(k));
    }
  }
  for (std::size_t k = panels < kLead ? 0 : panels - kLead; k < panels; ++k) add_columns(s, at(k));
}
#endif

/// A panel at a time: w and columns are loaded once for it, and the second use of its q finds it in the first-level
/// cache. The order of additions depends on the shape and on `backward` alone.
template <class T>
EQUAL_INLINE void sweep_any(const Sweep<T>& s) {
  for (std::size_t j = 0; j < s.stride; ++j) s.columns[j] = 0.0;
  const std::size_t panels = s.rows / kPanelRows;
#if EQUAL_WIDTH == 64
  constexpr std::size_t kNearCache = 32768;
  const std::size_t panel_bytes = kPanelRows * s.stride * sizeof(T);
  if (3 * panel_bytes <= kNearCache) return sweep_merged<2>(s, panels);
  if (2 * panel_bytes <= kNearCache) return sweep_merged<1>(s, panels);
#endif
  for (std::size_t k = 0; k < panels; ++k) {
    const std::size_t panel = s.backward ? panels - 1 - k : k;
    if (s.step != nullptr) rescale(s, panel);
    add_row_sums(s, panel);
    add_columns(s, panel);
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
