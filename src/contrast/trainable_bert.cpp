#include <algorithm>
#include <array>
#include <numeric>
#include <unordered_map>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/contrast/models.hpp"
#include "equal/encode/bert_config.hpp"
#include "equal/encode/safetensors.hpp"
#include "equal/linalg/training.hpp"
#include "equal/text/wordpiece.hpp"

#include "bert_layers.hpp"
#include "unit_rows.hpp"

namespace equal::contrast {
namespace {

namespace fs = std::filesystem;
namespace training = linalg::training;
using linalg::Matrix;

// Places of the tensors that come before the layers.
enum : std::size_t { kWords, kPositions, kTypes, kGain, kOffset, kFirstLayer };
constexpr std::size_t kTensorsALayer = 12;

struct BertTape final : Tape {
  BertTape(BufferPool& pool, std::size_t size) : arena(pool, size) {}
  Arena arena;
  std::vector<std::size_t> lengths;
  View embedded;               // normalised, before gain and offset
  std::span<float> deviation;  // of it
  std::vector<LayerTape> layers;
  View units;
  std::vector<float> norms;
};

class TrainableBert final : public Trainable {
 public:
  TrainableBert(const fs::path& folder, const encode::BertParams& params);
  std::size_t dim() const override { return config_.hidden; }
  Parameters& parameters() override { return parameters_; }
  void add_texts(std::span<const std::string_view> texts, encode::Role role, ThreadPool& pool) override;
  std::size_t texts() const override { return ids_.size(); }
  std::size_t tokens(std::size_t text) const override { return std::max<std::size_t>(1, ids_[text].size()); }
  std::size_t tape_bytes(std::size_t tokens) const override {
    return sizeof(float) * config_.layers * layer_tape_floats(shape_, tokens, tokens * std::min(tokens, max_tokens_));
  }
  void forward(std::span<const std::size_t> texts, View out, std::unique_ptr<Tape>* tape) const override;
  void backward(std::span<const std::size_t> texts, Tape& tape, ConstView grad, GradientSum& sum) const override;
  void save(const fs::path& folder) const override;

 private:
  void load(const encode::SafeTensors& file);
  void add(const std::string& name, Matrix<float> values, Updates updates = Updates::dense);
  LayerTensors layer(std::size_t l) const {
    const std::size_t t = kFirstLayer + l * kTensorsALayer;
    return {t, t + 1, t + 2, t + 3, t + 4, t + 5, t + 6, t + 7, t + 8, t + 9, t + 10, t + 11};
  }

  fs::path folder_;
  encode::BertConfig config_;
  text::WordPiece tokenizer_;
  LayerShape shape_;
  bool cls_;
  std::size_t max_tokens_;
  std::string document_prefix_, query_prefix_;
  Parameters parameters_;
  std::vector<std::vector<std::uint32_t>> ids_;  // [CLS] ... [SEP]; empty for a text without a token
  mutable BufferPool buffers_;
};

TrainableBert::TrainableBert(const fs::path& folder, const encode::BertParams& params)
    : folder_(folder),
      config_(encode::read_bert_config(folder)),
      tokenizer_(text::load_wordpiece(folder)),
      shape_{config_.hidden, config_.intermediate, config_.heads, config_.epsilon},
      cls_(params.pooling == encode::Pooling::automatic ? config_.cls_pooling : params.pooling == encode::Pooling::cls),
      max_tokens_(params.max_tokens == 0 ? config_.max_tokens : params.max_tokens),
      document_prefix_(params.document_prefix.value_or(config_.document_prompt)),
      query_prefix_(params.query_prefix.value_or(config_.query_prompt)) {
  if (max_tokens_ < 3 || max_tokens_ > config_.positions)
    throw UsageError(format("encoder max_tokens = {}; 3 to {} are possible with {}", max_tokens_, config_.positions,
                            folder.string()));
  if (tokenizer_.vocabulary_size() > config_.vocabulary)
    throw DataError(format("{}: the tokenizer has more tokens than vocab_size in config.json", folder.string()));
  load(encode::SafeTensors(folder / "model.safetensors"));
}

void TrainableBert::add(const std::string& name, Matrix<float> values, Updates updates) {
  // As is usual for BERT: no decay of biases and normalisation.
  const bool decays = !name.ends_with("bias") && name.find("LayerNorm") == std::string::npos;
  parameters_.push_back({name, std::move(values), updates, decays});
}

void TrainableBert::load(const encode::SafeTensors& file) {
  const std::string prefix = file.contains("bert.embeddings.word_embeddings.weight") ? "bert." : "";
  const std::size_t h = config_.hidden, i = config_.intermediate;
  const auto matrix = [&](const std::string& name, std::size_t rows, std::size_t columns,
                          Updates updates = Updates::dense) {
    add(name, file.matrix(prefix + name, rows, columns), updates);
  };
  const auto vector = [&](const std::string& name, const std::string& stored, std::size_t size) {
    Matrix<float> values(1, size);
    std::ranges::copy(file.vector(prefix + stored, size), values.values().begin());
    add(name, std::move(values));
  };
  const auto linear = [&](const std::string& name, std::size_t outputs, std::size_t inputs) {
    matrix(name + ".weight", outputs, inputs);
    vector(name + ".bias", name + ".bias", outputs);
  };
  const auto norm = [&](const std::string& name) {  // with the old names of normalisation
    vector(name + ".weight", name + (file.contains(prefix + name + ".gamma") ? ".gamma" : ".weight"), h);
    vector(name + ".bias", name + (file.contains(prefix + name + ".beta") ? ".beta" : ".bias"), h);
  };
  matrix("embeddings.word_embeddings.weight", config_.vocabulary, h, Updates::rows);
  matrix("embeddings.position_embeddings.weight", config_.positions, h, Updates::rows);
  matrix("embeddings.token_type_embeddings.weight", config_.types, h, Updates::rows);
  norm("embeddings.LayerNorm");
  for (std::size_t l = 0; l < config_.layers; ++l) {
    const std::string layer = format("encoder.layer.{}.", l);
    Matrix<float> qkv(3 * h, h), bias(1, 3 * h);
    static constexpr std::array kParts = {"query", "key", "value"};
    for (std::size_t part = 0; part < kParts.size(); ++part) {
      const std::string name = prefix + layer + "attention.self." + kParts[part];
      const auto w = file.matrix(name + ".weight", h, h);
      std::ranges::copy(w.values(), qkv.row(part * h).begin());
      std::ranges::copy(file.vector(name + ".bias", h), bias.values().begin() + static_cast<std::ptrdiff_t>(part * h));
    }
    add(layer + "attention.self.qkv.weight", std::move(qkv));
    add(layer + "attention.self.qkv.bias", std::move(bias));
    linear(layer + "attention.output.dense", h, h);
    norm(layer + "attention.output.LayerNorm");
    linear(layer + "intermediate.dense", i, h);
    linear(layer + "output.dense", h, i);
    norm(layer + "output.LayerNorm");
  }
}

void TrainableBert::add_texts(std::span<const std::string_view> texts, encode::Role role, ThreadPool& pool) {
  const std::string& prefix = role == encode::Role::document ? document_prefix_ : query_prefix_;
  const std::size_t first = ids_.size();
  ids_.resize(first + texts.size());
  pool.run(texts.size(), [&](std::size_t i, std::size_t) {
    std::vector<std::uint32_t>& ids = ids_[first + i];
    ids.push_back(tokenizer_.classify());
    tokenizer_.append_ids(prefix + std::string(texts[i]), ids, max_tokens_ - 2);
    ids.push_back(tokenizer_.separate());
    if (ids.size() == 2) ids.clear();
  });
}

void TrainableBert::forward(std::span<const std::size_t> texts, View out, std::unique_ptr<Tape>* tape) const {
  std::vector<std::size_t> lengths;
  std::size_t rows = 0, squares = 0, longest = 0;
  for (const std::size_t t : texts) {
    lengths.push_back(ids_[t].size());
    rows += lengths.back();
    squares += lengths.back() * lengths.back();
    longest = std::max(longest, lengths.back());
  }
  const std::size_t h = config_.hidden, kept_layers = tape == nullptr ? 1 : config_.layers;
  const std::size_t slack = 16 * (config_.layers + 8);
  auto kept =
      std::make_unique<BertTape>(buffers_, kept_layers * layer_tape_floats(shape_, rows, squares) +
                                               (2 + (tape == nullptr ? 2 : config_.layers + 1)) * (rows * h + 16) +
                                               rows + texts.size() * h + slack);
  Arena scratch(buffers_, layer_scratch_floats(shape_, rows, longest));
  Arena& arena = kept->arena;
  kept->lengths = lengths;
  kept->norms.resize(texts.size());
  kept->embedded = arena.matrix(rows, h);
  kept->deviation = arena.vector(rows);
  View x = arena.matrix(rows, h);
  std::size_t row = 0;
  for (const std::size_t t : texts) {
    for (std::size_t i = 0; i < ids_[t].size(); ++i, ++row) {
      const auto out_row = x.row(row);
      std::ranges::copy(parameters_[kWords].values.row(ids_[t][i]), out_row.begin());
      training::add_scaled(1.0F, parameters_[kPositions].values.row(i), out_row);
      training::add_scaled(1.0F, parameters_[kTypes].values.row(0), out_row);
    }
  }
  training::layer_norm(x, parameters_[kGain].values.values(), parameters_[kOffset].values.values(), config_.epsilon,
                       kept->embedded, kept->deviation, x);
  View spare = tape == nullptr ? arena.matrix(rows, h) : View{};
  const std::size_t mark = arena.used();
  for (std::size_t l = 0; l < config_.layers; ++l) {
    if (tape == nullptr) arena.rewind(mark);  // nothing is kept: every layer works in the same memory
    const View next = tape == nullptr ? spare : arena.matrix(rows, h);
    kept->layers.push_back(layer_forward(parameters_, layer(l), shape_, lengths, x, next, arena, scratch));
    if (tape == nullptr) spare = x;
    x = next;
  }
  row = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::ranges::fill(out.row(i), 0.0F);
    const std::size_t n = lengths[i], used = cls_ ? std::min<std::size_t>(n, 1) : n;
    for (std::size_t j = 0; j < used; ++j)
      training::add_scaled(1.0F / static_cast<float>(used), x.row(row + j), out.row(i));
    row += n;
  }
  unit_rows(out, kept->norms);
  if (tape == nullptr) return;
  kept->units = arena.matrix(texts.size(), h);
  for (std::size_t i = 0; i < texts.size(); ++i) std::ranges::copy(out.row(i), kept->units.row(i).begin());
  *tape = std::move(kept);
}

void TrainableBert::backward(std::span<const std::size_t> texts, Tape& tape, ConstView grad, GradientSum& sum) const {
  auto& t = dynamic_cast<BertTape&>(tape);
  const std::size_t h = config_.hidden, rows = t.embedded.rows;
  const std::size_t longest = t.lengths.empty() ? 0 : *std::max_element(t.lengths.begin(), t.lengths.end());
  Arena scratch(buffers_, layer_scratch_floats(shape_, rows, longest) + rows * h + (texts.size() + 4) * (h + 16) + 64);
  const View pooled = scratch.matrix(texts.size(), h);
  unit_rows_backward(t.units, t.norms, grad, pooled);
  const View g = scratch.matrix(rows, h);
  std::size_t row = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::size_t n = t.lengths[i], used = cls_ ? std::min<std::size_t>(n, 1) : n;
    for (std::size_t j = 0; j < n; ++j) {
      std::ranges::fill(g.row(row + j), 0.0F);
      if (j < used) training::add_scaled(1.0F / static_cast<float>(used), pooled.row(i), g.row(row + j));
    }
    row += n;
  }
  for (std::size_t l = config_.layers; l-- > 0;) {
    layer_backward(parameters_, layer(l), shape_, t.lengths, t.layers[l], g, scratch, sum);
  }
  const auto gain_grad = scratch.vector(h), offset_grad = scratch.vector(h), type_grad = scratch.vector(h);
  std::ranges::fill(gain_grad, 0.0F);
  std::ranges::fill(offset_grad, 0.0F);
  training::layer_norm_backward(t.embedded, t.deviation, parameters_[kGain].values.values(), g, gain_grad, offset_grad);
  sum.add(kGain, gain_grad);
  sum.add(kOffset, offset_grad);

  std::unordered_map<std::uint32_t, std::size_t> place;
  std::vector<std::uint32_t> words;
  for (const std::size_t text : texts) {
    for (const std::uint32_t id : ids_[text]) {
      if (place.emplace(id, words.size()).second) words.push_back(id);
    }
  }
  Matrix<float> word_grad(words.size(), h), position_grad(longest, h);
  row = 0;
  for (const std::size_t text : texts) {
    for (std::size_t i = 0; i < ids_[text].size(); ++i, ++row) {
      training::add_scaled(1.0F, g.row(row), word_grad.row(place.at(ids_[text][i])));
      training::add_scaled(1.0F, g.row(row), position_grad.row(i));
    }
  }
  std::vector<std::uint32_t> positions(longest);
  std::iota(positions.begin(), positions.end(), 0U);
  sum.add_rows(kWords, words, std::as_const(word_grad).view());
  sum.add_rows(kPositions, positions, std::as_const(position_grad).view());
  training::column_sums(g, type_grad);
  const std::uint32_t type = 0;
  sum.add_rows(kTypes, std::span(&type, 1), ConstView(type_grad.data(), 1, h));
}

void TrainableBert::save(const fs::path& folder) const {
  fs::create_directories(folder);
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    const fs::path relative = fs::relative(entry.path(), folder_);
    const std::string extension = relative.extension().string();
    if (entry.is_directory()) fs::create_directories(folder / relative);
    if (entry.is_regular_file() && (extension == ".json" || extension == ".txt"))
      fs::copy_file(entry.path(), folder / relative, fs::copy_options::overwrite_existing);
  }
  std::vector<encode::NamedTensor> tensors;
  const std::size_t h = config_.hidden;
  for (const Tensor& t : parameters_) {
    const auto values = t.values.values();
    const auto part = t.name.find("qkv");
    const bool is_vector = t.values.rows() == 1 && !t.name.starts_with("embeddings.token_type");
    if (part == std::string::npos) {
      std::vector<std::uint64_t> shape = {t.values.rows(), t.values.columns()};
      if (is_vector) shape.erase(shape.begin());
      tensors.push_back({t.name, shape, values});
      continue;
    }
    static constexpr std::array kParts = {"query", "key", "value"};
    for (std::size_t i = 0; i < kParts.size(); ++i) {
      std::string name = t.name;
      name.replace(part, 3, kParts[i]);
      const std::size_t n = values.size() / kParts.size();
      tensors.push_back({name, is_vector ? std::vector<std::uint64_t>{h} : std::vector<std::uint64_t>{h, h},
                         values.subspan(i * n, n)});
    }
  }
  encode::write_safetensors(folder / "model.safetensors", tensors);
}

}  // namespace

std::unique_ptr<Trainable> make_trainable_bert(const fs::path& folder, const encode::BertParams& params) {
  return std::make_unique<TrainableBert>(folder, params);
}

}  // namespace equal::contrast
