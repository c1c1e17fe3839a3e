// A BERT encoder layer on packed rows, f32, forward and backward.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "equal/contrast/parameters.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::contrast {

using View = linalg::MatrixView<float>;
using ConstView = linalg::MatrixView<const float>;

/// Places of a layer's tensors among the parameters.
struct LayerTensors {
  std::size_t qkv, qkv_bias;  ///< (3 hidden, hidden): query, key and value in this order
  std::size_t attention, attention_bias, attention_gain, attention_offset;
  std::size_t up, up_bias, down, down_bias, gain, offset;
};

struct LayerShape {
  std::size_t hidden = 0, intermediate = 0, heads = 0;
  float epsilon = 1e-12F;
};

/// Memory of tapes, handed out again and again: fresh pages cost more than the arithmetic of a small layer.
class BufferPool {
 public:
  std::vector<float> take(std::size_t size);
  void give_back(std::vector<float> buffer);

 private:
  std::mutex mutex_;
  std::vector<std::vector<float>> free_;
};

/// A piece of memory that is cut into matrices.
class Arena {
 public:
  Arena(BufferPool& pool, std::size_t size) : pool_(pool), buffer_(pool.take(size)) {}
  ~Arena() { pool_.give_back(std::move(buffer_)); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  View matrix(std::size_t rows, std::size_t columns);
  std::span<float> vector(std::size_t size);
  std::size_t used() const noexcept { return used_; }
  void rewind(std::size_t used) noexcept { used_ = used; }

 private:
  BufferPool& pool_;
  std::vector<float> buffer_;
  std::size_t used_ = 0;
};

/// What a layer keeps; matrices have one row a token, probabilities `heads` x (length,length) a text, back to back.
struct LayerTape {
  View input, qkv, context, attention_normalised, middle_input, up, normalised;
  std::span<float> probabilities, attention_deviation, deviation;
};
/// Floats that a layer's tape takes for `rows` tokens of texts with `squares` = sum of length^2.
std::size_t layer_tape_floats(const LayerShape& shape, std::size_t rows, std::size_t squares);
std::size_t layer_scratch_floats(const LayerShape& shape, std::size_t rows, std::size_t longest);

/// out (rows, hidden) = layer(input); `input` is kept by reference. lengths add up to the rows.
LayerTape layer_forward(const Parameters& p, const LayerTensors& t, const LayerShape& shape,
                        std::span<const std::size_t> lengths, View input, View out, Arena& tape, Arena& scratch);
/// grad: dL/dout in, dL/dinput out. Adds the gradients of the tensors to `sum`.
void layer_backward(const Parameters& p, const LayerTensors& t, const LayerShape& shape,
                    std::span<const std::size_t> lengths, const LayerTape& tape, View grad, Arena& scratch,
                    GradientSum& sum);

}  // namespace equal::contrast
