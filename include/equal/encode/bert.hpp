// BERT, BGE and MiniLM encoders from a Hugging Face folder: text -> WordPiece ids -> transformer -> pooled unit vector.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "equal/encode/encoder.hpp"

namespace equal::encode {

enum class Pooling {
  automatic,  ///< what 1_Pooling/config.json says; mean without that file
  mean,       ///< of all tokens, [CLS] and [SEP] included, as Sentence Transformers does
  cls
};
enum class LongDocuments {
  truncate,  ///< the first max_tokens
  windows    ///< consecutive windows of max_tokens; their pooled vectors averaged, weighted by their tokens
};
enum class BertPrecision {
  automatic,  ///< bf16 where the CPU has AVX-512 BF16, else f32
  f32,
  bf16,  ///< cosine to f32 above 0.999
  int8   ///< fastest; cosine to f32 about 0.99
};

struct BertParams {
  Pooling pooling = Pooling::automatic;
  LongDocuments long_documents = LongDocuments::truncate;
  BertPrecision precision = BertPrecision::automatic;
  std::size_t max_tokens = 0;  ///< a text or window, [CLS] and [SEP] included; 0: the model's own limit
  /// Put before every document or query; not set: the prompts "document"/"passage" and "query" of
  /// config_sentence_transformers.json, or nothing.
  std::optional<std::string> document_prefix, query_prefix;
  std::size_t batch_tokens = 384;  ///< computed together by one thread; decides speed and memory, not results
  bool portable_kernels = false;   ///< f32 through OpenBLAS even where faster kernels exist: for tests and comparisons
};

/// Loads `folder` as Hugging Face publishes it: config.json, model.safetensors, tokenizer.json or vocab.txt, and where
/// there are any, modules.json, 1_Pooling/config.json, sentence_bert_config.json, config_sentence_transformers.json.
/// Throws DataError naming file and key or tensor, and what is supported, for everything else; UsageError when the CPU
/// lacks the precision or max_tokens is too large for the model.
///
/// encode() is bit-equal for any number of threads. With AVX-512 a text's vector depends on that text alone.
std::unique_ptr<Encoder> load_bert(const std::filesystem::path& folder, const BertParams& params = {});

/// Throws what load_bert would throw for all but the tensors of the weights: their header is read, no value. Well below
/// a second for any model.
void check_bert(const std::filesystem::path& folder, const BertParams& params = {});

}  // namespace equal::encode
