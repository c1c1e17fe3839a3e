// A linear map behind any encoder, trained by the warm-up where the encoder itself cannot be (`http`).
#pragma once

#include <filesystem>
#include <memory>

#include "equal/encode/encoder.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::encode {

/// vector(text) = unit(projection base(text)), projection (dim, base dim). Zero vectors stay zero.
std::unique_ptr<Encoder> make_projected(std::unique_ptr<Encoder> base, linalg::Matrix<float> projection);

/// `folder`/projection.safetensors with one tensor, "linear.weight": the form of a Dense module of Sentence
/// Transformers.
void save_projection(const linalg::Matrix<float>& projection, const std::filesystem::path& folder);
bool has_projection(const std::filesystem::path& folder);
/// Square, base_dim wide. Throws DataError for anything else.
linalg::Matrix<float> load_projection(const std::filesystem::path& folder, std::size_t base_dim);

}  // namespace equal::encode
