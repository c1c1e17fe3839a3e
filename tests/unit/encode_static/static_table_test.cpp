#include "equal/encode/static_table.hpp"

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include <gtest/gtest.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/random.hpp"
#include "equal/text/words.hpp"

#include "support/scratch.hpp"

namespace equal::encode {
namespace {

StaticTable random_table(std::size_t dim, unsigned bits, std::uint64_t seed) {
  RandomStream r(seed, "table");
  StaticTable t;
  t.feature_bits = bits;
  t.dim = dim;
  t.origin = "a test";
  for (std::uint32_t f = 0; f < 1U << bits; ++f) {
    if (r.below(3) != 0) t.features.push_back(f);
  }
  t.values.resize(t.features.size() * dim);
  for (auto& v : t.values) v = linalg::to_float16(static_cast<float>(r.normal()));
  return t;
}

TEST(StaticTable, VectorIsTheUnitWeightedSumOfRows) {
  double (*const rule[])(double) = {nullptr, [](double f) { return f; }, [](double f) { return 1 + std::log(f); },
                                    [](double f) { return f * 2.2 / (f + 1.2); }};
  for (const std::size_t dim : {1U, 16U, 100U}) {
    for (const auto frequency : {Frequency::linear, Frequency::logarithmic, Frequency::saturating}) {
      StaticTable t = random_table(dim, 6, dim);
      t.frequency = frequency;
      const std::string words[] = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta"};
      const int counts[] = {1, 2, 1, 5, 1, 1};
      std::string text;
      std::vector<double> expected(dim);
      std::vector<int> by_feature(64);
      for (int w = 0; w < 6; ++w) {
        for (int n = 0; n < counts[w]; ++n) text += words[w] + " ";
        by_feature[text::word_hash(words[w]) >> 58] += counts[w];
      }
      for (std::size_t row = 0; row < t.features.size(); ++row) {
        const double f = by_feature[t.features[row]];
        if (f == 0) continue;
        for (std::size_t c = 0; c < dim; ++c) {
          expected[c] += rule[static_cast<int>(frequency)](f) * linalg::to_float32(t.values[row * dim + c]);
        }
      }
      double norm = 0;
      for (const double x : expected) norm += x * x;
      const auto encoder = make_static_table(t);
      ThreadPool pool(2);
      linalg::Matrix<float> out(2, dim);
      const std::vector<std::string_view> texts{text, "?"};
      encoder->encode(texts, Role::query, out.view(), pool);
      for (std::size_t c = 0; c < dim; ++c) {
        EXPECT_NEAR(out(0, c), expected[c] / std::sqrt(norm), 2e-6);  // float32 sums of six rows
        EXPECT_EQ(out(1, c), 0.0F);
      }
    }
  }
}

TEST(StaticTable, OtherTokensComeFromTheirSource) {
  StaticTable t;
  t.tokens = TokenKind::word_pieces;
  t.frequency = Frequency::linear;
  t.feature_bits = 3;
  t.dim = 2;
  t.features = {2, 5};
  t.values = {linalg::to_float16(1), 0, 0, linalg::to_float16(1)};
  EXPECT_THROW((void)make_static_table(t), DataError) << "no tokenizer is described";
  const auto encoder = make_static_table(t, [](std::string_view text, std::vector<std::uint64_t>& features) {
    for (const char c : text) features.push_back(static_cast<std::uint64_t>(c - '0'));
  });
  ThreadPool pool(2);
  linalg::Matrix<float> out(1, 2);
  const std::vector<std::string_view> texts{"2575255"};  // feature 7 has no row
  encoder->encode(texts, Role::document, out.view(), pool);
  EXPECT_FLOAT_EQ(out(0, 0), 2 / std::sqrt(20.0F));
  EXPECT_FLOAT_EQ(out(0, 1), 4 / std::sqrt(20.0F));
  const std::vector<std::string_view> beyond{"9"};
  EXPECT_THROW(encoder->encode(beyond, Role::document, out.view(), pool), InternalError);
}

TEST(StaticTable, FileRoundTripAndDigest) {
  const test::ScratchFolder folder("table");
  StaticTable t = random_table(20, 9, 1);
  t.tokenizer = "made of [bytes]\n";
  const std::string digest = save_static_table(t, folder.path());
  EXPECT_EQ(digest, static_table_digest(t));
  const StaticTable back = load_static_table(folder.path());
  EXPECT_EQ(static_table_digest(back), digest);
  EXPECT_EQ(back.features, t.features);
  EXPECT_EQ(back.values, t.values);
  EXPECT_EQ(back.tokenizer, t.tokenizer);
  EXPECT_EQ(back.origin, t.origin);
  EXPECT_EQ(make_static_table(random_table(20, 9, 1))->digest(), static_table_digest(random_table(20, 9, 1)));
  EXPECT_NE(static_table_digest(random_table(20, 9, 2)), static_table_digest(random_table(20, 9, 1)));
}

/// Writes `bytes` as a table whose closing digest is right, so that only the content can be refused.
void write_signed(const test::ScratchFolder& folder, std::string bytes) {
  bytes.resize(bytes.size() - 64);
  bytes += sha256_hex(bytes);
  std::ofstream(folder / "table.bin", std::ios::binary) << bytes;
}

TEST(StaticTable, HostileFilesAreRefused) {
  const test::ScratchFolder folder("hostile");
  save_static_table(random_table(20, 9, 1), folder.path());
  const std::string good = read_file(folder / "table.bin");
  EXPECT_NO_THROW(check_static_table(folder.path()));
  const auto refused = [&](const std::string& why) {
    try {
      (void)load_static_table(folder.path());
      ADD_FAILURE() << "accepted: " << why;
    } catch (const DataError& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
    if (why == "order" || why == "finite" || why == "SHA-256")
      EXPECT_NO_THROW(check_static_table(folder.path())) << why << ": seen without its values";
    else
      EXPECT_THROW(check_static_table(folder.path()), DataError) << why;
  };
  const auto with = [&](std::size_t at, std::uint64_t value, std::size_t width, const std::string& why) {
    std::string bytes = good;
    std::memcpy(bytes.data() + at, &value, width);
    write_signed(folder, bytes);
    refused(why);
  };
  with(0, 'X', 1, "magic");
  with(8, 2, 4, "version");
  with(12, 7, 4, "token kind");
  with(16, 0, 4, "frequency");
  with(20, 60, 4, "feature_bits");
  with(24, 0, 4, "dim");
  with(24, 4096, 4, "header says");
  with(28, 1, 4, "reserved");
  with(32, std::uint64_t{1} << 61, 8, "rows");
  with(32, 1, 8, "header says");
  with(40, std::numeric_limits<std::uint64_t>::max(), 8, "absurd");
  with(40, 1 << 20, 8, "header says");
  const std::size_t features_at = 64, values_at = 64 + (random_table(20, 9, 1).features.size() * 4 + 63) / 64 * 64;
  with(features_at, 511, 4, "order");
  with(features_at, 0xffffffff, 4, "order");
  with(values_at, 0x7c00, 2, "finite");
  with(values_at + 2, 0xfe00, 2, "finite");

  std::string flipped = good;
  flipped[values_at + 100] = static_cast<char>(flipped[values_at + 100] ^ 1);
  std::ofstream(folder / "table.bin", std::ios::binary) << flipped;
  refused("SHA-256");
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}, std::size_t{56}, good.size() - 1}) {
    std::ofstream(folder / "table.bin", std::ios::binary) << good.substr(0, length);
    refused("long");
  }
  std::filesystem::remove(folder / "table.bin");
  EXPECT_THROW((void)load_static_table(folder.path()), DataError);
  EXPECT_THROW(check_static_table(folder.path()), DataError);
}

TEST(StaticTable, RefusesContradictions) {
  StaticTable t = random_table(4, 6, 1);
  t.values.pop_back();
  EXPECT_THROW((void)make_static_table(t), DataError);
  t = random_table(4, 6, 1);
  t.features.back() = 64;
  EXPECT_THROW((void)make_static_table(t), DataError);
}

}  // namespace
}  // namespace equal::encode
