// The tiny model of tests/data/bert, whose hidden states were computed by the original code
// (tools/make_bert_fixtures.py).
#include "equal/encode/bert.hpp"

#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/random.hpp"

#include "bert_model.hpp"
#include "support/scratch.hpp"

namespace equal::encode {
namespace {

std::filesystem::path tiny() { return test::fixture("bert/tiny"); }

Json samples() { return parse_json(read_file(test::fixture("bert/hidden_states.json")), "hidden_states.json"); }

linalg::Matrix<float> encoded(Encoder& encoder, const std::vector<std::string_view>& texts, std::size_t threads = 1,
                              Role role = Role::document) {
  linalg::Matrix<float> out(texts.size(), encoder.dim(), -7.0F);
  ThreadPool pool(threads);
  encoder.encode(texts, role, out.view(), pool);
  return out;
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

bool can(BertPrecision precision) {
  return precision == BertPrecision::f32 || linalg::why_unsupported(linalg::Precision::bf16).empty();
}

std::vector<std::string> random_texts(std::size_t n) {
  static constexpr std::string_view kWords[] = {"the",       "workers", "go",          "on", "unaffable",
                                                "tokenizes", "x1",      "caf\xc3\xa9", "!",  "zzz"};
  RandomStream random(2, "bert_test");
  std::vector<std::string> out(n);
  for (std::string& text : out) {
    for (std::uint64_t words = random.below(40); words > 0; --words) text.append(kWords[random.below(10)]).append(" ");
  }
  return out;
}

TEST(Bert, AgreesWithTheOriginalLayerByLayer) {
  const BertConfig config = read_bert_config(tiny());
  const SafeTensors file(tiny() / "model.safetensors");
  const Json sample = samples().at(0);
  const auto ids = sample.at("ids").get<std::vector<std::uint32_t>>();
  struct Case {
    Precision precision;
    linalg::Kernels kernels;
    double
        tolerance;  // values are about 1; f32: rounded to 1e-5 in the file; others: their own rounding, two layers deep
  };
  for (const Case& c :
       {Case{Precision::f32, linalg::Kernels::automatic, 3e-5}, Case{Precision::f32, linalg::Kernels::portable, 3e-5},
        Case{Precision::bf16, linalg::Kernels::automatic, 0.1},
        Case{Precision::int8, linalg::Kernels::automatic, 0.3}}) {
    if (!linalg::why_unsupported(c.precision).empty()) continue;
    const BertWeights weights(file, config, c.precision, c.kernels);
    for (std::size_t layers = 0; layers <= config.layers; ++layers) {
      BertScratch scratch(weights, ids.size(), ids.size());
      const std::vector<std::size_t> lengths = {ids.size()};
      run_bert(weights, ids, lengths, scratch, layers);
      for (std::size_t i = 0; i < ids.size(); ++i) {
        for (std::size_t j = 0; j < config.hidden; ++j) {
          ASSERT_NEAR(scratch.hidden.floats(i)[j], sample.at("states")[layers][i][j].get<double>(), c.tolerance)
              << linalg::name(c.precision) << " layer " << layers << " token " << i << " column " << j;
        }
      }
    }
  }
}

TEST(Bert, EncodesAsTheOriginalWithMeanAndClsPooling) {
  for (const bool cls : {false, true}) {
    BertParams params;
    params.precision = BertPrecision::f32;
    params.pooling = cls ? Pooling::cls : Pooling::automatic;
    const auto encoder = load_bert(tiny(), params);
    for (const Json& sample : samples()) {
      const std::string text = sample.at("text").get<std::string>();
      const auto out = encoded(*encoder, {text});
      for (std::size_t j = 0; j < encoder->dim(); ++j) {
        EXPECT_NEAR(out(0, j), sample.at(cls ? "cls" : "mean")[j].get<double>(), 2e-6) << text;
      }
    }
  }
}

TEST(Bert, LowPrecisionsStayClose) {
  const auto texts = random_texts(40);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  BertParams params;
  params.precision = BertPrecision::f32;
  const auto exact = encoded(*load_bert(tiny(), params), views);
  for (const auto& [precision, least] : {std::pair{BertPrecision::bf16, 0.999}, std::pair{BertPrecision::int8, 0.99}}) {
    if (!can(precision)) continue;
    params.precision = precision;
    const auto out = encoded(*load_bert(tiny(), params), views);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].empty()) continue;
      EXPECT_GT(cosine(out.row(i), exact.row(i)), least) << texts[i];
    }
  }
}

TEST(Bert, BitsDependOnTheTextsAlone) {
  auto texts = random_texts(150);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  for (const BertPrecision precision : {BertPrecision::f32, BertPrecision::bf16, BertPrecision::int8}) {
    if (!can(precision)) continue;
    BertParams params;
    params.precision = precision;
    const auto encoder = load_bert(tiny(), params);
    const auto one = encoded(*encoder, views, 1), two = encoded(*encoder, views, 2),
               again = encoded(*encoder, views, 3);
    EXPECT_TRUE(std::ranges::equal(one.values(), two.values()) && std::ranges::equal(one.values(), again.values()));
    if (linalg::why_unsupported(linalg::Precision::bf16).empty()) {  // with vector kernels a text's bits are its own
      for (std::size_t i = 0; i < texts.size(); i += 17) {
        const auto alone = encoded(*encoder, {views[i]});
        EXPECT_EQ(std::memcmp(alone.row(0).data(), one.row(i).data(), encoder->dim() * sizeof(float)), 0) << texts[i];
      }
    }
  }
}

TEST(Bert, ATextWithoutATokenIsTheZeroVector) {
  BertParams params;
  params.document_prefix = "the: ";
  for (const auto& encoder : {load_bert(tiny(), {}), load_bert(tiny(), params)}) {
    const auto out = encoded(*encoder, {"", "work", " \n\x07"});
    for (std::size_t j = 0; j < encoder->dim(); ++j) {
      EXPECT_EQ(out(0, j), 0);
      EXPECT_EQ(out(2, j), 0);
    }
    EXPECT_NEAR(cosine(out.row(1), out.row(1)), 1, 1e-6);
  }
  EXPECT_EQ(encoded(*load_bert(tiny(), {}), {}).rows(), 0U);
}

TEST(Bert, PrefixesGoBeforeTheirRole) {
  BertParams params;
  params.query_prefix = "go on: ";
  const auto encoder = load_bert(tiny(), params);
  const auto query = encoded(*encoder, {"the work"}, 1, Role::query), document = encoded(*encoder, {"the work"}),
             spelled = encoded(*encoder, {"go on: the work"});
  EXPECT_TRUE(std::ranges::equal(query.values(), spelled.values()));
  EXPECT_FALSE(std::ranges::equal(query.values(), document.values()));
}

TEST(Bert, LongTextsAreCutOrAveragedOverWindows) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += i % 2 == 0 ? "the " : "x ";
  BertParams params;
  params.precision = BertPrecision::f32;
  params.max_tokens = 22;  // windows of 20 tokens: 20, 20, 20
  const auto cut = load_bert(tiny(), params);
  const std::string first = text.substr(0, 10 * 6);
  EXPECT_TRUE(std::ranges::equal(encoded(*cut, {text}).values(), encoded(*cut, {first}).values()));
  params.long_documents = LongDocuments::windows;
  const auto windows = load_bert(tiny(), params);
  EXPECT_GT(cosine(encoded(*windows, {text}).row(0), encoded(*cut, {first}).row(0)), 1 - 1e-6) << "three equal windows";
  const std::string longer = first + "work work work";
  const auto mixed = encoded(*windows, {longer});
  EXPECT_LT(cosine(mixed.row(0), encoded(*cut, {first}).row(0)), 1 - 1e-5) << "the rest of the text counts";
  EXPECT_NE(cut->digest(), windows->digest());
}

TEST(Bert, TheDigestFollowsEverySettingThatDecides) {
  BertParams a, b, c, d;
  b.pooling = Pooling::cls;
  c.max_tokens = 20;
  d.query_prefix = "q: ";
  const std::string base = load_bert(tiny(), a)->digest();
  EXPECT_EQ(base, load_bert(tiny(), a)->digest());
  for (const BertParams& p : {b, c, d}) EXPECT_NE(base, load_bert(tiny(), p)->digest());
  a.batch_tokens = 50;
  EXPECT_EQ(base, load_bert(tiny(), a)->digest());
}

}  // namespace
}  // namespace equal::encode
