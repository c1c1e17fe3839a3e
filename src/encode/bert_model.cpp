#include "bert_model.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "equal/base/log.hpp"

namespace equal::encode {
namespace {

using linalg::Element;
using linalg::Epilogue;
using linalg::Matrix;

// Rows that go through the feed-forward part together: their intermediate values stay in the second-level cache.
constexpr std::size_t kChunkRows = 96;

Element input_element(Precision p) {
  return p == Precision::f32 ? Element::f32 : p == Precision::bf16 ? Element::bf16 : Element::uint8;
}
Element state_element(Precision p) { return p == Precision::f32 ? Element::f32 : Element::bf16; }

// Names of the tensors with or without the "bert." of checkpoints with a head, and with the old names of normalisation.
class Names {
 public:
  explicit Names(const SafeTensors& file)
      : file_(file), prefix_(file.contains("bert.embeddings.word_embeddings.weight") ? "bert." : "") {}
  Matrix<float> matrix(const std::string& name, std::size_t rows, std::size_t columns) const {
    return file_.matrix(prefix_ + name, rows, columns);
  }
  std::vector<float> vector(const std::string& name, std::size_t size) const {
    return file_.vector(prefix_ + name, size);
  }
  std::vector<float> gain(const std::string& norm, std::size_t size) const {
    return either(norm, ".weight", ".gamma", size);
  }
  std::vector<float> offset(const std::string& norm, std::size_t size) const {
    return either(norm, ".bias", ".beta", size);
  }

 private:
  std::vector<float> either(const std::string& norm, const char* name, const char* old_name, std::size_t size) const {
    return vector(norm + (file_.contains(prefix_ + norm + old_name) ? old_name : name), size);
  }
  const SafeTensors& file_;
  std::string prefix_;
};

}  // namespace

BertWeights::BertWeights(const SafeTensors& file, const BertConfig& c, Precision p, linalg::Kernels k)
    : config(c), precision(p), kernels(k), heads{c.heads, linalg::padded(c.hidden / c.heads)} {
  const Names names(file);
  const std::size_t h = c.hidden, head = h / c.heads, wide = heads.count * heads.columns;
  words = names.matrix("embeddings.word_embeddings.weight", c.vocabulary, h);
  positions = names.matrix("embeddings.position_embeddings.weight", c.positions, h);
  const auto types = names.matrix("embeddings.token_type_embeddings.weight", c.types, h);
  for (std::size_t i = 0; i < c.positions; ++i) {
    for (std::size_t j = 0; j < h; ++j) positions(i, j) += types(0, j);
  }
  embedding_gain = names.gain("embeddings.LayerNorm", h);
  embedding_offset = names.offset("embeddings.LayerNorm", h);

  // attention() takes powers of two of q.k, so q carries log2(e) and the usual 1/sqrt(d).
  const float q_scale = std::numbers::log2e_v<float> / std::sqrt(static_cast<float>(head));
  for (std::size_t l = 0; l < c.layers; ++l) {
    const std::string prefix = format("encoder.layer.{}.", l);
    Matrix<float> qkv(3 * wide, h);
    std::vector<float> qkv_bias(3 * wide);
    for (std::size_t part = 0; part < 3; ++part) {
      static constexpr const char* kParts[] = {"query", "key", "value"};
      const std::string name = format("{}attention.self.{}", prefix, kParts[part]);
      const auto weight = names.matrix(name + ".weight", h, h);
      const auto bias = names.vector(name + ".bias", h);
      const float scale = part == 0 ? q_scale : 1.0F;
      for (std::size_t o = 0; o < h; ++o) {
        const std::size_t at = part * wide + o / head * heads.columns + o % head;
        std::ranges::transform(weight.row(o), qkv.row(at).begin(), [&](float v) { return v * scale; });
        qkv_bias[at] = bias[o] * scale;
      }
    }
    const auto dense = names.matrix(prefix + "attention.output.dense.weight", h, h);
    Matrix<float> attention_output(h, wide);
    for (std::size_t o = 0; o < h; ++o) {
      for (std::size_t i = 0; i < h; ++i) attention_output(o, i / head * heads.columns + i % head) = dense(o, i);
    }
    const auto linear = [&](const std::string& name, std::size_t outputs, std::size_t inputs) {
      const auto weight = names.matrix(name + ".weight", outputs, inputs);
      return linalg::PackedLinear(weight.view(), names.vector(name + ".bias", outputs), p, k);
    };
    Layer layer;
    layer.qkv = linalg::PackedLinear(qkv.view(), qkv_bias, p, k);
    layer.attention_output =
        linalg::PackedLinear(attention_output.view(), names.vector(prefix + "attention.output.dense.bias", h), p, k);
    layer.intermediate = linear(prefix + "intermediate.dense", c.intermediate, h);
    layer.output = linear(prefix + "output.dense", h, c.intermediate);
    layer.attention_gain = names.gain(prefix + "attention.output.LayerNorm", h);
    layer.attention_offset = names.offset(prefix + "attention.output.LayerNorm", h);
    layer.gain = names.gain(prefix + "output.LayerNorm", h);
    layer.offset = names.offset(prefix + "output.LayerNorm", h);
    layers.push_back(std::move(layer));
  }
}

BertScratch::BertScratch(const BertWeights& w, std::size_t rows, std::size_t longest)
    : hidden(Element::f32, rows, w.config.hidden),
      qkv(state_element(w.precision), rows, 3 * w.heads.count * w.heads.columns),
      context(state_element(w.precision), rows, w.heads.count * w.heads.columns),
      middle(state_element(w.precision), kChunkRows, w.config.intermediate),
      attention(longest, w.heads.columns) {
  if (w.precision != Precision::f32) hidden_input = Tensor(input_element(w.precision), rows, w.config.hidden);
  if (w.precision == Precision::int8) {
    context_input = Tensor(Element::uint8, rows, w.heads.count * w.heads.columns);
    middle_input = Tensor(Element::uint8, kChunkRows, w.config.intermediate);
  }
}

void run_bert(const BertWeights& w, std::span<const std::uint32_t> ids, std::span<const std::size_t> lengths,
              BertScratch& s, std::size_t layers) {
  const std::size_t h = w.config.hidden, rows = ids.size();
  const bool f32 = w.precision == Precision::f32, int8 = w.precision == Precision::int8;
  Tensor* const copy = f32 ? nullptr : &s.hidden_input;
  const Tensor& input = f32 ? s.hidden : s.hidden_input;
  std::size_t row = 0;
  for (const std::size_t length : lengths) {
    for (std::size_t i = 0; i < length; ++i, ++row) {
      const auto word = w.words.row(ids[row]), position = w.positions.row(i);
      std::transform(word.begin(), word.end(), position.begin(), s.hidden.floats(row), std::plus<>());
    }
  }
  linalg::layer_norm(s.hidden, 0, rows, h, w.embedding_gain, w.embedding_offset, w.config.epsilon, copy, 0, w.kernels);

  for (std::size_t l = 0; l < std::min(layers, w.layers.size()); ++l) {
    const BertWeights::Layer& layer = w.layers[l];
    layer.qkv.apply(input, 0, rows, Epilogue::bias, s.qkv, 0);
    std::size_t first = 0;
    for (const std::size_t length : lengths) {
      linalg::attention(s.qkv, first, length, w.heads, s.context, s.attention, w.kernels);
      first += length;
    }
    for (std::size_t at = 0; at < rows; at += kChunkRows) {
      const std::size_t n = std::min(kChunkRows, rows - at);
      if (int8) linalg::quantize(s.context, at, n, s.context_input, at);
      layer.attention_output.apply(int8 ? s.context_input : s.context, at, n, Epilogue::bias_residual, s.hidden, at,
                                   &s.hidden);
      linalg::layer_norm(s.hidden, at, n, h, layer.attention_gain, layer.attention_offset, w.config.epsilon, copy, at,
                         w.kernels);
      layer.intermediate.apply(input, at, n, Epilogue::bias_gelu, s.middle, 0);
      if (int8) linalg::quantize(s.middle, 0, n, s.middle_input, 0);
      layer.output.apply(int8 ? s.middle_input : s.middle, 0, n, Epilogue::bias_residual, s.hidden, at, &s.hidden);
      linalg::layer_norm(s.hidden, at, n, h, layer.gain, layer.offset, w.config.epsilon, copy, at, w.kernels);
    }
  }
}

void pool(const BertWeights& w, const Tensor& hidden, std::size_t first, std::size_t length, bool cls,
          std::span<float> out) {
  const std::size_t h = w.config.hidden;
  std::copy_n(hidden.floats(first), h, out.begin());
  if (cls) return;
  for (std::size_t i = 1; i < length; ++i) {
    const float* x = hidden.floats(first + i);
    for (std::size_t j = 0; j < h; ++j) out[j] += x[j];
  }
  for (float& v : out) v /= static_cast<float>(length);
}

}  // namespace equal::encode
