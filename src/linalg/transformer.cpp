#include "equal/linalg/transformer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "equal/base/checked.hpp"
#include "equal/base/log.hpp"

#include "transformer_kernels.hpp"
#include "transformer_portable.hpp"

namespace equal::linalg {
namespace {

std::size_t bytes_of(Element element) noexcept {
  return element == Element::f32 ? 4 : element == Element::bf16 ? 2 : 1;
}

#if EQUAL_AVX512_KERNELS
bool has_avx512() noexcept {
  static const bool value = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return value;
}
bool has_low_precision() noexcept {
  static const bool value =
      has_avx512() && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  return value;
}
#else
constexpr bool has_avx512() noexcept { return false; }
constexpr bool has_low_precision() noexcept { return false; }
#endif

bool is_portable(Kernels kernels) noexcept { return kernels == Kernels::portable || !has_avx512(); }

// To bfloat16, nearest even. REQUIRES: finite.
std::uint16_t to_bf16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U);
}

void require(bool condition, const char* what) {
  if (!condition) throw InternalError(std::string("transformer kernels: ") + what);
}

}  // namespace

const char* name(Precision precision) noexcept {
  return precision == Precision::f32 ? "f32" : precision == Precision::bf16 ? "bf16" : "int8";
}

std::string why_unsupported(Precision precision) {
  if (precision == Precision::f32 || has_low_precision()) return "";
  return format(
      "{} needs a CPU with AVX-512 BF16 and VNNI (Intel Cooper Lake or Sapphire Rapids, AMD Zen 4, or later); use f32",
      name(precision));
}

Tensor::Tensor(Element e, std::size_t r, std::size_t c) : element(e), rows(r), columns(padded(c)) {
  // An odd number of cache lines a row: rows a power of two apart would all compete for the same few lines of the
  // cache.
  const std::size_t lines = (columns * bytes_of(e) + 63) / 64;
  stride = (lines | 1U) * 64;
  data = AlignedBytes(checked_multiply(rows, stride, "a tensor"));
  if (e == Element::uint8) {
    row_scale = AlignedBytes(rows * sizeof(float));
    row_zero = AlignedBytes(rows * sizeof(float));
  }
}

PackedLinear::PackedLinear(MatrixView<const float> weight, std::span<const float> bias, Precision precision,
                           Kernels kernels)
    : precision_(precision), portable_(is_portable(kernels)), inputs_(weight.columns), outputs_(weight.rows) {
  if (const std::string why = why_unsupported(precision); !why.empty()) throw UsageError(why);
  require(bias.size() == outputs_, "a bias for each output is expected");
  require(!portable_ || precision == Precision::f32, "the portable kernels know f32 only");
  bias_ = AlignedBytes(padded(outputs_) * sizeof(float));
  std::copy(bias.begin(), bias.end(), bias_.as<float>());
  if (portable_) {
    weights_ = AlignedBytes(outputs_ * inputs_ * sizeof(float));
    for (std::size_t o = 0; o < outputs_; ++o) std::ranges::copy(weight.row(o), weights_.as<float>() + o * inputs_);
  } else if (precision == Precision::f32) {
    pack_f32(weight);
  } else if (precision == Precision::bf16) {
    pack_bf16(weight);
  } else {
    pack_int8(weight);
  }
}

void PackedLinear::pack_f32(MatrixView<const float> weight) {
  const std::size_t k = padded(inputs_);
  weights_ = AlignedBytes(padded(outputs_) * k * sizeof(float));
  for (std::size_t o = 0; o < outputs_; ++o) {
    float* panel = weights_.as<float>() + o / kLanes * k * kLanes + o % kLanes;
    for (std::size_t i = 0; i < inputs_; ++i) panel[i * kLanes] = weight(o, i);
  }
}

void PackedLinear::pack_bf16(MatrixView<const float> weight) {
  const std::size_t k = padded(inputs_);
  weights_ = AlignedBytes(padded(outputs_) * k * sizeof(std::uint16_t));
  for (std::size_t o = 0; o < outputs_; ++o) {
    std::uint16_t* panel = weights_.as<std::uint16_t>() + o / kLanes * k * kLanes + o % kLanes * 2;
    for (std::size_t i = 0; i < inputs_; ++i) panel[i / 2 * 2 * kLanes + i % 2] = to_bf16(weight(o, i));
  }
}

void PackedLinear::pack_int8(MatrixView<const float> weight) {
  const std::size_t k = padded(inputs_);
  weights_ = AlignedBytes(padded(outputs_) * k);
  column_scale_ = AlignedBytes(padded(outputs_) * sizeof(float));
  column_sum_ = AlignedBytes(padded(outputs_) * sizeof(float));
  for (std::size_t o = 0; o < outputs_; ++o) {
    auto* panel = weights_.as<std::int8_t>() + o / kLanes * k * kLanes + o % kLanes * 4;
    float largest = 0;
    for (std::size_t i = 0; i < inputs_; ++i) largest = std::max(largest, std::abs(weight(o, i)));
    const float scale = largest > 0 ? largest / 127 : 1.0F;
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < inputs_; ++i) {
      const auto code = static_cast<std::int8_t>(std::lround(weight(o, i) / scale));
      panel[i / 4 * 4 * kLanes + i % 4] = code;
      sum += code;
    }
    column_scale_.as<float>()[o] = scale;
    column_sum_.as<float>()[o] = static_cast<float>(sum);
  }
}

void PackedLinear::apply(const Tensor& x, std::size_t x_first, std::size_t rows, Epilogue epilogue, Tensor& y,
                         std::size_t y_first, const Tensor* residual) const {
  const Element expected = precision_ == Precision::f32    ? Element::f32
                           : precision_ == Precision::bf16 ? Element::bf16
                                                           : Element::uint8;
  require(x.element == expected, "the activations have another format than the weights");
  require(x.columns == padded(inputs_) && y.columns == padded(outputs_), "a product of shapes that do not match");
  require(x_first + rows <= x.rows && y_first + rows <= y.rows, "rows outside a tensor");
  require(y.element != Element::uint8 && (precision_ != Precision::f32 || y.element == Element::f32),
          "no such output format");
  require((epilogue == Epilogue::bias_residual) == (residual != nullptr),
          "a residual is given exactly when it is added");
  require(residual == nullptr ||
              (residual->element == Element::f32 && residual->columns == y.columns && y_first + rows <= residual->rows),
          "a residual of another shape");
  if (rows == 0) return;
  if (portable_) {
    return portable::linear({weights_.as<float>(), outputs_, inputs_}, {bias_.as<float>(), outputs_}, x, x_first, rows,
                            epilogue, y, y_first, residual);
  }
  kernels::LinearCall call{};
  call.x = x.row(x_first);
  call.x_stride = x.stride;
  call.rows = rows;
  call.weights = weights_.as();
  call.steps = padded(inputs_) * bytes_of(expected) / 4;
  call.panels = padded(outputs_) / kLanes;
  call.bias = bias_.as<float>();
  call.y = y.row(y_first);
  call.y_stride = y.stride;
  call.y_is_bf16 = y.element == Element::bf16;
  call.epilogue = static_cast<int>(epilogue);
  if (residual != nullptr) {
    call.residual = residual->row(y_first);
    call.residual_stride = residual->stride;
  }
#if EQUAL_AVX512_KERNELS
  switch (precision_) {
    case Precision::f32:
      return kernels::linear_f32(call);
    case Precision::bf16:
      return kernels::linear_bf16(call);
    case Precision::int8:
      call.x_scale = x.row_scale.as<float>() + x_first;
      call.x_zero = x.row_zero.as<float>() + x_first;
      call.column_scale = column_scale_.as<float>();
      call.column_sum = column_sum_.as<float>();
      return kernels::linear_int8(call);
  }
#endif
}

AttentionScratch::AttentionScratch(std::size_t length, std::size_t head_columns)
    : keys(padded(length) * head_columns * sizeof(float)),
      values(padded(length) * head_columns * sizeof(float)),
      scores(kernels::kTileRows * (padded(length) * sizeof(float) + 64) * 2),
      length_(length) {}

void attention(const Tensor& qkv, std::size_t first, std::size_t length, Heads heads, Tensor& out,
               AttentionScratch& scratch, Kernels kernels) {
  require(heads.columns % kLanes == 0 && qkv.columns == 3 * heads.count * heads.columns,
          "heads that do not fit q, k, v");
  require(out.columns == heads.count * heads.columns && out.element == qkv.element, "an output of another shape");
  require(first + length <= qkv.rows && first + length <= out.rows && length <= scratch.length(),
          "rows outside a tensor");
  if (length == 0) return;
  if (is_portable(kernels)) {
    require(qkv.element == Element::f32, "the portable kernels know f32 only");
    return portable::attention(qkv, first, length, heads, out);
  }
#if EQUAL_AVX512_KERNELS
  const kernels::AttentionCall call{qkv.row(first),      qkv.stride,         length,     heads.count,
                                    heads.columns,       out.row(first),     out.stride, scratch.keys.as(),
                                    scratch.values.as(), scratch.scores.as()};
  if (qkv.element == Element::f32) return kernels::attention_f32(call);
  require(qkv.element == Element::bf16 && has_low_precision(), "no such attention");
  kernels::attention_bf16(call);
#endif
}

void layer_norm(Tensor& x, std::size_t first, std::size_t rows, std::size_t columns, std::span<const float> gain,
                std::span<const float> offset, float epsilon, Tensor* copy, std::size_t copy_first, Kernels kernels) {
  require(x.element == Element::f32 && columns <= x.columns && first + rows <= x.rows, "rows outside a tensor");
  require(gain.size() == columns && offset.size() == columns, "a gain and an offset for each column are expected");
  require(copy == nullptr ||
              (copy->columns == x.columns && copy_first + rows <= copy->rows && copy->element != Element::f32),
          "a copy of another shape");
  if (is_portable(kernels)) {
    require(copy == nullptr, "the portable kernels know f32 only");
    return portable::layer_norm(x, first, rows, columns, gain, offset, epsilon);
  }
#if EQUAL_AVX512_KERNELS
  kernels::LayerNormCall call{x.row(first), x.stride, rows, columns, gain.data(), offset.data(),
                              epsilon,      nullptr,  0,    nullptr, nullptr};
  if (copy == nullptr) return kernels::layer_norm_f32(call);
  require(has_low_precision(), "no such layer normalisation");
  call.copy = copy->row(copy_first);
  call.copy_stride = copy->stride;
  if (copy->element == Element::bf16) return kernels::layer_norm_bf16(call);
  call.copy_scale = copy->row_scale.as<float>() + copy_first;
  call.copy_zero = copy->row_zero.as<float>() + copy_first;
  kernels::layer_norm_uint8(call);
#endif
}

void quantize([[maybe_unused]] const Tensor& x, std::size_t first, std::size_t rows, Tensor& y, std::size_t y_first) {
  require(has_low_precision() && x.element == Element::bf16 && y.element == Element::uint8 && x.columns == y.columns &&
              first + rows <= x.rows && y_first + rows <= y.rows,
          "no such quantisation");
#if EQUAL_AVX512_KERNELS
  kernels::quantize_bf16({x.row(first), x.stride, rows, x.columns, y.row(y_first), y.stride,
                          y.row_scale.as<float>() + y_first, y.row_zero.as<float>() + y_first});
#endif
}

}  // namespace equal::linalg
