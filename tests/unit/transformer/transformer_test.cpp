// The vector kernels against the portable ones and against sums in double.
#include "equal/linalg/transformer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"

namespace equal::linalg {
namespace {

float from_bf16(const std::byte* p) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, p, 2);
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

float value(const Tensor& t, std::size_t i, std::size_t j) {
  if (t.element == Element::f32) return t.floats(i)[j];
  if (t.element == Element::bf16) return from_bf16(t.row(i) + 2 * j);
  return t.row_scale.as<float>()[i] * (static_cast<float>(t.row(i)[j]) - t.row_zero.as<float>()[i]);
}

bool has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
#else
  return false;
#endif
}

Element input_element(Precision p) {
  return p == Precision::f32 ? Element::f32 : p == Precision::bf16 ? Element::bf16 : Element::uint8;
}

Matrix<float> random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  Matrix<float> m(rows, columns);
  RandomStream random(seed, "transformer_test");
  for (float& v : m.values()) v = static_cast<float>(random.normal());
  return m;
}

void put_bf16(Tensor& t, std::size_t i, std::size_t j, float v) {
  const auto bits = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(v) >> 16U);
  std::memcpy(t.row(i) + 2 * j, &bits, 2);
}

// `values` in the input format of `precision`; what the format keeps of them is read back with value().
Tensor tensor_of(const Matrix<float>& values, Precision precision) {
  Tensor t(precision == Precision::f32 ? Element::f32 : Element::bf16, values.rows(), values.columns());
  for (std::size_t i = 0; i < values.rows(); ++i) {
    for (std::size_t j = 0; j < values.columns(); ++j) {
      if (precision == Precision::f32) {
        t.floats(i)[j] = values(i, j);
      } else {
        put_bf16(t, i, j, values(i, j));
      }
    }
  }
  if (precision != Precision::int8) return t;
  Tensor codes(Element::uint8, values.rows(), values.columns());
  quantize(t, 0, values.rows(), codes, 0);
  return codes;
}

std::vector<Precision> precisions() {
  std::vector<Precision> out;
  for (const Precision p : {Precision::f32, Precision::bf16, Precision::int8}) {
    if (why_unsupported(p).empty()) out.push_back(p);
  }
  return out;
}

double gelu(double v) { return 0.5 * v * std::erfc(-v / std::numbers::sqrt2); }

// Of a product of `inputs` normal terms. f32: that many roundings of sums of size sqrt(inputs); else the weights' own
// rounding.
double tolerance(Precision p, std::size_t inputs) {
  const double terms = std::sqrt(static_cast<double>(inputs));
  return p == Precision::f32    ? 2e-7 * static_cast<double>(inputs + 10)
         : p == Precision::bf16 ? 1e-2 * terms
                                : 5e-2 * terms;
}

struct Shape {
  std::size_t rows, inputs, outputs;
};

TEST(Linear, AgreesWithDoubleForEveryPrecisionEpilogueAndShape) {
  for (const Precision precision : precisions()) {
    for (const Shape s :
         {Shape{1, 32, 32}, Shape{5, 26, 40}, Shape{12, 64, 96}, Shape{31, 384, 70}, Shape{13, 100, 33}}) {
      const auto x_values = random_matrix(s.rows, s.inputs, 1), weight = random_matrix(s.outputs, s.inputs, 2);
      const auto bias = random_matrix(1, s.outputs, 3), residual_values = random_matrix(s.rows, s.outputs, 4);
      const Tensor x = tensor_of(x_values, precision), residual = tensor_of(residual_values, Precision::f32);
      const PackedLinear linear(weight.view(), bias.row(0), precision);
      for (const Epilogue epilogue : {Epilogue::bias, Epilogue::bias_gelu, Epilogue::bias_residual}) {
        for (const Element element : {Element::f32, Element::bf16}) {
          if (precision == Precision::f32 && element == Element::bf16) continue;
          Tensor y(element, s.rows, s.outputs);
          linear.apply(x, 0, s.rows, epilogue, y, 0, epilogue == Epilogue::bias_residual ? &residual : nullptr);
          for (std::size_t i = 0; i < s.rows; ++i) {
            for (std::size_t o = 0; o < s.outputs; ++o) {
              double expected = bias(0, o);
              for (std::size_t k = 0; k < s.inputs; ++k) expected += static_cast<double>(value(x, i, k)) * weight(o, k);
              if (epilogue == Epilogue::bias_gelu) expected = gelu(expected);
              if (epilogue == Epilogue::bias_residual) expected += residual_values(i, o);
              const double bound =
                  tolerance(precision, s.inputs) + (element == Element::bf16 ? std::abs(expected) / 256 : 0);
              ASSERT_NEAR(value(y, i, o), expected, bound)
                  << name(precision) << " epilogue " << static_cast<int>(epilogue) << " row " << i << " output " << o
                  << " inputs " << s.inputs;
            }
          }
        }
      }
    }
  }
}

TEST(Linear, BitsOfARowDoNotDependOnTheOtherRows) {
  if (!has_avx512()) GTEST_SKIP() << "without AVX-512 BLAS computes f32, and it makes no such promise";
  for (const Precision precision : precisions()) {
    const auto weight = random_matrix(64, 96, 5), bias = random_matrix(1, 64, 6);
    const Tensor x = tensor_of(random_matrix(40, 96, 7), precision);
    const PackedLinear linear(weight.view(), bias.row(0), precision);
    Tensor whole(Element::f32, 40, 64), part(Element::f32, 40, 64);
    linear.apply(x, 0, 40, Epilogue::bias_gelu, whole, 0);
    for (std::size_t first = 0; first < 40;) {
      const std::size_t rows = std::min<std::size_t>(1 + first % 14, 40 - first);
      linear.apply(x, first, rows, Epilogue::bias_gelu, part, first);
      first += rows;
    }
    for (std::size_t i = 0; i < 40; ++i)
      EXPECT_EQ(std::memcmp(whole.row(i), part.row(i), 64 * 4), 0) << name(precision) << " row " << i;
  }
}

TEST(Linear, AnIntegerProductIsExactInInt8) {
  if (!why_unsupported(Precision::int8).empty()) GTEST_SKIP() << why_unsupported(Precision::int8);
  // Codes 0..255 and weights in steps of 1 with a largest of 127 have scales of exactly 1.
  Matrix<float> x_values(3, 32), weight(32, 32);
  for (std::size_t j = 0; j < 32; ++j) {
    for (std::size_t i = 0; i < 3; ++i)
      x_values(i, j) = j == 0 ? 0.0F : j == 1 ? 255.0F : static_cast<float>((37 * j + i) % 256);
    for (std::size_t o = 0; o < 32; ++o)
      weight(o, j) = j == 2 ? -127.0F : static_cast<float>(static_cast<int>((11 * j + 7 * o) % 255) - 127);
  }
  const std::vector<float> bias(32, 3.0F);
  const Tensor x = tensor_of(x_values, Precision::int8);
  Tensor y(Element::f32, 3, 32);
  PackedLinear(weight.view(), bias, Precision::int8).apply(x, 0, 3, Epilogue::bias, y, 0);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t o = 0; o < 32; ++o) {
      float expected = 3;
      for (std::size_t j = 0; j < 32; ++j) expected += x_values(i, j) * weight(o, j);
      EXPECT_EQ(y.floats(i)[o], expected);
    }
  }
}

TEST(Linear, RefusesShapesThatDoNotMatch) {
  const auto weight = random_matrix(32, 64, 8);
  const std::vector<float> bias(32);
  const PackedLinear linear(weight.view(), bias, Precision::f32);
  Tensor x(Element::f32, 4, 32), y(Element::f32, 4, 32);
  EXPECT_THROW(linear.apply(x, 0, 4, Epilogue::bias, y, 0), InternalError);
  EXPECT_THROW(PackedLinear(weight.view(), std::vector<float>(31), Precision::f32), InternalError);
}

TEST(Attention, AgreesWithDouble) {
  for (const Precision precision : precisions()) {
    if (precision == Precision::int8) continue;
    for (const std::size_t d : {32U, 64U}) {
      for (const std::size_t length : {1U, 2U, 15U, 16U, 17U, 33U, 64U, 75U}) {
        const Heads heads{2, d};
        const auto values = random_matrix(length + 3, 6 * d, 9);
        const Tensor qkv = tensor_of(values, precision);
        Tensor out(qkv.element, length + 3, 2 * d);
        AttentionScratch scratch(length, d);
        attention(qkv, 2, length, heads, out, scratch);
        for (std::size_t h = 0; h < 2; ++h) {
          for (std::size_t i = 0; i < length; ++i) {
            std::vector<double> expected(d);
            double sum = 0, top = -1e300;
            std::vector<double> scores(length);
            for (std::size_t j = 0; j < length; ++j) {
              for (std::size_t c = 0; c < d; ++c) {
                scores[j] += static_cast<double>(value(qkv, 2 + i, h * d + c)) * value(qkv, 2 + j, (2 + h) * d + c);
              }
              top = std::max(top, scores[j]);
            }
            for (std::size_t j = 0; j < length; ++j) {
              const double p = std::exp2(scores[j] - top);
              sum += p;
              for (std::size_t c = 0; c < d; ++c) expected[c] += p * value(qkv, 2 + j, (4 + h) * d + c);
            }
            for (std::size_t c = 0; c < d; ++c) {
              ASSERT_NEAR(value(out, 2 + i, h * d + c), expected[c] / sum, precision == Precision::f32 ? 2e-5 : 2e-2)
                  << name(precision) << " d " << d << " length " << length << " row " << i << " column " << c;
            }
          }
        }
        for (std::size_t c = 0; c < 2 * d; ++c)
          EXPECT_EQ(value(out, 1, c), 0) << "a row of another document was written";
      }
    }
  }
}

TEST(Attention, SurvivesScoresFarFromZero) {
  for (const Precision precision : precisions()) {
    if (precision == Precision::int8) continue;
    for (const float size : {-40.0F, 40.0F}) {
      Matrix<float> values(20, 96);
      for (std::size_t i = 0; i < 20; ++i) {
        for (std::size_t c = 0; c < 96; ++c) values(i, c) = c < 32 ? 40.0F : c < 64 ? size : static_cast<float>(i);
      }
      const Tensor qkv = tensor_of(values, precision);
      Tensor out(qkv.element, 20, 32);
      AttentionScratch scratch(20, 32);
      attention(qkv, 0, 20, {1, 32}, out, scratch);
      EXPECT_NEAR(value(out, 19, 5), 9.5, 0.05) << "equal scores of " << 32 * 40 * size;
    }
  }
}

TEST(LayerNorm, AgreesWithDoubleAndWritesCopies) {
  for (const std::size_t columns : {32U, 40U, 26U, 384U, 100U}) {
    const auto values = random_matrix(5, columns, 10), gain = random_matrix(1, columns, 11),
               offset = random_matrix(1, columns, 12);
    for (const Precision precision : precisions()) {
      Tensor x = tensor_of(values, Precision::f32), copy(input_element(precision), 7, columns);
      layer_norm(x, 1, 3, columns, gain.row(0), offset.row(0), 1e-12F, precision == Precision::f32 ? nullptr : &copy,
                 2);
      for (std::size_t i = 1; i < 4; ++i) {
        double mean = 0, variance = 0, low = 1e300, high = -1e300;
        for (const float v : values.row(i)) mean += v / static_cast<double>(columns);
        for (const float v : values.row(i)) variance += (v - mean) * (v - mean) / static_cast<double>(columns);
        for (std::size_t c = 0; c < columns; ++c) {
          low = std::min<double>(low, x.floats(i)[c]);
          high = std::max<double>(high, x.floats(i)[c]);
        }
        for (std::size_t c = 0; c < columns; ++c) {
          const double expected = (values(i, c) - mean) / std::sqrt(variance) * gain(0, c) + offset(0, c);
          ASSERT_NEAR(x.floats(i)[c], expected, 1e-5) << columns << " columns, column " << c;
          const double rounding = precision == Precision::bf16 ? std::abs(expected) / 200 : (high - low) / 500;
          if (precision != Precision::f32) {
            ASSERT_NEAR(value(copy, i + 1, c), expected, rounding + 1e-5) << name(precision);
          }
        }
      }
      EXPECT_EQ(x.floats(4)[0], values(4, 0)) << "a row outside was changed";
    }
  }
}

TEST(Portable, AgreesWithTheVectorKernels) {
  const auto weight = random_matrix(96, 40, 13), bias = random_matrix(1, 96, 14);
  const Tensor x = tensor_of(random_matrix(20, 40, 15), Precision::f32);
  Tensor fast(Element::f32, 20, 96), plain(Element::f32, 20, 96), fast_out(Element::f32, 20, 32),
      plain_out(Element::f32, 20, 32);
  PackedLinear(weight.view(), bias.row(0), Precision::f32).apply(x, 0, 20, Epilogue::bias_gelu, fast, 0);
  PackedLinear(weight.view(), bias.row(0), Precision::f32, Kernels::portable)
      .apply(x, 0, 20, Epilogue::bias_gelu, plain, 0);
  AttentionScratch scratch(20, 32);
  attention(fast, 0, 20, {1, 32}, fast_out, scratch);
  attention(plain, 0, 20, {1, 32}, plain_out, scratch, Kernels::portable);
  const std::vector<float> gain(32, 2.0F), offset(32, 0.5F);
  layer_norm(fast_out, 0, 20, 32, gain, offset, 1e-5F, nullptr, 0);
  layer_norm(plain_out, 0, 20, 32, gain, offset, 1e-5F, nullptr, 0, Kernels::portable);
  for (std::size_t i = 0; i < 20; ++i) {
    for (std::size_t c = 0; c < 96; ++c) EXPECT_NEAR(fast.floats(i)[c], plain.floats(i)[c], 1e-4);
    for (std::size_t c = 0; c < 32; ++c) EXPECT_NEAR(fast_out.floats(i)[c], plain_out.floats(i)[c], 1e-4);
  }
}

}  // namespace
}  // namespace equal::linalg
