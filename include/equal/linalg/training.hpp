// f32 arithmetic of training: matrix products, and the operators of a transformer forward (keeping what the way back
// needs) and backward. Everything runs on the calling thread; the same input gives the same bits on one kind of CPU,
// and all but the products gives the same bits on every CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "equal/linalg/matrix.hpp"

namespace equal::linalg::training {

enum class Side { plain, transposed };

/// C (m,n) = op(A) op(B) + beta C. oneDNN's product where the CPU has AVX-512 and the build has oneDNN, else OpenBLAS.
void multiply(MatrixView<const float> a, Side a_side, MatrixView<const float> b, Side b_side, float beta,
              MatrixView<float> c);

/// y (rows,out) = x (rows,in) W^T + b, W (out,in).
void linear(MatrixView<const float> x, MatrixView<const float> weight, std::span<const float> bias,
            MatrixView<float> y);

/// y = x Phi(x), Phi the normal distribution function within 3e-7. Any length.
void gelu(std::span<const float> x, std::span<float> y);
/// grad[i] *= d gelu(x[i]) / dx.
void gelu_backward(std::span<const float> x, std::span<float> grad);

/// For each row: normalised = (x - mean) / sqrt(variance + epsilon), y = normalised * gain + offset;
/// inverse_deviation (rows) is kept for the way back. y may be x.
void layer_norm(MatrixView<const float> x, std::span<const float> gain, std::span<const float> offset, float epsilon,
                MatrixView<float> normalised, std::span<float> inverse_deviation, MatrixView<float> y);
/// grad (rows,columns): dL/dy in, dL/dx out. Adds dL/dgain and dL/doffset to the last two.
void layer_norm_backward(MatrixView<const float> normalised, std::span<const float> inverse_deviation,
                         std::span<const float> gain, MatrixView<float> grad, std::span<float> gain_grad,
                         std::span<float> offset_grad);

/// Softmax attention of one text over `heads` heads of d = q.columns / heads columns; q, k, v, out (length, heads d).
/// probabilities (heads length, length) is kept for the way back.
void attention(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v, std::size_t heads,
               MatrixView<float> probabilities, MatrixView<float> out);
/// grad (length, heads d) = dL/dout; writes dL/dq, dL/dk, dL/dv. scratch (length, length).
void attention_backward(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v,
                        std::size_t heads, MatrixView<const float> probabilities, MatrixView<const float> grad,
                        MatrixView<float> q_grad, MatrixView<float> k_grad, MatrixView<float> v_grad,
                        MatrixView<float> scratch);

/// out[j] = sum over rows of x(i, j), added in row order.
void column_sums(MatrixView<const float> x, std::span<float> out);

/// y[i] += scale * x[i].
void add_scaled(float scale, std::span<const float> x, std::span<float> y);

/// sum[i] += x[i] / kFixedUnit, rounded to nearest: sums of such terms are exact and do not depend on their order.
/// Returns false, and leaves sum unspecified, when an |x[i]| is above kFixedLimit or not a number.
inline constexpr double kFixedUnit = 0x1p-40;
inline constexpr double kFixedLimit = 0x1p12;  ///< 2^11 such terms fit into 63 bits
bool add_fixed(std::span<const float> x, std::span<std::int64_t> sum);

/// One step of AdamW (Loshchilov and Hutter 2019, algorithm 2) on n values: m = b1 m + (1-b1) g, v = b2 v + (1-b2) g^2,
/// x -= rate (m / c1 / (sqrt(v / c2) + epsilon) + decay x), c1 = 1 - b1^step, c2 = 1 - b2^step.
struct AdamStep {
  float rate = 0, beta1 = 0.9F, beta2 = 0.999F, epsilon = 1e-8F, decay = 0, correction1 = 1, correction2 = 1;
};
void adamw(const AdamStep& step, std::span<const float> gradient, std::span<float> m, std::span<float> v,
           std::span<float> x);

}  // namespace equal::linalg::training
