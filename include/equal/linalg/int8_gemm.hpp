// Products of 8-bit integers through oneDNN, on the calling thread, exact.
#pragma once

#include <cstdint>

#include "equal/linalg/matrix.hpp"

namespace equal::linalg {

/// Whether oneDNN is built in and this CPU multiplies bytes without saturation (AVX-512 VNNI or AVX-VNNI): on older
/// ones its products of bytes are not exact.
bool has_int8_gemm() noexcept;

/// C (m,n) = A (m,k) B^T (k,n; B is (n,k)), in int32. REQUIRES: has_int8_gemm(); k below 2^16. Throws InternalError
/// when the shapes do not match or oneDNN refuses.
void gemm_nt(MatrixView<const std::uint8_t> a, MatrixView<const std::int8_t> b, MatrixView<std::int32_t> c);

}  // namespace equal::linalg
