#include "kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "problems.hpp"

namespace equal::transport {
namespace {

std::vector<const Kernels*> here() {
  std::vector<const Kernels*> out;
  for (const Kernels* k : {&kPlainKernels, &kAvx2Kernels, &kAvx512Kernels})
    if (runs_here(*k)) out.push_back(k);
  return out;
}

std::vector<double> draw(RandomStream& r, std::size_t n, double low, double high) {
  std::vector<double> out(n);
  for (double& x : out) x = low + (high - low) * r.uniform();
  return out;
}

TEST(Kernels, MinimumAndItsPlaceForEveryLength) {
  RandomStream r(1, "kernels");
  for (std::size_t n = 0; n < 140; ++n) {
    auto c = draw(r, n, 0, 1), p = draw(r, n, -1, 1);
    if (n > 3) c[n / 2] = c[n - 1] = -5, p[n / 2] = p[n - 1] = -1;  // twice: the first counts
    double least = std::numeric_limits<double>::infinity();
    std::size_t at = 0;
    for (std::size_t j = 0; j < n; ++j)
      if (c[j] + p[j] < least) least = c[j] + p[j], at = j;
    for (const Kernels* k : here()) {
      EXPECT_EQ(k->min_sum(c.data(), p.data(), n), least) << k->name << ' ' << n;
      if (n > 0) {
        EXPECT_EQ(k->find_sum(c.data(), p.data(), n, least), at) << k->name << ' ' << n;
      }
    }
  }
}

TEST(Kernels, ExponentialIsRightToTheLastBitOrTwo) {
  RandomStream r(2, "kernels");
  const std::size_t n = 1 << 14;
  std::vector<double> zero(n, 0.0), out(n);
  std::vector<float> narrow_out(n);
  for (const double range : {1e-3, 1.0, 30.0, 690.0}) {
    auto c = draw(r, n, -range / 20, range);
    c[0] = 0.0;
    for (const Kernels* k : here()) {
      exp_row(*k, c.data(), zero.data(), 0.0, 1.0, out.data(), n);
      exp_row(*k, c.data(), zero.data(), 0.0, 1.0, narrow_out.data(), n);
      EXPECT_EQ(out[0], 1.0);
      for (std::size_t j = 0; j < n; ++j) {
        const double expected = std::exp(-c[j]);
        ASSERT_NEAR(out[j], expected, 4e-16 * expected) << k->name << ' ' << -c[j];
        if (c[j] < 83.0) {
          ASSERT_NEAR(double{narrow_out[j]}, expected, 6e-8 * expected) << k->name;
        } else {
          ASSERT_EQ(narrow_out[j], 0.0F);
        }
      }
    }
  }
  std::fill(zero.begin(), zero.end(), -1e9);
  kernels().exp_row(out.data(), zero.data(), 0.0, 1.0, out.data(), n);
  for (const double x : out) ASSERT_EQ(x, 0.0);
}

TEST(Kernels, EachElementOfAPanelHasItsPlace) {
  for (const std::size_t n : {1U, 8U, 13U}) {
    for (std::size_t m = 1; m <= 40; ++m) {
      const Panels panels(n, m);
      EXPECT_EQ(panels.lanes(), padded(m));
      std::vector<int> taken(panels.size(), 0);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < m; ++j) ++taken.at(panels.place(i, j));
      EXPECT_EQ(std::count(taken.begin(), taken.end(), 1), static_cast<std::ptrdiff_t>(n * m)) << n << " x " << m;
    }
  }
}

template <class T>
struct Swept {
  std::vector<T> q;
  std::vector<double> sums, shares, columns;
  bool operator==(const Swept&) const = default;
};

template <class T>
Swept<T> run(const Kernels& k, std::size_t n, std::size_t m, bool step, bool backward) {
  RandomStream r(n * 1000 + m, "sweep");
  const Panels panels(n, m);
  const std::size_t rows = panels.rows, lanes = panels.lanes();
  std::vector<T> q(panels.size(), T{0}), factor(panels.size(), T{0}), u(rows), v(lanes, T{0}), w(lanes, T{0});
  std::vector<double> a(rows, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = r.uniform();
    u[i] = static_cast<T>(r.uniform() + 0.5);
    for (std::size_t j = 0; j < m; ++j)
      q[panels.place(i, j)] = static_cast<T>(r.uniform()), factor[panels.place(i, j)] = static_cast<T>(r.uniform());
  }
  for (std::size_t j = 0; j < m; ++j) v[j] = static_cast<T>(r.uniform() + 0.5), w[j] = static_cast<T>(r.uniform());
  panels.repeat(v);
  panels.repeat(w);
  Swept<T> out{q, std::vector<double>(rows), std::vector<double>(rows), std::vector<double>(lanes)};
  Sweep<T> s{.q = out.q.data(), .panels = panels, .backward = backward};
  if (step) s.step = factor.data(), s.row_scale = u.data(), s.column_scale = v.data();
  s.w = w.data();
  s.a = a.data();
  s.offset = 1e-8;
  s.sums = out.sums.data();
  s.shares = out.shares.data();
  s.columns = out.columns.data();
  sweep(k, s);

  // The plain reference, in long double. Float carries 24 bits and sums lanes / 16 values.
  const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-13;
  std::vector<long double> columns(m, 0.0L);
  for (std::size_t i = 0; i < n; ++i) {
    long double sum = 0.0L;
    for (std::size_t j = 0; j < m; ++j) {
      long double x = q[panels.place(i, j)];
      if (step) x *= static_cast<long double>(factor[panels.place(i, j)]) * u[i] * v[j];
      EXPECT_NEAR(static_cast<double>(out.q[panels.place(i, j)]), static_cast<double>(x), tolerance);
      sum += x * w[j];
    }
    EXPECT_NEAR(out.sums[i], static_cast<double>(sum), tolerance * static_cast<double>(sum));
    EXPECT_DOUBLE_EQ(out.shares[i], a[i] / (out.sums[i] + 1e-8));
    for (std::size_t j = 0; j < m; ++j)
      columns[j] += static_cast<long double>(out.shares[i]) * out.q[panels.place(i, j)];
  }
  for (std::size_t i = n; i < rows; ++i) EXPECT_EQ(out.shares[i], 0.0);
  auto repeated = out.columns;
  panels.repeat(repeated);
  EXPECT_EQ(out.columns, repeated);
  for (std::size_t j = 0; j < m; ++j)
    EXPECT_NEAR(out.columns[j], static_cast<double>(columns[j]), tolerance * static_cast<double>(columns[j]));
  return out;
}

TEST(Kernels, SweepsAgreeWithTheReferenceAndWithEachOtherBitForBit) {
  for (const auto& [n, m] : {std::pair<std::size_t, std::size_t>{1, 1},
                             {3, 5},
                             {7, 16},
                             {8, 17},
                             {30, 100},
                             {13, 200},
                             {21, 501},
                             {40, 1091},
                             {40, 1100}}) {
    for (const auto& [step, backward] : {std::pair{false, false}, {true, false}, {false, true}, {true, true}}) {
      const auto in_double = run<double>(kPlainKernels, n, m, step, backward);
      const auto in_float = run<float>(kPlainKernels, n, m, step, backward);
      for (const Kernels* k : here()) {
        EXPECT_EQ(run<double>(*k, n, m, step, backward), in_double) << k->name << ' ' << n << " x " << m;
        EXPECT_EQ(run<float>(*k, n, m, step, backward), in_float) << k->name << ' ' << n << " x " << m;
      }
    }
  }
}

TEST(Kernels, ExponentialsAndQuotientsAreTheSameBitsEverywhere) {
  RandomStream r(3, "kernels");
  const std::size_t n = 160;
  const auto c = draw(r, n, 0, 60), g = draw(r, n, 0, 1), b = draw(r, n, 0, 1), x = draw(r, n, 1, 2);
  std::vector<double> e(n), q(n);
  std::vector<float> ef(n), qf(n);
  const auto all = [&](const Kernels& k) {
    exp_row(k, c.data(), g.data(), 0.3, 1.7, e.data(), n);
    exp_row(k, c.data(), g.data(), 0.3, 1.7, ef.data(), n);
    divide(k, b.data(), x.data(), 0.1, q.data(), n);
    divide(k, b.data(), x.data(), 0.1, qf.data(), n);
    return std::tuple(e, ef, q, qf);
  };
  const auto plain = all(kPlainKernels);
  for (const Kernels* k : here()) EXPECT_EQ(all(*k), plain) << k->name;
  for (std::size_t j = 0; j < n; ++j) EXPECT_EQ(q[j], b[j] / (x[j] + 0.1));
}

}  // namespace
}  // namespace equal::transport
