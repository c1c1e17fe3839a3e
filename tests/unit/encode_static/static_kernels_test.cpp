#include "static_kernels.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "equal/base/random.hpp"

namespace equal::encode {
namespace {

TEST(StaticKernels, EveryCpuFormGivesTheBitsOfThePortableOne) {
  RandomStream r(1, "static-kernels");
  for (const std::size_t dim : {64U, 256U, 320U}) {
    std::vector<float> start(dim), row(dim);
    std::vector<linalg::float16> half(dim);
    std::vector<std::uint64_t> bits(dim / 64);
    for (std::size_t i = 0; i < dim; ++i) {
      start[i] = static_cast<float>(r.normal());
      row[i] = static_cast<float>(r.normal());
      half[i] = linalg::to_float16(row[i]);
    }
    for (auto& b : bits) b = r();
    const auto apply = [&](const StaticKernels& k) {
      std::vector<float> sum = start;
      k.add_signs(sum.data(), bits.data(), 1.693147F, dim);
      k.add_half(sum.data(), half.data(), 0.3333F, dim);
      k.add_float(sum.data(), row.data(), -1.7F, dim);
      return sum;
    };
    const auto expected = apply(static_kernel(0));
    for (std::size_t k = 1; k < static_kernel_count(); ++k)
      EXPECT_EQ(apply(static_kernel(k)), expected) << static_kernel(k).name;
    for (std::size_t i = 0; i < dim; ++i) {  // the portable one against the definition
      const float signs = start[i] + (((bits[i / 64] >> (i % 64)) & 1U) != 0 ? -1.693147F : 1.693147F);
      EXPECT_EQ(expected[i], (signs + 0.3333F * linalg::to_float32(half[i])) + -1.7F * row[i]);
    }
  }
}

TEST(StaticKernels, UnitVectors) {
  std::vector<float> v{3, 0, -4};
  make_unit(v.data(), 3);
  EXPECT_FLOAT_EQ(v[0], 0.6F);
  EXPECT_FLOAT_EQ(v[2], -0.8F);
  std::vector<float> zero(5, 0.0F);
  make_unit(zero.data(), 5);
  EXPECT_EQ(zero, std::vector<float>(5, 0.0F));
}

}  // namespace
}  // namespace equal::encode
