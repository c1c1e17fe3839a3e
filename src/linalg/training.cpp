#include "equal/linalg/training.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#if defined(EQUAL_ONEDNN) && defined(__x86_64__)
#include <dnnl.h>
#endif

#include "equal/base/error.hpp"
#include "equal/linalg/gemm.hpp"

#include "training_kernels.hpp"

// oneDNN's OpenMP takes its thread count from the calling thread; absent when oneDNN was built without OpenMP.
extern "C" __attribute__((weak)) void omp_set_num_threads(int count);

namespace equal::linalg::training {
namespace {

void expect(bool fits, const char* what) {
  if (!fits) throw InternalError(std::string(what) + ": shapes that do not match");
}

const std::vector<const Kernels*>& available() {
  static const std::vector<const Kernels*> list = [] {
    std::vector<const Kernels*> out{&kPlainKernels};
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) out.push_back(&kAvx2Kernels);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw")) {
      out.push_back(&kAvx512Kernels);
    }
#endif
    return out;
  }();
  return list;
}

#if defined(EQUAL_ONEDNN) && defined(__x86_64__)
bool onednn_is_better() {
  static const bool value = __builtin_cpu_supports("avx512f");
  return value;
}

void multiply_onednn(MatrixView<const float> a, Side a_side, MatrixView<const float> b, Side b_side, float beta,
                     MatrixView<float> c) {
  thread_local const bool single = [] {
    if (omp_set_num_threads != nullptr) omp_set_num_threads(1);
    return true;
  }();
  (void)single;
  const auto size = [](std::size_t n) { return static_cast<dnnl_dim_t>(n); };
  const std::size_t depth = a_side == Side::plain ? a.columns : a.rows;
  const dnnl_status_t status =
      dnnl_sgemm(a_side == Side::plain ? 'N' : 'T', b_side == Side::plain ? 'N' : 'T', size(c.rows), size(c.columns),
                 size(depth), 1.0F, a.data, size(a.stride), b.data, size(b.stride), beta, c.data, size(c.stride));
  if (status != dnnl_success) throw InternalError("oneDNN refused a product: status " + std::to_string(status));
}
#endif

}  // namespace

const Kernels& kernels() noexcept { return *available().back(); }
std::size_t kernel_count() noexcept { return available().size(); }
const Kernels& kernel(std::size_t index) noexcept { return *available()[index]; }

void multiply(MatrixView<const float> a, Side a_side, MatrixView<const float> b, Side b_side, float beta,
              MatrixView<float> c) {
  const std::size_t m = a_side == Side::plain ? a.rows : a.columns, depth = a_side == Side::plain ? a.columns : a.rows;
  const std::size_t n = b_side == Side::plain ? b.columns : b.rows,
                    depth_b = b_side == Side::plain ? b.rows : b.columns;
  expect(m == c.rows && n == c.columns && depth == depth_b, "product");
  if (m == 0 || n == 0) return;
#if defined(EQUAL_ONEDNN) && defined(__x86_64__)
  if (onednn_is_better() && depth > 0) return multiply_onednn(a, a_side, b, b_side, beta, c);
#endif
  if (a_side == Side::plain) {
    b_side == Side::plain ? gemm_nn(1.0F, a, b, beta, c) : gemm_nt(1.0F, a, b, beta, c);
  } else {
    if (b_side != Side::plain) throw InternalError("product of two transposed matrices: not used, not provided");
    gemm_tn(1.0F, a, b, beta, c);
  }
}

void linear(MatrixView<const float> x, MatrixView<const float> weight, std::span<const float> bias,
            MatrixView<float> y) {
  expect(bias.size() == y.columns, "linear");
  for (std::size_t i = 0; i < y.rows; ++i) std::ranges::copy(bias, y.row(i).begin());
  multiply(x, Side::plain, weight, Side::transposed, 1.0F, y);
}

void gelu(std::span<const float> x, std::span<float> y) {
  expect(x.size() == y.size(), "gelu");
  kernels().gelu(x.data(), y.data(), x.size());
}

void gelu_backward(std::span<const float> x, std::span<float> grad) {
  expect(x.size() == grad.size(), "gelu_backward");
  kernels().gelu_backward(x.data(), grad.data(), x.size());
}

void layer_norm(MatrixView<const float> x, std::span<const float> gain, std::span<const float> offset, float epsilon,
                MatrixView<float> normalised, std::span<float> inverse_deviation, MatrixView<float> y) {
  expect(gain.size() == x.columns && offset.size() == x.columns && inverse_deviation.size() == x.rows &&
             normalised.rows == x.rows && normalised.columns == x.columns && y.rows == x.rows && y.columns == x.columns,
         "layer_norm");
  for (std::size_t i = 0; i < x.rows; ++i) {
    kernels().layer_norm(x.row(i).data(), gain.data(), offset.data(), epsilon, x.columns, normalised.row(i).data(),
                         &inverse_deviation[i], y.row(i).data());
  }
}

void layer_norm_backward(MatrixView<const float> normalised, std::span<const float> inverse_deviation,
                         std::span<const float> gain, MatrixView<float> grad, std::span<float> gain_grad,
                         std::span<float> offset_grad) {
  const std::size_t n = grad.columns;
  expect(normalised.rows == grad.rows && normalised.columns == n && inverse_deviation.size() == grad.rows &&
             gain.size() == n && gain_grad.size() == n && offset_grad.size() == n,
         "layer_norm_backward");
  for (std::size_t i = 0; i < grad.rows; ++i) {
    kernels().layer_norm_backward(normalised.row(i).data(), inverse_deviation[i], gain.data(), n, grad.row(i).data(),
                                  gain_grad.data(), offset_grad.data());
  }
}

namespace {
template <class T>
MatrixView<T> head_of(MatrixView<T> x, std::size_t head, std::size_t columns) {
  return {x.data + head * columns, x.rows, columns, x.stride};
}
float score_scale(std::size_t columns) { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(columns))); }
}  // namespace

void attention(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v, std::size_t heads,
               MatrixView<float> probabilities, MatrixView<float> out) {
  const std::size_t length = q.rows, d = q.columns / heads;
  expect(k.rows == length && v.rows == length && out.rows == length && out.columns == q.columns &&
             probabilities.rows == heads * length && probabilities.columns == length,
         "attention");
  for (std::size_t h = 0; h < heads; ++h) {
    const auto p = probabilities.slice(h * length, length);
    multiply(head_of(q, h, d), Side::plain, head_of(k, h, d), Side::transposed, 0.0F, p);
    for (std::size_t i = 0; i < length; ++i) kernels().softmax(p.row(i).data(), score_scale(d), length);
    multiply(p, Side::plain, head_of(v, h, d), Side::plain, 0.0F, head_of(out, h, d));
  }
}

void attention_backward(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v,
                        std::size_t heads, MatrixView<const float> probabilities, MatrixView<const float> grad,
                        MatrixView<float> q_grad, MatrixView<float> k_grad, MatrixView<float> v_grad,
                        MatrixView<float> scratch) {
  const std::size_t length = q.rows, d = q.columns / heads;
  expect(grad.rows == length && grad.columns == q.columns && scratch.rows == length && scratch.columns == length &&
             probabilities.rows == heads * length,
         "attention_backward");
  for (std::size_t h = 0; h < heads; ++h) {
    const auto p = probabilities.slice(h * length, length);
    const auto g = head_of(grad, h, d);
    multiply(p, Side::transposed, g, Side::plain, 0.0F, head_of(v_grad, h, d));
    multiply(g, Side::plain, head_of(v, h, d), Side::transposed, 0.0F, scratch);
    for (std::size_t i = 0; i < length; ++i) {
      kernels().softmax_backward(p.row(i).data(), score_scale(d), length, scratch.row(i).data());
    }
    multiply(scratch, Side::plain, head_of(k, h, d), Side::plain, 0.0F, head_of(q_grad, h, d));
    multiply(scratch, Side::transposed, head_of(q, h, d), Side::plain, 0.0F, head_of(k_grad, h, d));
  }
}

void column_sums(MatrixView<const float> x, std::span<float> out) {
  expect(out.size() == x.columns, "column_sums");
  std::ranges::fill(out, 0.0F);
  for (std::size_t i = 0; i < x.rows; ++i) kernels().add_scaled(1.0F, x.row(i).data(), out.data(), x.columns);
}

void add_scaled(float scale, std::span<const float> x, std::span<float> y) {
  expect(x.size() == y.size(), "add_scaled");
  kernels().add_scaled(scale, x.data(), y.data(), x.size());
}

bool add_fixed(std::span<const float> x, std::span<std::int64_t> sum) {
  expect(x.size() == sum.size(), "add_fixed");
  return kernels().add_fixed(x.data(), sum.data(), x.size());
}

void adamw(const AdamStep& s, std::span<const float> gradient, std::span<float> m, std::span<float> v,
           std::span<float> x) {
  expect(gradient.size() == x.size() && m.size() == x.size() && v.size() == x.size(), "adamw");
  const float constants[] = {s.rate,
                             s.beta1,
                             1.0F - s.beta1,
                             s.beta2,
                             1.0F - s.beta2,
                             s.epsilon,
                             1.0F - s.rate * s.decay,
                             s.rate / s.correction1,
                             1.0F / std::sqrt(s.correction2)};
  kernels().adamw(constants, gradient.data(), m.data(), v.data(), x.data(), x.size());
}

}  // namespace equal::linalg::training
