#include "equal/transport/cost.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/linalg/float16.hpp"

#include "problems.hpp"

namespace equal::transport {
namespace {

using test::unit_vectors;

TEST(Cost, AgreesWithThePlainFormulas) {
  RandomStream r(1, "cost");
  const auto x = unit_vectors(r, 13, 37), y = unit_vectors(r, 9, 37);
  const auto e = cost_matrix(x.view(), y.view(), CostKind::euclidean),
             c = cost_matrix(x.view(), y.view(), CostKind::cosine);
  for (std::size_t i = 0; i < 13; ++i) {
    for (std::size_t j = 0; j < 9; ++j) {
      double squares = 0.0, dot = 0.0;
      for (std::size_t k = 0; k < 37; ++k) {
        squares += std::pow(double{x(i, k)} - double{y(j, k)}, 2);
        dot += double{x(i, k)} * double{y(j, k)};
      }
      // Each coordinate moves by at most 2^-25 on the way to the grid.
      EXPECT_NEAR(e(i, j), std::sqrt(squares), 37 * 0x1p-25);
      EXPECT_NEAR(c(i, j), 1.0 - dot, 37 * 0x1p-24);
    }
  }
}

TEST(Cost, EqualRowsAreAtExactlyZeroAndNothingIsNegative) {
  RandomStream r(2, "cost");
  auto x = unit_vectors(r, 40, 384);
  for (float& v : x.values()) v = linalg::to_float32(linalg::to_float16(v));  // lengths off by some 10^-4
  for (const CostKind kind : {CostKind::euclidean, CostKind::cosine}) {
    const auto c = cost_matrix(x.view(), x.view(), kind);
    for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(c(i, i), 0.0) << static_cast<int>(kind);
    for (const double v : c.values()) EXPECT_GE(v, 0.0);
  }
}

TEST(Cost, SameBitsHoweverTheRowsAreBatched) {
  RandomStream r(3, "cost");
  const auto x = unit_vectors(r, 33, 100), y = unit_vectors(r, 21, 100);
  for (const CostKind kind : {CostKind::euclidean, CostKind::cosine}) {
    const auto whole = cost_matrix(x.view(), y.view(), kind);
    for (std::size_t i = 0; i < 33; ++i) {
      const auto one = cost_matrix(x.view().slice(i, 1), y.view(), kind);
      for (std::size_t j = 0; j < 21; ++j) EXPECT_EQ(one(0, j), whole(i, j));
    }
  }
}

TEST(Cost, ZeroVectorsAndOppositeVectors) {
  linalg::Matrix<float> x(3, 2, 0.0F);
  x(1, 0) = 1.0F;
  x(2, 0) = -1.0F;
  const auto c = cost_matrix(x.view(), x.view(), CostKind::cosine),
             e = cost_matrix(x.view(), x.view(), CostKind::euclidean);
  EXPECT_EQ(c(0, 1), 1.0);
  EXPECT_EQ(c(1, 2), kWorstCost);
  EXPECT_EQ(e(1, 2), kWorstCost);
  EXPECT_EQ(e(0, 1), 1.0);
}

TEST(Cost, RefusesValuesThatAreNoUnitVectors) {
  linalg::Matrix<float> x(2, 3, 0.5F), y(2, 3, 0.5F);
  const auto message = [&] {
    try {
      cost_matrix(x.view(), y.view(), CostKind::euclidean);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message(), "");
  y(1, 2) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message(), testing::HasSubstr("y(1, 2) = nan"));
  y(1, 2) = std::numeric_limits<float>::infinity();
  EXPECT_THAT(message(), testing::HasSubstr("y(1, 2) = inf"));
  y(1, 2) = 0.5F;
  x(0, 1) = 1e30F;
  EXPECT_THAT(message(), testing::HasSubstr("row 0 of x"));
  x(0, 1) = 2.0F;
  EXPECT_THAT(message(), testing::HasSubstr("length is above 2"));
  const linalg::Matrix<float> other(2, 4, 0.5F);
  EXPECT_THROW(cost_matrix(y.view(), other.view(), CostKind::cosine), InternalError);
}

TEST(Cost, MedianIsTheLowerOne) {
  linalg::Matrix<double> c(2, 2);
  c(0, 0) = 4, c(0, 1) = 1, c(1, 0) = 3, c(1, 1) = 2;
  EXPECT_EQ(median(c.view()), 2.0);
  EXPECT_EQ(median(c.view().slice(0, 1)), 1.0);
}

}  // namespace
}  // namespace equal::transport
