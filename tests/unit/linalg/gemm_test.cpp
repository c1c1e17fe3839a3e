#include "equal/linalg/gemm.hpp"

#include <gtest/gtest.h>

#include "equal/base/error.hpp"

namespace equal::linalg {
namespace {

template <class T>
class Gemm : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Gemm, Types);

TYPED_TEST(Gemm, SmallIntegersAreExactInEveryForm) {
  using T = TypeParam;
  // Integers below 2^24: no rounding, so equality is exact.
  Matrix<T> a(3, 4), b(4, 5);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 4; ++k) a(i, k) = static_cast<T>(i * 4 + k);
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t j = 0; j < 5; ++j) b(k, j) = static_cast<T>(k) - static_cast<T>(2 * j);
  Matrix<T> at(4, 3), bt(5, 4);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 4; ++k) at(k, i) = a(i, k);
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t j = 0; j < 5; ++j) bt(j, k) = b(k, j);
  Matrix<T> nn(3, 5, T{1}), nt(3, 5, T{1}), tn(3, 5, T{1});
  const auto view = [](const Matrix<T>& m) { return m.view(); };
  gemm_nn(T{2}, view(a), view(b), T{1}, nn.view());
  gemm_nt(T{2}, view(a), view(bt), T{1}, nt.view());
  gemm_tn(T{2}, view(at), view(b), T{1}, tn.view());
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 5; ++j) {
      T expected{1};
      for (std::size_t k = 0; k < 4; ++k) expected += T{2} * a(i, k) * b(k, j);
      EXPECT_EQ(nn(i, j), expected);
      EXPECT_EQ(nt(i, j), expected);
      EXPECT_EQ(tn(i, j), expected);
    }
  }
  Matrix<T> wrong(3, 4);
  EXPECT_THROW(gemm_nn(T{1}, view(a), view(b), T{0}, wrong.view()), InternalError);
}

TEST(Dot, FixedOrderIsExactForFloat16Products) {
  std::vector<float> x(37), y(37);
  double expected = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(i) / 1024, y[i] = 1 - static_cast<float>(i) / 64, expected += double{x[i]} * double{y[i]};
  EXPECT_EQ(dot_fixed_order(x, y), expected);
}

}  // namespace
}  // namespace equal::linalg
