#include "equal/encode/distil.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/encode/static.hpp"
#include "equal/linalg/gemm.hpp"

#include "memory_source.hpp"
#include "support/scratch.hpp"

namespace equal::encode {
namespace {

text::WordPieceModel small_vocabulary() {
  text::WordPieceModel model;
  model.vocabulary = {"[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (int i = 0; i < 60; ++i) model.vocabulary.push_back("w" + std::to_string(i));
  model.vocabulary.push_back("##ing");
  return model;
}

linalg::Matrix<float> encode(Encoder& encoder, const std::vector<std::string_view>& texts) {
  ThreadPool pool(2);
  linalg::Matrix<float> out(texts.size(), encoder.dim());
  encoder.encode(texts, Role::document, out.view(), pool);
  return out;
}

TEST(Distil, WithAllComponentsCosinesAreThoseOfTheWeightedTeacherVectorsLessTheirMean) {
  // The teacher gives each word a fixed random vector, so the expectation can be computed from its vectors alone.
  const auto teacher = make_static_hash({.dim = 32, .seed = 3});
  const text::WordPieceModel vocabulary = small_vocabulary();
  std::vector<double> weights(vocabulary.vocabulary.size());
  for (std::size_t id = 6; id < weights.size(); ++id) weights[id] = 1.0 + static_cast<double>(id % 4);
  ThreadPool pool(1);
  const auto table = distil(*teacher, vocabulary, weights,
                            {.dim = 32, .frequency = Frequency::linear, .whitening = 0, .residual = 0}, pool);
  EXPECT_EQ(table.features.size(), 61U) << "60 words and a continuing piece; special and unused tokens have no row";
  EXPECT_EQ(table.features.front(), 6U);

  std::vector<std::string> words(vocabulary.vocabulary.begin() + 6, vocabulary.vocabulary.end());
  words.back() = "ing";
  const auto vectors = encode(*teacher, {words.begin(), words.end()});
  std::vector<double> mean(32);
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (std::size_t c = 0; c < 32; ++c) mean[c] += static_cast<double>(vectors(i, c)) / 61;
  }
  const auto expected = [&](std::initializer_list<std::size_t> tokens) {
    std::vector<double> sum(32);
    for (const std::size_t w : tokens) {
      for (std::size_t c = 0; c < 32; ++c) sum[c] += weights[w + 6] * (vectors(w, c) - mean[c]);
    }
    return sum;
  };
  const auto cosine = [](const auto& x, const auto& y) {
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t c = 0; c < x.size(); ++c)
      xy += double{x[c]} * y[c], xx += double{x[c]} * x[c], yy += double{y[c]} * y[c];
    return xy / std::sqrt(xx * yy);
  };
  const auto encoder = make_static_table(table);
  const auto got = encode(*encoder, {"w1 w2 w2", "W2 w7ing", "unknownword"});
  // Half-precision rows: 2^-11 relative in each value.
  EXPECT_NEAR(cosine(got.row(0), got.row(1)), cosine(expected({1, 2, 2}), expected({2, 7, 60})), 2e-3);
  EXPECT_EQ(linalg::dot_fixed_order(got.row(2), got.row(2)), 0) << "only [UNK], which has no row";
}

TEST(Distil, FewerComponentsThanTeacherAndASavedTable) {
  const auto teacher = make_static_hash({.dim = 64, .seed = 4});
  ThreadPool one(1), two(2);
  const auto table = distil(*teacher, small_vocabulary(), {}, {.dim = 10}, one);
  EXPECT_EQ(table.dim, 10U);
  EXPECT_EQ(static_table_digest(distil(*teacher, small_vocabulary(), {}, {.dim = 10}, two)),
            static_table_digest(table));
  const test::ScratchFolder folder("distil");
  save_static_table(table, folder.path());
  const auto loaded = make_static_table(load_static_table(folder.path()));
  const auto direct = make_static_table(table);
  const auto a = encode(*direct, {"w1 w5 w9"}), b = encode(*loaded, {"w1 w5 w9"});
  EXPECT_TRUE(std::equal(a.values().begin(), a.values().end(), b.values().begin()));
  EXPECT_EQ(distil(*teacher, small_vocabulary(), {}, {.dim = 100}, one).dim, 64U);
}

TEST(Distil, RefusesWeightsAndTokenizersThatDoNotFit) {
  const auto teacher = make_static_hash({.dim = 16});
  ThreadPool pool(1);
  const std::vector<double> few(3, 1.0), negative(small_vocabulary().vocabulary.size(), -1.0);
  EXPECT_THROW((void)distil(*teacher, small_vocabulary(), few, {}, pool), UsageError);
  EXPECT_THROW((void)distil(*teacher, small_vocabulary(), negative, {}, pool), UsageError);
  EXPECT_THROW((void)distil(*teacher, small_vocabulary(), {}, {.dim = 0}, pool), UsageError);
  auto table = distil(*teacher, small_vocabulary(), {}, {}, pool);
  table.tokenizer = "{}";
  EXPECT_THROW((void)make_static_table(table), DataError);
  table.tokenizer = "not JSON";
  EXPECT_THROW((void)make_static_table(table), DataError);
  table = distil(*teacher, small_vocabulary(), {}, {}, pool);
  table.feature_bits = 5;
  EXPECT_THROW((void)make_static_table(table), DataError);
}

TEST(Distil, CorpusWeightsAreInverseDocumentFrequencies) {
  const auto alone = comm::make_single();
  test::MemorySource source({"w1 w1 w2", "w2 w3ing", "w2"}, {digest128("1"), digest128("2"), digest128("3")}, 2);
  ThreadPool pool(2);
  const auto weights = corpus_weights(*alone, source, small_vocabulary(), 100, 0, pool);
  const auto idf = [](double df) { return std::log(1 + (3 - df + 0.5) / (df + 0.5)); };
  ASSERT_EQ(weights.size(), small_vocabulary().vocabulary.size());
  EXPECT_DOUBLE_EQ(weights[6 + 1], idf(1));
  EXPECT_DOUBLE_EQ(weights[6 + 2], idf(3));
  EXPECT_DOUBLE_EQ(weights[6 + 3], idf(1));
  EXPECT_DOUBLE_EQ(weights[6 + 60], idf(1));
  EXPECT_DOUBLE_EQ(weights[6 + 4], idf(0));
  EXPECT_THROW((void)corpus_weights(*alone, source, small_vocabulary(), 0, 0, pool), UsageError);
}

TEST(Distil, TokensThatTheTeacherCannotTellApartDifferByTheResidual) {
  class Constant final : public Encoder {
   public:
    std::size_t dim() const override { return 16; }
    std::string digest() const override { return "constant"; }
    std::string description() const override { return "a constant"; }
    void encode(std::span<const std::string_view>, Role, linalg::MatrixView<float> out, ThreadPool&) override {
      for (std::size_t i = 0; i < out.rows; ++i)
        std::fill(out.row(i).begin(), out.row(i).end(), i % 2 == 0 ? 0.25F : -0.25F);
    }
  } teacher;
  ThreadPool pool(1);
  const auto cosine_with = [&](double residual) {
    const auto encoder =
        make_static_table(distil(teacher, small_vocabulary(), {}, {.dim = 16, .residual = residual}, pool));
    const auto m = encode(*encoder, {"w2", "w4"});  // the same vector to the teacher
    return linalg::dot_fixed_order(m.row(0), m.row(1));
  };
  EXPECT_NEAR(cosine_with(0), 1, 1e-3);
  EXPECT_LT(cosine_with(1), 0.95);
}

TEST(Distil, TokenizerTextGivesTheModelBack) {
  auto model = small_vocabulary();
  model.normalizing.lowercase = false;
  model.max_characters_per_word = 7;
  const auto back = wordpiece_from_text(wordpiece_to_text(model));
  EXPECT_EQ(back.vocabulary, model.vocabulary);
  EXPECT_EQ(back.special, model.special);
  EXPECT_EQ(back.max_characters_per_word, 7U);
  EXPECT_FALSE(back.normalizing.lowercase);
  EXPECT_EQ(wordpiece_to_text(back), wordpiece_to_text(model));
}

}  // namespace
}  // namespace equal::encode
