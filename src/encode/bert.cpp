#include "equal/encode/bert.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/encode/bert_config.hpp"
#include "equal/encode/safetensors.hpp"
#include "equal/text/wordpiece.hpp"

#include "bert_model.hpp"

namespace equal::encode {
namespace {

namespace fs = std::filesystem;
using text::TokenId;

constexpr std::size_t kTextsPerTask = 8;  // of tokenising
constexpr std::size_t kFewestBatchTokens = 96;
constexpr std::size_t kBatchesPerCall = 64;  // wanted at least, so that all threads end together

struct Prefix {
  std::string text;
  std::size_t tokens = 0;  ///< of the prefix alone
};

// Part of a text that goes through the model at once: [CLS], ids, [SEP].
struct Sequence {
  std::size_t text = 0, first = 0, count = 0;  ///< ids[text][first, first + count)
  std::size_t length() const noexcept { return count + 2; }
};

class BertEncoder final : public Encoder {
 public:
  BertEncoder(text::WordPiece tokenizer, BertWeights weights, const BertParams& params, bool cls,
              std::size_t max_tokens, const std::string& weights_digest)
      : tokenizer_(std::move(tokenizer)),
        weights_(std::move(weights)),
        long_documents_(params.long_documents),
        batch_tokens_(std::max<std::size_t>(params.batch_tokens, 1)),
        cls_(cls),
        max_tokens_(max_tokens),
        document_(prefix(params.document_prefix.value_or(weights_.config.document_prompt))),
        query_(prefix(params.query_prefix.value_or(weights_.config.query_prompt))),
        digest_(make_digest(weights_digest)) {}

  std::size_t dim() const override { return weights_.config.hidden; }
  std::string digest() const override { return digest_; }
  std::string description() const override {
    const BertConfig& c = weights_.config;
    return format("bert, {} layers of {}, {} pooling, {}{}, texts of more than {} tokens {}", c.layers, c.hidden,
                  cls_ ? "CLS" : "mean", linalg::name(weights_.precision),
                  weights_.kernels == linalg::Kernels::portable ? " (portable)" : "", max_tokens_,
                  long_documents_ == LongDocuments::truncate ? "truncated" : "in windows");
  }
  void encode(std::span<const std::string_view> texts, Role role, linalg::MatrixView<float> out,
              ThreadPool& pool) override;

 private:
  Prefix prefix(const std::string& text) const {
    std::vector<TokenId> ids;
    tokenizer_.append_ids(text, ids);
    return {text, ids.size()};
  }
  std::string make_digest(const std::string& weights_digest) const;
  std::vector<std::vector<TokenId>> tokenize(std::span<const std::string_view> texts, const Prefix& prefix,
                                             ThreadPool& pool) const;
  std::vector<Sequence> split(const std::vector<std::vector<TokenId>>& ids) const;
  void run(std::span<const Sequence> batch, const std::vector<std::vector<TokenId>>& ids, std::size_t first_row,
           linalg::MatrixView<float> pooled, std::unique_ptr<BertScratch>& scratch) const;

  text::WordPiece tokenizer_;
  BertWeights weights_;
  LongDocuments long_documents_;
  std::size_t batch_tokens_;
  bool cls_;
  std::size_t max_tokens_;
  Prefix document_, query_;
  std::string digest_;
  std::vector<std::unique_ptr<BertScratch>> scratch_;  // one a thread, kept between calls
};

std::string BertEncoder::make_digest(const std::string& weights_digest) const {
  Sha256 sha;
  const auto add = [&](std::string_view text) { sha.update_value(text.size()).update(text); };
  add("equal bert 1");
  add(weights_digest);
  const text::WordPieceModel& model = tokenizer_.model();
  for (const std::string& token : model.vocabulary) add(token);
  for (const std::string& token : model.special) add(token);
  for (const std::string* token : {&model.unknown, &model.classify, &model.separate, &model.continuing_prefix})
    add(*token);
  const text::BertNormalizing& n = model.normalizing;
  const BertConfig& c = weights_.config;
  for (const std::size_t v :
       {std::size_t{n.clean_text}, std::size_t{n.split_chinese_characters}, std::size_t{n.strip_accents},
        std::size_t{n.lowercase}, model.max_characters_per_word, c.heads, c.layers,
        static_cast<std::size_t>(weights_.precision), std::size_t{cls_}, max_tokens_,
        static_cast<std::size_t>(long_documents_), static_cast<std::size_t>(weights_.kernels)}) {
    sha.update_value(v);
  }
  sha.update_value(c.epsilon);
  add(document_.text);
  add(query_.text);
  return sha.hex();
}

std::vector<std::vector<TokenId>> BertEncoder::tokenize(std::span<const std::string_view> texts, const Prefix& prefix,
                                                        ThreadPool& pool) const {
  const std::size_t limit = long_documents_ == LongDocuments::truncate ? max_tokens_ - 2 : static_cast<std::size_t>(-1);
  std::vector<std::vector<TokenId>> ids(texts.size());
  pool.run((texts.size() + kTextsPerTask - 1) / kTextsPerTask, [&](std::size_t task, std::size_t) {
    for (std::size_t i = task * kTextsPerTask; i < std::min(texts.size(), (task + 1) * kTextsPerTask); ++i) {
      if (prefix.text.empty()) {
        tokenizer_.append_ids(texts[i], ids[i], limit);
      } else {
        tokenizer_.append_ids(prefix.text + std::string(texts[i]), ids[i], limit);
      }
      if (ids[i].size() <= prefix.tokens) ids[i].clear();
    }
  });
  return ids;
}

// Longest first, so that the last batches to start are short; equal lengths in text order.
std::vector<Sequence> BertEncoder::split(const std::vector<std::vector<TokenId>>& ids) const {
  std::vector<Sequence> out;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    for (std::size_t at = 0; at < ids[t].size(); at += max_tokens_ - 2) {
      out.push_back({t, at, std::min(max_tokens_ - 2, ids[t].size() - at)});
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const Sequence& a, const Sequence& b) { return a.count > b.count; });
  return out;
}

void BertEncoder::run(std::span<const Sequence> batch, const std::vector<std::vector<TokenId>>& ids,
                      std::size_t first_row, linalg::MatrixView<float> pooled,
                      std::unique_ptr<BertScratch>& scratch) const {
  std::vector<TokenId> tokens;
  std::vector<std::size_t> lengths;
  for (const Sequence& s : batch) {
    tokens.push_back(tokenizer_.classify());
    const auto first = ids[s.text].begin() + static_cast<std::ptrdiff_t>(s.first);
    tokens.insert(tokens.end(), first, first + static_cast<std::ptrdiff_t>(s.count));
    tokens.push_back(tokenizer_.separate());
    lengths.push_back(s.length());
  }
  const std::size_t longest = *std::max_element(lengths.begin(), lengths.end());
  if (!scratch || scratch->rows() < tokens.size() || scratch->longest() < longest) {
    scratch.reset();
    scratch =
        std::make_unique<BertScratch>(weights_, std::max(tokens.size(), batch_tokens_), std::max(longest, max_tokens_));
  }
  run_bert(weights_, tokens, lengths, *scratch);
  std::size_t row = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    pool(weights_, scratch->hidden, row, lengths[i], cls_, pooled.row(first_row + i));
    row += lengths[i];
  }
}

void BertEncoder::encode(std::span<const std::string_view> texts, Role role, linalg::MatrixView<float> out,
                         ThreadPool& pool) {
  if (out.rows != texts.size() || out.columns != dim())
    throw InternalError("encode: an output of (texts, dim) is expected");
  const auto ids = tokenize(texts, role == Role::document ? document_ : query_, pool);
  const std::vector<Sequence> sequences = split(ids);

  // Batches depend on the texts of the call alone: never on the number of threads.
  std::size_t tokens = 0;
  for (const Sequence& s : sequences) tokens += s.length();
  const std::size_t wanted = std::min(batch_tokens_, std::max(kFewestBatchTokens, tokens / kBatchesPerCall));
  std::vector<std::size_t> starts = {0};
  for (std::size_t i = 0, filled = 0; i < sequences.size(); ++i) {
    if (filled > 0 && filled + sequences[i].length() > wanted) {
      starts.push_back(i);
      filled = 0;
    }
    filled += sequences[i].length();
  }
  starts.push_back(sequences.size());

  linalg::Matrix<float> pooled(sequences.size(), dim());
  scratch_.resize(std::max(scratch_.size(), pool.size()));
  pool.run(sequences.empty() ? 0 : starts.size() - 1, [&](std::size_t b, std::size_t thread) {
    run(std::span(sequences).subspan(starts[b], starts[b + 1] - starts[b]), ids, starts[b], pooled.view(),
        scratch_[thread]);
  });

  for (std::size_t t = 0; t < texts.size(); ++t) std::ranges::fill(out.row(t), 0.0F);
  std::vector<std::size_t> order(sequences.size());  // windows of a text in text order
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(sequences[a].text, sequences[a].first) < std::pair(sequences[b].text, sequences[b].first);
  });
  for (const std::size_t i : order) {
    const auto row = out.row(sequences[i].text);
    const auto weight = static_cast<float>(sequences[i].count);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] += weight * pooled(i, j);
  }
  for (std::size_t t = 0; t < texts.size(); ++t) {
    double squares = 0;
    for (const float v : out.row(t)) squares += static_cast<double>(v) * static_cast<double>(v);
    if (squares == 0) continue;
    const double scale = 1 / std::sqrt(squares);
    for (float& v : out.row(t)) v = static_cast<float>(v * scale);
  }
}

Precision resolve(BertPrecision wanted, bool portable) {
  switch (wanted) {
    case BertPrecision::f32:
      return Precision::f32;
    case BertPrecision::bf16:
      return Precision::bf16;
    case BertPrecision::int8:
      return Precision::int8;
    case BertPrecision::automatic:
      break;
  }
  return portable || !linalg::why_unsupported(Precision::bf16).empty() ? Precision::f32 : Precision::bf16;
}

fs::path weights_of(const fs::path& folder) { return folder / "model.safetensors"; }

// All of a folder but the values of its weights.
struct BertFolder {
  BertConfig config;
  Precision precision;
  std::size_t max_tokens;
  text::WordPiece tokenizer;
  SafeTensors weights;
};

BertFolder open_folder(const fs::path& folder, const BertParams& params) {
  const BertConfig config = read_bert_config(folder);
  const Precision precision = resolve(params.precision, params.portable_kernels);
  if (const std::string why = linalg::why_unsupported(precision); !why.empty())
    throw UsageError("encoder precision " + why);
  if (params.portable_kernels && precision != Precision::f32) {
    throw UsageError(format("encoder precision {} has no portable kernels; use f32", linalg::name(precision)));
  }
  const std::size_t max_tokens = params.max_tokens == 0 ? config.max_tokens : params.max_tokens;
  if (max_tokens < 3 || max_tokens > config.positions) {
    throw UsageError(
        format("encoder max_tokens = {}; 3 to {} are possible with {}", max_tokens, config.positions, folder.string()));
  }
  text::WordPiece tokenizer(text::load_wordpiece(folder));
  if (tokenizer.vocabulary_size() > config.vocabulary) {
    throw DataError(format("{}: the tokenizer has ids up to {}; vocab_size in config.json is {}", folder.string(),
                           tokenizer.vocabulary_size() - 1, config.vocabulary));
  }
  return {config, precision, max_tokens, std::move(tokenizer), SafeTensors(weights_of(folder))};
}

}  // namespace

void check_bert(const fs::path& folder, const BertParams& params) { open_folder(folder, params); }

std::unique_ptr<Encoder> load_bert(const fs::path& folder, const BertParams& params) {
  BertFolder opened = open_folder(folder, params);
  BertWeights weights(opened.weights, opened.config, opened.precision,
                      params.portable_kernels ? linalg::Kernels::portable : linalg::Kernels::automatic);
  const bool cls = params.pooling == Pooling::automatic ? opened.config.cls_pooling : params.pooling == Pooling::cls;
  return std::make_unique<BertEncoder>(std::move(opened.tokenizer), std::move(weights), params, cls, opened.max_tokens,
                                       sha256_file(weights_of(folder).string()));
}

}  // namespace equal::encode
