// An encoder whose weights can be trained: texts -> unit vectors, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "equal/base/thread_pool.hpp"
#include "equal/contrast/parameters.hpp"
#include "equal/encode/encoder.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::contrast {

/// What forward() keeps for backward().
class Tape {
 public:
  virtual ~Tape() = default;
};

class Trainable {
 public:
  virtual ~Trainable() = default;
  virtual std::size_t dim() const = 0;
  virtual Parameters& parameters() = 0;

  /// Adds texts that will be trained on; their numbers are 0, 1, ... in the order of adding. To be done before the
  /// optimiser is made: tables size their parameters by the texts.
  virtual void add_texts(std::span<const std::string_view> texts, encode::Role role, ThreadPool& pool) = 0;
  virtual std::size_t texts() const = 0;
  /// Work of a text in tokens, at least 1: batches are cut into parts by it.
  virtual std::size_t tokens(std::size_t text) const = 0;
  /// Bytes of tape that a part of so many tokens needs, roughly.
  virtual std::size_t tape_bytes(std::size_t tokens) const = 0;

  /// out (texts.size(), dim): unit vectors under the current parameters. Thread-safe; bits depend on the listed texts
  /// and the parameters alone. A null `tape`: nothing is kept.
  virtual void forward(std::span<const std::size_t> texts, linalg::MatrixView<float> out,
                       std::unique_ptr<Tape>* tape) const = 0;
  /// Adds the gradient of the parameters for grad (texts.size(), dim) = dL/dout. Thread-safe.
  virtual void backward(std::span<const std::size_t> texts, Tape& tape, linalg::MatrixView<const float> grad,
                        GradientSum& sum) const = 0;

  /// Local. Writes the trained encoder into `folder`, which appears whole. The form depends on the kind: table.bin, a
  /// Hugging Face folder, or projection.safetensors.
  virtual void save(const std::filesystem::path& folder) const = 0;
};

}  // namespace equal::contrast
