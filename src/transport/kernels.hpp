// The inner loops of the solvers, compiled three times (AVX-512, AVX2, plain) from kernels.inl and chosen once by the
// CPU. All three do the same operations in the same order on the same running values, and the compiler fuses nothing by
// itself, so their results are equal bit for bit: a reward does not depend on the machine that computed it.
#pragma once

#include <cstddef>

namespace equal::transport {

/// Running values of a sum along a row; vectors along the columns are padded to a multiple of it.
inline constexpr std::size_t kLanes = 16;

constexpr std::size_t padded(std::size_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

inline constexpr std::size_t kPanelRows = 8;

/// How a matrix that is swept lies, so that a sweep reads memory strictly in order and little of it is padding: in
/// panels of 8 rows, padded with zeros. Of a panel, 16 columns of its first row, the same 16 of its second, ..., then
/// the next 16 columns. A rest of at most 8 or 4 columns is packed, two or four rows side by side; a vector along the
/// columns has its last 8 or 4 elements twice or four times then, so that it meets the packed rows.
struct Panels {
  std::size_t rows = 0;    ///< multiple of kPanelRows
  std::size_t whole = 0;   ///< columns that are not packed, a multiple of kLanes
  std::size_t packed = 0;  ///< 0, 4 or 8

  constexpr Panels(std::size_t n, std::size_t m)
      : rows((n + kPanelRows - 1) / kPanelRows * kPanelRows), whole(padded(m)) {
    const std::size_t rest = m % kLanes;
    if (rest != 0 && rest <= 8) whole -= kLanes, packed = rest <= 4 ? 4 : 8;
  }
  constexpr std::size_t size() const { return rows * (whole + packed); }
  /// Elements of a vector along the columns: padded(m).
  constexpr std::size_t lanes() const { return packed == 0 ? whole : whole + kLanes; }
  /// Where element (i, j) is.
  constexpr std::size_t place(std::size_t i, std::size_t j) const {
    const std::size_t width = j < whole ? kLanes : packed;
    return i / kPanelRows * kPanelRows * (whole + packed) + j / kLanes * kLanes * kPanelRows + i % kPanelRows * width +
           j % kLanes;
  }
  /// Copies the last elements of a vector along the columns as often as it has them.
  template <class Vector>
  constexpr void repeat(Vector& v) const {
    for (std::size_t j = whole + packed; j < lanes(); ++j) v[j] = v[j - packed];
  }
};

/// One sweep of a scaling method over a matrix q in panels. With T = float, products and sums of 8 terms of a column
/// are in float (fused), and those of a row in 16 running values; all above that is in double: sums are good to some
/// 10^-7.
template <class T>
struct Sweep {
  T* q = nullptr;
  Panels panels;
  bool backward = false;    ///< the last panel first: every other sweep, what the caches still hold is read at once
  const T* step = nullptr;  ///< not null, in panels: first q = step . diag(row_scale) q diag(column_scale)
  const T* row_scale = nullptr;     ///< (rows)
  const T* column_scale = nullptr;  ///< (lanes), its last elements repeated (Panels)
  const T* w = nullptr;             ///< (lanes), likewise
  const double* a = nullptr;        ///< (rows), 0 for padding
  double offset = 0.0;
  double* sums = nullptr;     ///< out (rows): sums_i = sum_j q_ij w_j
  double* shares = nullptr;   ///< out (rows): a_i / (sums_i + offset)
  double* columns = nullptr;  ///< out (lanes): sum_i shares_i q_ij
};

struct Kernels {
  const char* name;
  /// min over j of c[j] + p[j]; +infinity for n == 0. Any length. REQUIRES: no NaN.
  double (*min_sum)(const double* c, const double* p, std::size_t n);
  /// The first j with c[j] + p[j] == value. Any length. REQUIRES: there is one.
  std::size_t (*find_sum)(const double* c, const double* p, std::size_t n, double value);
  /// out[j] = exp((f + g[j] - c[j]) * scale), relative error below 4e-16 beside that of the argument (float: rounded
  /// once more); 0 where the argument is below -690 (double) or -83 (float). REQUIRES: n a multiple of kLanes, argument
  /// < 700 (85).
  void (*exp_row)(const double* c, const double* g, double f, double scale, double* out, std::size_t n);
  void (*exp_row_f)(const double* c, const double* g, double f, double scale, float* out, std::size_t n);
  /// Both read the matrix from memory once.
  void (*sweep)(const Sweep<double>& s);
  void (*sweep_f)(const Sweep<float>& s);
  /// out[j] = b[j] / (x[j] + offset), 0 where all three are. REQUIRES: n a multiple of kLanes, no x[j] + offset < 0.
  void (*divide)(const double* b, const double* x, double offset, double* out, std::size_t n);
  void (*divide_f)(const double* b, const double* x, double offset, float* out, std::size_t n);
};

inline void exp_row(const Kernels& k, const double* c, const double* g, double f, double scale, double* out,
                    std::size_t n) {
  k.exp_row(c, g, f, scale, out, n);
}
inline void exp_row(const Kernels& k, const double* c, const double* g, double f, double scale, float* out,
                    std::size_t n) {
  k.exp_row_f(c, g, f, scale, out, n);
}
inline void sweep(const Kernels& k, const Sweep<double>& s) { k.sweep(s); }
inline void sweep(const Kernels& k, const Sweep<float>& s) { k.sweep_f(s); }
inline void divide(const Kernels& k, const double* b, const double* x, double offset, double* out, std::size_t n) {
  k.divide(b, x, offset, out, n);
}
inline void divide(const Kernels& k, const double* b, const double* x, double offset, float* out, std::size_t n) {
  k.divide_f(b, x, offset, out, n);
}

extern const Kernels kPlainKernels, kAvx2Kernels, kAvx512Kernels;

/// The best of this CPU.
const Kernels& kernels() noexcept;
/// Whether this CPU can run them.
bool runs_here(const Kernels& k) noexcept;

}  // namespace equal::transport
