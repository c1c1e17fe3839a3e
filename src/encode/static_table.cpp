#include "equal/encode/static_table.hpp"

#include <algorithm>
#include <cmath>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/encode/distil.hpp"
#include "equal/text/wordpiece.hpp"
#include "equal/text/words.hpp"

#include "static_kernels.hpp"
#include "static_terms.hpp"

namespace equal::encode {
namespace {

constexpr std::size_t kTableTextsPerTask = 16;
constexpr std::size_t kLane = 16;       // kernels work on multiples of this
constexpr std::size_t kAhead = 6;       // rows prefetched before their turn
constexpr std::size_t kLineBytes = 64;  // of the cache
constexpr std::uint32_t kNoRow = 0xffffffffU;
constexpr std::size_t kTabled = 1024;  // occurrences whose weight is tabled

class TableEncoder final : public Encoder {
 public:
  TableEncoder(StaticTable table, FeatureSource features)
      : digest_(static_table_digest(table)), table_(std::move(table)), features_(std::move(features)) {
    const std::size_t rows = table_.features.size();
    stride_ = (table_.dim + kLane - 1) / kLane * kLane;
    row_of_.assign(std::size_t{1} << table_.feature_bits, kNoRow);
    for (std::size_t i = 0; i < rows; ++i) row_of_[table_.features[i]] = static_cast<std::uint32_t>(i);
    // Rows start at cache lines: a row is then read in as few lines as it fills.
    values_.assign(rows * stride_ + kLineBytes / sizeof(linalg::float16), 0);
    const auto address = reinterpret_cast<std::uintptr_t>(values_.data());
    first_ = values_.data() + (kLineBytes - address % kLineBytes) % kLineBytes / sizeof(linalg::float16);
    for (std::size_t i = 0; i < rows; ++i) {
      std::copy_n(table_.values.data() + i * table_.dim, table_.dim, first_ + i * stride_);
    }
    table_.values = {};
    table_.features = {};
    for (std::size_t f = 0; f < kTabled; ++f) tabled_.push_back(weight_of(static_cast<double>(f)));
    rows_ = rows;
  }

  std::size_t dim() const override { return table_.dim; }
  std::string digest() const override { return digest_; }
  std::string description() const override {
    return format("static table: {} rows x {}, {}", rows_, table_.dim, table_.origin);
  }

  void encode(std::span<const std::string_view> texts, Role, linalg::MatrixView<float> out, ThreadPool& pool) override {
    if (out.rows != texts.size() || out.columns != table_.dim)
      throw InternalError("static table: output of another shape");
    std::vector<Scratch> scratch(pool.size());
    pool.run((texts.size() + kTableTextsPerTask - 1) / kTableTextsPerTask, [&](std::size_t task, std::size_t thread) {
      const std::size_t last = std::min(texts.size(), (task + 1) * kTableTextsPerTask);
      for (std::size_t i = task * kTableTextsPerTask; i < last; ++i) encode_one(texts[i], out.row(i), scratch[thread]);
    });
  }

 private:
  struct Scratch {
    TermCounter terms;
    std::vector<std::uint64_t> features;
    std::vector<std::uint32_t> rows;
    std::vector<float> weights, sum;
  };

  float weight_of(double f) const { return static_cast<float>(frequency_weight(table_.frequency, f)); }

  void prefetch(std::uint32_t row) const {
    const auto* bytes = reinterpret_cast<const char*>(first_ + row * stride_);
    for (std::size_t b = 0; b < stride_ * sizeof(linalg::float16); b += kLineBytes) __builtin_prefetch(bytes + b);
  }

  void encode_one(std::string_view text, std::span<float> out, Scratch& s) const {
    s.rows.clear();
    s.weights.clear();
    s.features.clear();
    features_(text, s.features);
    for (const Term& term : s.terms.count(s.features, 0)) {
      if (term.feature >= row_of_.size()) throw InternalError("static table: a feature beyond the table's range");
      const std::uint32_t row = row_of_[term.feature];
      if (row == kNoRow) continue;
      s.rows.push_back(row);
      s.weights.push_back(term.count < kTabled ? tabled_[term.count] : weight_of(term.count));
    }
    const std::size_t n = s.rows.size();
    s.sum.assign(stride_, 0.0F);
    const auto add = static_kernels().add_half;
    for (std::size_t i = 0; i < std::min(n, kAhead); ++i) prefetch(s.rows[i]);
    for (std::size_t i = 0; i < n; ++i) {
      if (i + kAhead < n) prefetch(s.rows[i + kAhead]);
      add(s.sum.data(), first_ + s.rows[i] * stride_, s.weights[i], stride_);
    }
    make_unit(s.sum.data(), table_.dim);
    std::copy_n(s.sum.data(), table_.dim, out.data());
  }

  std::string digest_;
  StaticTable table_;  // its arrays moved to the members below
  FeatureSource features_;
  std::size_t rows_ = 0, stride_ = 0;
  std::vector<std::uint32_t> row_of_;  // (2^feature_bits)
  std::vector<linalg::float16> values_;
  linalg::float16* first_ = nullptr;  // (rows_, stride_), aligned, inside values_
  std::vector<float> tabled_;
};

void check(const StaticTable& t) {
  if (t.dim < 1 || t.dim > 4096) throw DataError(format("encoder table: dim = {}; must be 1 to 4096", t.dim));
  if (t.feature_bits < 1 || t.feature_bits > 24) {
    throw DataError(format("encoder table: feature_bits = {}; must be 1 to 24", t.feature_bits));
  }
  if (t.values.size() != t.features.size() * t.dim) {
    throw DataError(format("encoder table: {} values for {} rows of {}", t.values.size(), t.features.size(), t.dim));
  }
  for (const std::uint32_t feature : t.features) {
    if (feature >> t.feature_bits != 0) throw DataError(format("encoder table: feature {} is out of range", feature));
  }
}

FeatureSource hashed_words(unsigned feature_bits) {
  return [shift = 64 - feature_bits](std::string_view text, std::vector<std::uint64_t>& features) {
    text::append_word_hashes(text, features);
    for (std::uint64_t& f : features) f >>= shift;
  };
}

FeatureSource word_pieces(const StaticTable& table) {
  text::WordPieceModel model = wordpiece_from_text(table.tokenizer);
  if (model.vocabulary.size() >> table.feature_bits != 0) {
    throw DataError(format("encoder table: {} tokens, more than 2^{}", model.vocabulary.size(), table.feature_bits));
  }
  return [tokenizer = std::make_shared<const text::WordPiece>(std::move(model))](std::string_view text,
                                                                                 std::vector<std::uint64_t>& features) {
    thread_local std::vector<text::TokenId> ids;
    ids.clear();
    tokenizer->append_ids(text, ids);
    features.insert(features.end(), ids.begin(), ids.end());
  };
}

}  // namespace

double frequency_weight(Frequency rule, double f) noexcept {
  if (!(f > 0)) return 0.0;
  switch (rule) {
    case Frequency::linear:
      return f;
    case Frequency::logarithmic:
      return 1.0 + std::log(f);
    case Frequency::saturating:
      return 2.2 * f / (f + 1.2);
  }
  return f;
}

FeatureSource feature_source(const StaticTable& table) {
  return table.tokens == TokenKind::hashed_words ? hashed_words(table.feature_bits) : word_pieces(table);
}

std::unique_ptr<Encoder> make_static_table(StaticTable table) {
  check(table);
  FeatureSource source = feature_source(table);
  return std::make_unique<TableEncoder>(std::move(table), std::move(source));
}

std::unique_ptr<Encoder> make_static_table(StaticTable table, FeatureSource features) {
  check(table);
  return std::make_unique<TableEncoder>(std::move(table), std::move(features));
}

}  // namespace equal::encode
