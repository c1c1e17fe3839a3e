// The JSON files of a Hugging Face folder that describe a BERT encoder.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace equal::encode {

struct BertConfig {
  std::size_t vocabulary = 0, positions = 0, types = 0;  ///< rows of the three embedding tables
  std::size_t hidden = 0, intermediate = 0, heads = 0, layers = 0;
  float epsilon = 1e-12F;  ///< of layer normalisation
  bool cls_pooling = false;
  std::size_t max_tokens = 0;  ///< the model's own limit, at most `positions`
  std::string document_prompt, query_prompt;
};

/// Throws DataError naming file and key for what is no BERT encoder that ends in mean or CLS pooling.
BertConfig read_bert_config(const std::filesystem::path& folder);

}  // namespace equal::encode
