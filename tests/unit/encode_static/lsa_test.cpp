#include "equal/encode/lsa.hpp"

#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/linalg/eigen.hpp"
#include "equal/linalg/gemm.hpp"

#include "memory_source.hpp"
#include "support/topics.hpp"

namespace equal::encode {
namespace {

using test::make_topics;
using test::MemorySource;

LsaModel fit(const test::TopicCorpus& corpus, const LsaParams& params, std::size_t threads = 1,
             std::size_t block = 64) {
  const auto alone = comm::make_single();
  MemorySource source(corpus.texts, corpus.digests, block);
  ThreadPool pool(threads);
  return fit_lsa(*alone, source, params, pool);
}

linalg::Matrix<float> encode(const LsaModel& model, const std::vector<std::string>& texts) {
  const auto encoder = make_static_table(model.table);
  ThreadPool pool(1);
  linalg::Matrix<float> out(texts.size(), encoder->dim());
  encoder->encode(std::vector<std::string_view>(texts.begin(), texts.end()), Role::document, out.view(), pool);
  return out;
}

TEST(Lsa, SingularValuesAreThoseOfTheDenseWeightedMatrix) {
  const auto corpus = make_topics(120, 3, 1);
  // The reference: words by name, weights from the formula in lsa.hpp, all in double.
  std::map<std::string, std::map<std::size_t, double>> counts;
  for (std::size_t i = 0; i < corpus.texts.size(); ++i) {
    std::istringstream words(corpus.texts[i]);
    for (std::string w; words >> w;) counts[w][i] += 1;
  }
  linalg::Matrix<double> a(corpus.texts.size(), counts.size());
  std::size_t j = 0;
  for (const auto& [word, documents] : counts) {
    if (documents.size() < 2) continue;
    const double n = 120, df = static_cast<double>(documents.size());
    for (const auto& [i, count] : documents)
      a(i, j) = 2.2 * count / (count + 1.2) * std::log(1 + (n - df + 0.5) / (df + 0.5));
    ++j;
  }
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const double norm = std::sqrt(std::inner_product(a.row(i).begin(), a.row(i).end(), a.row(i).begin(), 0.0));
    for (double& x : a.row(i)) x /= norm;
  }
  linalg::Matrix<double> gram(a.rows(), a.rows());
  const auto& fixed = a;
  linalg::gemm_nt(1.0, fixed.view(), fixed.view(), 0.0, gram.view());
  const auto& fixed_gram = gram;
  const auto expected = linalg::eigen_symmetric(fixed_gram.view());

  // 2^20 features: no two of these words share one, so only the rounding to float32 and the iteration differ.
  const auto model = fit(corpus, {.dim = 10, .feature_bits = 20, .oversample = 20, .power_iterations = 16});
  EXPECT_EQ(model.documents, 120U);
  EXPECT_EQ(model.table.features.size(), j);
  for (std::size_t k = 0; k < 10; ++k) EXPECT_NEAR(model.singular_values[k], std::sqrt(expected.values[k]), 1e-4) << k;
}

TEST(Lsa, WithoutResidualAndWhiteningCosinesAreThoseOfTheTruncatedMatrix) {
  // As many directions as documents and no residual: the vectors reproduce the cosines of A itself.
  const auto corpus = make_topics(30, 2, 2);
  const auto model = fit(corpus, {.dim = 30, .feature_bits = 20, .whitening = 0, .residual = 0});
  double squares = 0;
  for (const double s : model.singular_values) squares += s * s;
  EXPECT_NEAR(squares, 30, 1e-3)
      << "rows of unit length: the squares of all singular values sum to the number of documents";
  const auto unit = encode(model, corpus.texts);
  linalg::Matrix<double> cosines(30, 30);
  for (std::size_t i = 0; i < 30; ++i) {
    for (std::size_t k = 0; k < 30; ++k) cosines(i, k) = linalg::dot_fixed_order(unit.row(i), unit.row(k));
  }
  const auto& fixed = cosines;
  const auto spectrum = linalg::eigen_symmetric(fixed.view());
  for (std::size_t k = 0; k < 30; ++k) {
    EXPECT_NEAR(spectrum.values[k], model.singular_values[k] * model.singular_values[k], 1e-2) << k;
  }
}

TEST(Lsa, NeighboursAreOfTheSameTopicAlsoInTextsNotFitted) {
  const auto corpus = make_topics(600, 4, 3);
  auto fitted = corpus;
  fitted.texts.resize(300), fitted.digests.resize(300);
  for (const double residual : {0.0, 0.5}) {
    const auto m = encode(fit(fitted, {.dim = 16, .residual = residual}), corpus.texts);
    int right = 0;
    for (std::size_t i = 300; i < 600; ++i) {
      std::size_t best = 0;
      for (std::size_t k = 1; k < 300; ++k) {
        if (linalg::dot_fixed_order(m.row(i), m.row(k)) > linalg::dot_fixed_order(m.row(i), m.row(best))) best = k;
      }
      right += corpus.topics[i] == corpus.topics[best] ? 1 : 0;
    }
    EXPECT_GE(right, 297) << "residual " << residual;
  }
}

TEST(Lsa, BitsDoNotDependOnThreadsBlocksOrTheOrderOfDocuments) {
  const auto corpus = make_topics(200, 3, 4);
  const LsaParams params{.dim = 24, .fit_sample = 150, .oversample = 8};
  const auto expected = static_table_digest(fit(corpus, params).table);
  EXPECT_EQ(static_table_digest(fit(corpus, params, 3).table), expected);
  EXPECT_EQ(static_table_digest(fit(corpus, params, 2, 7).table), expected);
  auto reversed = corpus;
  std::reverse(reversed.texts.begin(), reversed.texts.end());
  std::reverse(reversed.digests.begin(), reversed.digests.end());
  EXPECT_EQ(static_table_digest(fit(reversed, params).table), expected);
  auto other = params;
  other.seed = 1;
  EXPECT_NE(static_table_digest(fit(corpus, other).table), expected);
}

TEST(Lsa, SampleHasTheSizeAskedForAndRepeatedDigestsNeverExceedIt) {
  auto corpus = make_topics(100, 2, 5);
  EXPECT_EQ(fit(corpus, {.dim = 4, .fit_sample = 37}).documents, 37U);
  EXPECT_EQ(fit(corpus, {.dim = 4, .fit_sample = 100}).documents, 100U);
  EXPECT_EQ(fit(corpus, {.dim = 4, .fit_sample = 99}).documents, 99U);
  for (auto& d : corpus.digests) d = corpus.digests[0];
  EXPECT_EQ(fit(corpus, {.dim = 4, .fit_sample = 37}).documents, 0U);
}

TEST(Lsa, FewerDirectionsThanDimensionsLeaveZeros) {
  // One document, two equal documents, none, and documents without words: no NaN anywhere, unit or zero vectors.
  test::TopicCorpus none, one{{"apple banana cherry"}, {digest128("1")}, {0}};
  test::TopicCorpus twins{
      {"apple banana", "apple banana", ""}, {digest128("1"), digest128("2"), digest128("3")}, {0, 0, 0}};
  EXPECT_TRUE(fit(none, {.dim = 8}).table.features.empty());
  EXPECT_EQ(encode(fit(none, {.dim = 8}), {"apple"}).values()[0], 0.0F);
  const auto m1 = encode(fit(one, {.dim = 8, .min_documents = 1}), {"apple banana cherry", "durian"});
  EXPECT_NEAR(linalg::dot_fixed_order(m1.row(0), m1.row(0)), 1, 1e-6);
  EXPECT_EQ(linalg::dot_fixed_order(m1.row(1), m1.row(1)), 0);
  const auto model = fit(twins, {.dim = 8});
  EXPECT_NEAR(model.singular_values[0], std::sqrt(2.0), 1e-6);
  EXPECT_EQ(model.singular_values[1], 0.0);
  const auto m2 = encode(model, twins.texts);
  EXPECT_NEAR(linalg::dot_fixed_order(m2.row(0), m2.row(1)), 1, 1e-6);
  EXPECT_EQ(linalg::dot_fixed_order(m2.row(2), m2.row(2)), 0);
}

TEST(Lsa, RefusesParamsOutOfRange) {
  const auto corpus = make_topics(5, 1, 6);
  EXPECT_THROW(fit(corpus, {.dim = 0}), UsageError);
  EXPECT_THROW(fit(corpus, {.feature_bits = 21}), UsageError);
  EXPECT_THROW(fit(corpus, {.fit_sample = 0}), UsageError);
  EXPECT_THROW(fit(corpus, {.fit_sample = (1U << 24) + 1}), UsageError);
  EXPECT_THROW(fit(corpus, {.whitening = -0.1}), UsageError);
  EXPECT_THROW(fit(corpus, {.residual = std::nan("")}), UsageError);
}

}  // namespace
}  // namespace equal::encode
