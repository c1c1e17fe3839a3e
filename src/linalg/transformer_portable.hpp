// The plain reference of the transformer kernels: f32, OpenBLAS for products, any CPU.
#pragma once

#include "equal/linalg/transformer.hpp"

namespace equal::linalg::portable {

void linear(MatrixView<const float> weight, std::span<const float> bias, const Tensor& x, std::size_t x_first,
            std::size_t rows, Epilogue epilogue, Tensor& y, std::size_t y_first, const Tensor* residual);
void attention(const Tensor& qkv, std::size_t first, std::size_t length, Heads heads, Tensor& out);
void layer_norm(Tensor& x, std::size_t first, std::size_t rows, std::size_t columns, std::span<const float> gain,
                std::span<const float> offset, float epsilon);

}  // namespace equal::linalg::portable
