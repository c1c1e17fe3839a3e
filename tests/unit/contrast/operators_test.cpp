// The operators of training: values against plain double code, gradients against finite differences, and the same bits
// from every kernel.
#include <cmath>
#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

#include "equal/linalg/matrix.hpp"
#include "equal/linalg/training.hpp"

#include "slopes.hpp"
#include "training_kernels.hpp"

namespace equal::contrast::test {
namespace {

namespace training = linalg::training;
using linalg::Matrix;

Matrix<float> random(std::size_t rows, std::size_t columns, const char* purpose, double size = 1.0) {
  Matrix<float> out(rows, columns);
  fill(out.values(), purpose, size);
  return out;
}

/// sum of y * w: a loss whose gradient with respect to y is w.
double weighed(std::span<const float> y, std::span<const float> w) {
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += double{y[i]} * double{w[i]};
  return sum;
}

TEST(Training, GeluIsThatOfTheNormalDistribution) {
  std::vector<float> x(2001), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(-10 + 0.01 * static_cast<double>(i));
  training::gelu(x, y);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i], expected = v * 0.5 * std::erfc(-v / std::sqrt(2.0));
    EXPECT_NEAR(y[i], expected, 3e-7 * std::max(1.0, std::abs(v))) << v;
  }
}

TEST(Training, GeluBackward) {
  std::vector<float> x(77), y(77), w(77);
  fill(x, "x", 2);
  fill(w, "w");
  std::vector<float> grad = w;
  training::gelu_backward(x, grad);
  expect_slopes(x, grad, [&] {
    training::gelu(x, y);
    return weighed(y, w);
  });
}

TEST(Training, LayerNormBackward) {
  constexpr std::size_t kRows = 5;
  for (const std::size_t columns : {std::size_t{12}, std::size_t{16}, std::size_t{37}}) {
    auto x = random(kRows, columns, "x", 3), w = random(kRows, columns, "w"), y = w, normalised = w;
    std::vector<float> gain(columns), offset(columns), deviation(kRows), gain_grad(columns), offset_grad(columns);
    fill(gain, "gain");
    fill(offset, "offset");
    const auto loss = [&] {
      training::layer_norm(x.view(), gain, offset, 1e-6F, normalised.view(), deviation, y.view());
      return weighed(y.values(), w.values());
    };
    loss();
    for (std::size_t i = 0; i < kRows; ++i) {  // the forward form itself
      double mean = 0, square = 0;
      for (std::size_t j = 0; j < columns; ++j) {
        mean += normalised(i, j) / static_cast<double>(columns);
        square += normalised(i, j) * normalised(i, j) / static_cast<double>(columns);
        EXPECT_NEAR(y(i, j), gain[j] * normalised(i, j) + offset[j], 1e-5);
      }
      EXPECT_NEAR(mean, 0.0, 1e-6);
      EXPECT_NEAR(square, 1.0, 1e-4);
    }
    auto grad = w;
    training::layer_norm_backward(normalised.view(), deviation, gain, grad.view(), gain_grad, offset_grad);
    expect_slopes(x.values(), grad.values(), loss, 1e-2, 2e-3, "x");
    expect_slopes(gain, gain_grad, loss, 1e-2, 2e-3, "gain");
    expect_slopes(offset, offset_grad, loss, 1e-2, 2e-3, "offset");
  }
}

TEST(Training, AttentionBackward) {
  constexpr std::size_t kLength = 9, kHeads = 3, kHead = 5, kWidth = kHeads * kHead;
  auto q = random(kLength, kWidth, "q"), k = random(kLength, kWidth, "k"), v = random(kLength, kWidth, "v");
  const auto w = random(kLength, kWidth, "w");
  Matrix<float> p(kHeads * kLength, kLength), out(kLength, kWidth), dq = out, dk = out, dv = out,
                                                                    scratch(kLength, kLength);
  const auto loss = [&] {
    training::attention(q.view(), k.view(), v.view(), kHeads, p.view(), out.view());
    return weighed(out.values(), w.values());
  };
  loss();
  double expected = 0, sum = 0;  // one value by hand: head 1, row 2, column 3
  for (std::size_t j = 0; j < kLength; ++j) {
    double score = 0;
    for (std::size_t c = 0; c < kHead; ++c) score += double{q(2, kHead + c)} * double{k(j, kHead + c)};
    const double e = std::exp(score / std::sqrt(5.0));
    sum += e;
    expected += e * double{v(j, kHead + 3)};
  }
  EXPECT_NEAR(out(2, kHead + 3), expected / sum, 1e-5);
  training::attention_backward(q.view(), k.view(), v.view(), kHeads, p.view(), w.view(), dq.view(), dk.view(),
                               dv.view(), scratch.view());
  expect_slopes(q.values(), dq.values(), loss, 1e-2, 2e-3, "q");
  expect_slopes(k.values(), dk.values(), loss, 1e-2, 2e-3, "k");
  expect_slopes(v.values(), dv.values(), loss, 1e-2, 2e-3, "v");
}

TEST(Training, LinearAndItsProductsBackward) {
  auto x = random(7, 20, "x"), weight = random(11, 20, "weight");
  const auto w = random(7, 11, "w");
  std::vector<float> bias(11), bias_grad(11);
  fill(bias, "bias");
  Matrix<float> y(7, 11), dx(7, 20), dw(11, 20);
  const auto loss = [&] {
    training::linear(x.view(), weight.view(), bias, y.view());
    return weighed(y.values(), w.values());
  };
  using training::Side;
  training::multiply(w.view(), Side::plain, weight.view(), Side::plain, 0.0F, dx.view());
  training::multiply(w.view(), Side::transposed, x.view(), Side::plain, 0.0F, dw.view());
  training::column_sums(w.view(), bias_grad);
  expect_slopes(x.values(), dx.values(), loss);
  expect_slopes(weight.values(), dw.values(), loss);
  expect_slopes(bias, bias_grad, loss);
}

TEST(Training, FixedPointSumsAreExactAndRefuseWhatDoesNotFit) {
  const std::vector<float> x = {0.0F,     1.0F,        -1.0F,       4096.0F,      -4096.0F, 0x1p-40F,
                                0x1p-41F, -0x1.8p-40F, 3.14159274F, -2048.00024F, 1e-30F};
  std::vector<std::int64_t> sum(x.size(), 5);
  ASSERT_TRUE(training::add_fixed(x, sum));
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_LE(std::abs(static_cast<double>(sum[i] - 5) - double{x[i]} * 0x1p40), 0.5) << x[i];
  }
  for (const float bad : {4097.0F, -1e30F, std::nanf(""), INFINITY}) {
    std::vector<float> y(19, 0.5F);
    y[17] = bad;
    std::vector<std::int64_t> s(y.size());
    EXPECT_FALSE(training::add_fixed(y, s)) << bad;
  }
}

TEST(Training, EveryKernelGivesTheSameBits) {
  const auto run = [](const training::Kernels& k) {
    std::vector<float> out;
    for (const std::size_t n : {std::size_t{1}, std::size_t{16}, std::size_t{55}}) {
      std::vector<float> x(n), y(n), g(n), m(n), v(n), gain(n), gain_grad(n), offset_grad(n), constants(9, 0.5F);
      fill(x, "x", 3);
      fill(g, "g");
      fill(gain, "gain");
      float deviation = 0;
      k.gelu(x.data(), y.data(), n);
      out.insert(out.end(), y.begin(), y.end());
      k.gelu_backward(x.data(), y.data(), n);
      out.insert(out.end(), y.begin(), y.end());
      k.layer_norm(x.data(), gain.data(), g.data(), 1e-6F, n, m.data(), &deviation, y.data());
      k.layer_norm_backward(m.data(), deviation, gain.data(), n, y.data(), gain_grad.data(), offset_grad.data());
      for (const auto* values : {&m, &y, &gain_grad, &offset_grad})
        out.insert(out.end(), values->begin(), values->end());
      k.softmax(x.data(), 0.3F, n);
      k.softmax_backward(x.data(), 0.3F, n, g.data());
      k.adamw(constants.data(), g.data(), m.data(), v.data(), y.data(), n);
      for (const auto* values : {&x, &g, &m, &v, &y}) out.insert(out.end(), values->begin(), values->end());
    }
    return out;
  };
  const auto plain = run(training::kernel(0));
  for (std::size_t i = 1; i < training::kernel_count(); ++i) {
    const auto other = run(training::kernel(i));
    ASSERT_EQ(other.size(), plain.size());
    EXPECT_EQ(std::memcmp(other.data(), plain.data(), plain.size() * sizeof(float)), 0) << training::kernel(i).name;
  }
}

}  // namespace
}  // namespace equal::contrast::test
