// The encoders that can be trained.
#pragma once

#include <filesystem>
#include <memory>

#include "equal/contrast/trainable.hpp"
#include "equal/encode/bert.hpp"
#include "equal/encode/encoder.hpp"
#include "equal/encode/static_table.hpp"

namespace equal::contrast {

/// What suits a kind of training, chosen on documents that no test uses (docs/algorithms/contrast.md).
struct Recipe {
  double learning_rate, temperature;
  std::size_t epochs;
};
inline constexpr Recipe kTableRecipe{1e-3, 0.05, 20},  ///< rows and map
    kMapRecipe{2e-3, 0.05, 40},                        ///< a map alone: of a table, or behind any encoder
    kBertRecipe{5e-5, 0.02, 8};

struct StaticTraining {
  bool rows =
      true;  ///< the rows of the words that occur in the texts, updated sparsely; overfits a few hundred documents
  bool projection = true;  ///< a (dim,dim) map of all rows: what is learned reaches words that no text had
};

/// vector(text) = unit(M sum of frequency(f) row_f). save() folds M into every row and writes table.bin: what was
/// trained is a static table like any other.
std::unique_ptr<Trainable> make_trainable_static(encode::StaticTable table, const StaticTraining& params = {});

/// All weights of the transformer in `folder` (see encode::load_bert for what is read; pooling, prefixes and max_tokens
/// of `params` hold, long documents are truncated), f32. Embeddings are updated by rows. save() writes a Hugging Face
/// folder: the files of `folder` with another model.safetensors.
std::unique_ptr<Trainable> make_trainable_bert(const std::filesystem::path& folder, const encode::BertParams& params);

/// A (dim,dim) map behind `base`, which stays as it is: texts are encoded once, when they are added. save() writes
/// projection.safetensors. `base` must outlive it.
std::unique_ptr<Trainable> make_trainable_projection(encode::Encoder& base);

}  // namespace equal::contrast
