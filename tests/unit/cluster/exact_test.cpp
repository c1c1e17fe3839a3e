#include "exact.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "support/vectors.hpp"

namespace equal::cluster {
namespace {

using test::make_vectors;

TEST(Exact, DotEqualsIntegerArithmetic) {
  RandomStream random(3, "dot");
  for (const std::size_t n : {1U, 7U, 16U, 33U, 384U}) {
    std::vector<float> x(n), c(n);
    int128 expected = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const auto a = static_cast<std::int64_t>(random.below(1U << 25)) - (1 << 24);
      const auto b = static_cast<std::int64_t>(random.below(1U << 25)) - (1 << 24);
      const double scale = n == 1 ? 1 : 1 / std::sqrt(static_cast<double>(n));
      const auto as = static_cast<std::int64_t>(static_cast<double>(a) * scale),
                 bs = static_cast<std::int64_t>(static_cast<double>(b) * scale);
      x[i] = static_cast<float>(as) * 0x1p-24F, c[i] = static_cast<float>(bs) * 0x1p-24F;
      expected += static_cast<int128>(as) * bs;
    }
    EXPECT_EQ(exact_dot(x.data(), c.data(), n), static_cast<double>(expected) * 0x1p-48) << n;
  }
}

TEST(Exact, RowsAddAndLeaveWithoutTrace) {
  const std::size_t dim = 37;
  const auto rows = make_vectors(50, dim, 0, 1);
  std::vector<std::int64_t> sum(dim), zero(dim);
  for (std::size_t i = 0; i < 50; ++i) add_row(rows.data() + i * dim, 1, sum.data(), dim);
  std::int64_t expected = 0;
  for (std::size_t i = 0; i < 50; ++i)
    expected += static_cast<std::int64_t>(linalg::to_float32(rows[i * dim + 36]) * 0x1p24F);
  EXPECT_EQ(sum[36], expected);
  for (std::size_t i = 0; i < 50; ++i) add_row(rows.data() + i * dim, -1, sum.data(), dim);
  EXPECT_EQ(sum, zero);
}

TEST(Exact, ValidRows) {
  std::vector<float16> row(8, linalg::to_float16(0.5F));
  EXPECT_TRUE(is_valid_row(row.data(), 8));
  row[3] = linalg::to_float16(std::numeric_limits<float>::quiet_NaN());
  EXPECT_FALSE(is_valid_row(row.data(), 8));
  row[3] = linalg::to_float16(-std::numeric_limits<float>::infinity());
  EXPECT_FALSE(is_valid_row(row.data(), 8));
  row[3] = linalg::to_float16(1.25F);
  EXPECT_FALSE(is_valid_row(row.data(), 8));
  std::fill(row.begin(), row.end(), linalg::to_float16(0.75F));
  EXPECT_FALSE(is_valid_row(row.data(), 8));
}

TEST(Exact, MeansRoundToNearest) {
  EXPECT_EQ(rounded_mean(7, 2), 4);
  EXPECT_EQ(rounded_mean(-7, 2), -4);
  EXPECT_EQ(rounded_mean(7, 3), 2);
  EXPECT_EQ(rounded_mean(-1, 3), 0);
}

}  // namespace
}  // namespace equal::cluster
