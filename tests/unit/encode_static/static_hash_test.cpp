#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"
#include "equal/encode/static.hpp"
#include "equal/linalg/gemm.hpp"

namespace equal::encode {
namespace {

linalg::Matrix<float> vectors_of(Encoder& encoder, const std::vector<std::string_view>& texts,
                                 std::size_t threads = 1) {
  ThreadPool pool(threads);
  linalg::Matrix<float> out(texts.size(), encoder.dim());
  encoder.encode(texts, Role::document, out.view(), pool);
  return out;
}

double cosine(const linalg::Matrix<float>& m, std::size_t i, std::size_t j) {
  return linalg::dot_fixed_order(m.row(i), m.row(j));
}

TEST(StaticHash, VectorsAreUnitAndATextWithoutWordsIsZero) {
  const auto encoder = make_static_hash({.dim = 100, .seed = 3});
  const auto m = vectors_of(*encoder, {"the cat sat on the mat", "", " . , ! a b", "日本語"});
  EXPECT_NEAR(cosine(m, 0, 0), 1, 1e-6);
  EXPECT_NEAR(cosine(m, 3, 3), 1, 1e-6);
  EXPECT_EQ(cosine(m, 1, 1), 0);
  EXPECT_EQ(cosine(m, 2, 2), 0);
}

TEST(StaticHash, CosineEstimatesThatOfTheWordCounts) {
  // 60 words each, 30 shared: cosine of the bags 0.5, error of a projection about 1 / sqrt(dim).
  std::string a, b;
  for (int i = 0; i < 60; ++i) a += "word" + std::to_string(i) + " ";
  for (int i = 30; i < 90; ++i) b += "word" + std::to_string(i) + " ";
  const auto encoder = make_static_hash({.dim = 4096, .seed = 1});
  const auto m = vectors_of(*encoder, {a, b, "x" + a});
  EXPECT_NEAR(cosine(m, 0, 1), 0.5, 4 / std::sqrt(4096.0));
  // Case and punctuation do not matter; repetitions count 1 + ln n.
  std::string upper = a;
  for (auto& c : upper) c = static_cast<char>(c == ' ' ? ',' : std::toupper(static_cast<unsigned char>(c)));
  const auto same = vectors_of(*encoder, {a, upper, "aa aa aa bb", "aa", "bb"});
  EXPECT_NEAR(cosine(same, 0, 1), 1, 1e-6);
  const double w = 1 + std::log(3.0);
  EXPECT_NEAR(cosine(same, 2, 3), (w + cosine(same, 3, 4)) / std::sqrt(w * w + 1 + 2 * w * cosine(same, 3, 4)), 1e-5);
}

TEST(StaticHash, BitsDependOnTheTextAloneAndOnTheSeed) {
  RandomStream r(5, "static-hash-test");
  std::vector<std::string> texts(101);
  for (auto& t : texts) {
    for (std::uint64_t n = r.below(200); n > 0; --n) t += static_cast<char>(r.below(5) == 0 ? ' ' : 'a' + r.below(4));
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto encoder = make_static_hash({.dim = 70, .seed = 9});
  const auto one = vectors_of(*encoder, views, 1);
  const auto three = vectors_of(*encoder, views, 3);
  EXPECT_TRUE(std::equal(one.values().begin(), one.values().end(), three.values().begin()));
  const auto alone = vectors_of(*encoder, {views[50]});
  EXPECT_TRUE(std::equal(alone.row(0).begin(), alone.row(0).end(), one.row(50).begin()));
  const auto other = make_static_hash({.dim = 70, .seed = 10});
  EXPECT_NE(other->digest(), encoder->digest());
  EXPECT_EQ(make_static_hash({.dim = 70, .seed = 9})->digest(), encoder->digest());
}

TEST(StaticHash, RefusesDimensionsOutOfRange) {
  EXPECT_THROW(make_static_hash({.dim = 0}), UsageError);
  EXPECT_THROW(make_static_hash({.dim = 4097}), UsageError);
}

}  // namespace
}  // namespace equal::encode
