#include "bert_layers.hpp"

#include <algorithm>

#include "equal/base/error.hpp"
#include "equal/linalg/training.hpp"

namespace equal::contrast {

namespace training = linalg::training;
using training::Side;

std::vector<float> BufferPool::take(std::size_t size) {
  {
    const std::lock_guard lock(mutex_);
    const auto fits = std::find_if(free_.begin(), free_.end(), [&](const auto& b) { return b.size() >= size; });
    if (fits != free_.end()) {
      auto out = std::move(*fits);
      free_.erase(fits);
      return out;
    }
    if (!free_.empty()) free_.pop_back();  // too small: a larger one takes its place
  }
  return std::vector<float>(size);
}

void BufferPool::give_back(std::vector<float> buffer) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(buffer));
}

namespace {
constexpr std::size_t kLine = 16;  // floats of a cache line
std::size_t lines(std::size_t n) { return (n + kLine - 1) / kLine * kLine; }
}  // namespace

std::span<float> Arena::vector(std::size_t size) {
  if (used_ + lines(size) > buffer_.size()) throw InternalError("training: a tape is too small");
  const auto out = std::span(buffer_).subspan(used_, size);
  used_ += lines(size);
  return out;
}

View Arena::matrix(std::size_t rows, std::size_t columns) { return {vector(rows * columns).data(), rows, columns}; }

std::size_t layer_tape_floats(const LayerShape& s, std::size_t rows, std::size_t squares) {
  return rows * (7 * s.hidden + s.intermediate + 2) + s.heads * squares + 10 * kLine;
}

std::size_t layer_scratch_floats(const LayerShape& s, std::size_t rows, std::size_t longest) {
  return 2 * rows * s.intermediate + 5 * rows * s.hidden + longest * longest +
         4 * s.hidden * std::max(s.hidden, s.intermediate) + 4 * std::max(s.hidden, s.intermediate) + 16 * kLine;
}

namespace {

ConstView weight(const Parameters& p, std::size_t t) { return p[t].values.view(); }
std::span<const float> values(const Parameters& p, std::size_t t) { return p[t].values.values(); }

View columns_of(View x, std::size_t first, std::size_t count) { return {x.data + first, x.rows, count, x.stride}; }
std::span<float> all_of(View x) { return {x.data, x.rows * x.columns}; }

// dL/dweight = grad^T input and dL/dbias, rounded and added at once, while they are in the cache.
void add_linear(ConstView input, ConstView grad, std::size_t weight, std::size_t bias, Arena& scratch,
                GradientSum& sum) {
  const std::size_t mark = scratch.used();
  const View w = scratch.matrix(grad.columns, input.columns);
  training::multiply(grad, Side::transposed, input, Side::plain, 0.0F, w);
  sum.add(weight, all_of(w));
  const auto b = scratch.vector(grad.columns);
  training::column_sums(grad, b);
  sum.add(bias, b);
  scratch.rewind(mark);
}

void norm_backward(const Parameters& p, std::size_t gain, std::size_t offset, ConstView normalised,
                   std::span<const float> deviation, View grad, Arena& scratch, GradientSum& sum) {
  const std::size_t mark = scratch.used();
  const auto gain_grad = scratch.vector(grad.columns), offset_grad = scratch.vector(grad.columns);
  std::ranges::fill(gain_grad, 0.0F);
  std::ranges::fill(offset_grad, 0.0F);
  training::layer_norm_backward(normalised, deviation, values(p, gain), grad, gain_grad, offset_grad);
  sum.add(gain, gain_grad);
  sum.add(offset, offset_grad);
  scratch.rewind(mark);
}

}  // namespace

LayerTape layer_forward(const Parameters& p, const LayerTensors& t, const LayerShape& s,
                        std::span<const std::size_t> lengths, View input, View out, Arena& arena, Arena& scratch) {
  const std::size_t rows = input.rows, h = s.hidden, mark = scratch.used();
  std::size_t squares = 0;
  for (const std::size_t n : lengths) squares += n * n;
  LayerTape tape;
  tape.input = input;
  tape.qkv = arena.matrix(rows, 3 * h);
  tape.probabilities = arena.vector(s.heads * squares);
  tape.context = arena.matrix(rows, h);
  tape.attention_normalised = arena.matrix(rows, h);
  tape.attention_deviation = arena.vector(rows);
  tape.middle_input = arena.matrix(rows, h);
  tape.up = arena.matrix(rows, s.intermediate);
  tape.normalised = arena.matrix(rows, h);
  tape.deviation = arena.vector(rows);

  training::linear(input, weight(p, t.qkv), values(p, t.qkv_bias), tape.qkv);
  std::size_t first = 0, at = 0;
  for (const std::size_t n : lengths) {
    const View qkv = tape.qkv.slice(first, n);
    training::attention(columns_of(qkv, 0, h), columns_of(qkv, h, h), columns_of(qkv, 2 * h, h), s.heads,
                        View(tape.probabilities.data() + at, s.heads * n, n), tape.context.slice(first, n));
    first += n;
    at += s.heads * n * n;
  }
  training::linear(tape.context, weight(p, t.attention), values(p, t.attention_bias), out);
  training::add_scaled(1.0F, all_of(input), all_of(out));
  training::layer_norm(out, values(p, t.attention_gain), values(p, t.attention_offset), s.epsilon,
                       tape.attention_normalised, tape.attention_deviation, tape.middle_input);
  training::linear(tape.middle_input, weight(p, t.up), values(p, t.up_bias), tape.up);
  const View middle = scratch.matrix(rows, s.intermediate);
  training::gelu(all_of(tape.up), all_of(middle));
  training::linear(middle, weight(p, t.down), values(p, t.down_bias), out);
  training::add_scaled(1.0F, all_of(tape.middle_input), all_of(out));
  training::layer_norm(out, values(p, t.gain), values(p, t.offset), s.epsilon, tape.normalised, tape.deviation, out);
  scratch.rewind(mark);
  return tape;
}

void layer_backward(const Parameters& p, const LayerTensors& t, const LayerShape& s,
                    std::span<const std::size_t> lengths, const LayerTape& tape, View grad, Arena& scratch,
                    GradientSum& sum) {
  const std::size_t rows = grad.rows, h = s.hidden, mark = scratch.used();
  norm_backward(p, t.gain, t.offset, tape.normalised, tape.deviation, grad, scratch, sum);
  const View middle = scratch.matrix(rows, s.intermediate), middle_grad = scratch.matrix(rows, s.intermediate);
  training::gelu(all_of(tape.up), all_of(middle));
  add_linear(middle, grad, t.down, t.down_bias, scratch, sum);
  training::multiply(grad, Side::plain, weight(p, t.down), Side::plain, 0.0F, middle_grad);
  training::gelu_backward(all_of(tape.up), all_of(middle_grad));
  add_linear(tape.middle_input, middle_grad, t.up, t.up_bias, scratch, sum);
  training::multiply(middle_grad, Side::plain, weight(p, t.up), Side::plain, 1.0F, grad);  // on top of the residual's
  scratch.rewind(mark);

  norm_backward(p, t.attention_gain, t.attention_offset, tape.attention_normalised, tape.attention_deviation, grad,
                scratch, sum);
  add_linear(tape.context, grad, t.attention, t.attention_bias, scratch, sum);
  const View context_grad = scratch.matrix(rows, h), qkv_grad = scratch.matrix(rows, 3 * h);
  training::multiply(grad, Side::plain, weight(p, t.attention), Side::plain, 0.0F, context_grad);
  std::size_t first = 0, at = 0;
  for (const std::size_t n : lengths) {
    const std::size_t inner = scratch.used();
    const View qkv = tape.qkv.slice(first, n), g = qkv_grad.slice(first, n);
    training::attention_backward(columns_of(qkv, 0, h), columns_of(qkv, h, h), columns_of(qkv, 2 * h, h), s.heads,
                                 ConstView(tape.probabilities.data() + at, s.heads * n, n),
                                 context_grad.slice(first, n), columns_of(g, 0, h), columns_of(g, h, h),
                                 columns_of(g, 2 * h, h), scratch.matrix(n, n));
    scratch.rewind(inner);
    first += n;
    at += s.heads * n * n;
  }
  add_linear(tape.input, qkv_grad, t.qkv, t.qkv_bias, scratch, sum);
  training::multiply(qkv_grad, Side::plain, weight(p, t.qkv), Side::plain, 1.0F, grad);
  scratch.rewind(mark);
}

}  // namespace equal::contrast
