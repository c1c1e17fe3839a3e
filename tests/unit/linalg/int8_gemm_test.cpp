#include "equal/linalg/int8_gemm.hpp"

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"

namespace equal::linalg {
namespace {

TEST(Int8Gemm, IsExactAtTheExtremes) {
  if (!has_int8_gemm()) GTEST_SKIP() << "no oneDNN or no VNNI";
  RandomStream random(1, "int8");
  for (const std::size_t k : {1U, 37U, 384U}) {
    Matrix<std::uint8_t> a(13, k);
    Matrix<std::int8_t> b(21, k);
    for (auto& v : a.values()) v = static_cast<std::uint8_t>(random.below(4) == 0 ? 255 : random.below(256));
    for (auto& v : b.values())
      v = static_cast<std::int8_t>(random.below(4) == 0 ? -127 : static_cast<int>(random.below(255)) - 127);
    Matrix<std::int32_t> c(13, 21);
    gemm_nt(a.view(), b.view(), c.view());
    for (std::size_t i = 0; i < 13; ++i) {
      for (std::size_t j = 0; j < 21; ++j) {
        std::int32_t expected = 0;
        for (std::size_t d = 0; d < k; ++d) expected += a(i, d) * b(j, d);
        ASSERT_EQ(c(i, j), expected) << k;
      }
    }
  }
  Matrix<std::uint8_t> a(2, 3);
  Matrix<std::int8_t> b(2, 4);
  Matrix<std::int32_t> c(2, 2);
  EXPECT_THROW(gemm_nt(a.view(), b.view(), c.view()), InternalError);
}

}  // namespace
}  // namespace equal::linalg
