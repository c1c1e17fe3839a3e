// The transformer of BERT over packed documents: token ids -> hidden states -> pooled vectors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "equal/encode/bert_config.hpp"
#include "equal/encode/safetensors.hpp"
#include "equal/linalg/transformer.hpp"

namespace equal::encode {

using linalg::Precision;
using linalg::Tensor;

/// Weights rearranged for the kernels. Head columns are padded to linalg::kLanes with zero weights.
struct BertWeights {
  /// Throws DataError naming the tensor.
  BertWeights(const SafeTensors& file, const BertConfig& config, Precision precision, linalg::Kernels kernels);

  struct Layer {
    linalg::PackedLinear qkv, attention_output, intermediate, output;
    std::vector<float> attention_gain, attention_offset, gain, offset;
  };
  BertConfig config;
  Precision precision;
  linalg::Kernels kernels;
  linalg::Heads heads;
  linalg::Matrix<float> words, positions;  ///< the embedding of token type 0 is in `positions`
  std::vector<float> embedding_gain, embedding_offset;
  std::vector<Layer> layers;
};

/// Memory of one thread. Grows to the largest batch seen.
class BertScratch {
 public:
  BertScratch(const BertWeights& weights, std::size_t rows, std::size_t longest);
  std::size_t rows() const noexcept { return hidden.rows; }
  std::size_t longest() const noexcept { return attention.length(); }

  Tensor hidden;         ///< (rows, hidden) f32
  Tensor hidden_input;   ///< the same in the input format of the products; f32: not used
  Tensor qkv, context;   ///< f32, or bf16 for bf16 and int8
  Tensor context_input;  ///< int8 only
  Tensor middle;         ///< (chunk, intermediate)
  Tensor middle_input;   ///< int8 only
  linalg::AttentionScratch attention;
};

/// Hidden states after the embeddings and `layers` layers (default all) of documents that lie back to back in `ids`;
/// lengths.size() documents, their lengths add up to ids.size(). They end up in scratch.hidden.
/// REQUIRES: ids below config.vocabulary; lengths from 1 to config.positions; scratch large enough.
void run_bert(const BertWeights& weights, std::span<const std::uint32_t> ids, std::span<const std::size_t> lengths,
              BertScratch& scratch, std::size_t layers = static_cast<std::size_t>(-1));

/// Mean of the rows, or the first one. Added in row order.
void pool(const BertWeights& weights, const Tensor& hidden, std::size_t first, std::size_t length, bool cls,
          std::span<float> out);

}  // namespace equal::encode
