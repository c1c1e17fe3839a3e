#include "equal/linalg/float16.hpp"

#include <bit>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "equal/base/random.hpp"

namespace equal::linalg {
namespace {

TEST(Float16, AllBitPatternsSurviveBothWays) {
  std::vector<float16> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<float16>(i);
  std::vector<float> wide(all.size());
  to_float32(all, wide);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(to_float32(all[i])), std::bit_cast<std::uint32_t>(wide[i])) << i;
    if (!std::isnan(wide[i])) {
      EXPECT_EQ(to_float16(wide[i]), all[i]) << i;
    }
  }
}

TEST(Float16, ScalarAndVectorFormsRoundAlike) {
  RandomStream r(1, "float16");
  std::vector<float> in(1 << 20);
  for (auto& x : in) x = std::bit_cast<float>(static_cast<std::uint32_t>(r()));
  for (std::size_t i = 0; i < 65536; ++i) in[i] = static_cast<float>(r.uniform() * 2 - 1);  // the range that matters
  std::vector<float16> out(in.size());
  to_float16(in, out);
  for (std::size_t i = 0; i < in.size(); ++i) ASSERT_EQ(to_float16(in[i]), out[i]) << in[i];
}

TEST(Float16, HandMadeCases) {
  EXPECT_EQ(to_float16(1.0F), 0x3c00);
  EXPECT_EQ(to_float16(-2.0F), 0xc000);
  EXPECT_EQ(to_float16(65504.0F), 0x7bff);
  EXPECT_EQ(to_float16(65520.0F), 0x7c00);
  EXPECT_EQ(to_float16(0x1p-24F), 1);
  EXPECT_EQ(to_float16(0x1p-25F), 0);    // half of the least: ties to even
  EXPECT_EQ(to_float16(0x1.8p-24F), 2);  // one and a half: ties to even
}

}  // namespace
}  // namespace equal::linalg
