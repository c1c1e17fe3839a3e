#include "equal/encode/side_by_side.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/encode/static.hpp"
#include "equal/linalg/gemm.hpp"

namespace equal::encode {
namespace {

TEST(SideBySide, CosinesAreTheMeanOfBothEncoders) {
  const auto first = make_static_hash({.dim = 64, .seed = 1}), second = make_static_hash({.dim = 32, .seed = 2});
  const auto both = make_side_by_side(*first, *second);
  ASSERT_EQ(both->dim(), 96);
  EXPECT_NE(both->digest(), make_side_by_side(*second, *first)->digest());
  const std::vector<std::string_view> texts = {"the cat sat on the mat", "a dog sat on the mat", "rain in spring", ""};
  ThreadPool pool(2);
  const auto cosines = [&](Encoder& encoder) {
    linalg::Matrix<float> v(texts.size(), encoder.dim());
    encoder.encode(texts, Role::query, v.view(), pool);
    std::vector<double> out;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      for (std::size_t j = 0; j <= i; ++j) out.push_back(linalg::dot_fixed_order(v.row(i), v.row(j)));
    }
    return out;
  };
  const auto one = cosines(*first), two = cosines(*second), mean = cosines(*both);
  for (std::size_t i = 0; i < mean.size(); ++i) EXPECT_NEAR(mean[i], (one[i] + two[i]) / 2, 1e-6);
  EXPECT_GT(mean[1], mean[3]);  // the mats are nearer to each other than to the rain
  linalg::Matrix<float> narrow(texts.size(), 64);
  EXPECT_THROW(both->encode(texts, Role::query, narrow.view(), pool), InternalError);
}

}  // namespace
}  // namespace equal::encode
