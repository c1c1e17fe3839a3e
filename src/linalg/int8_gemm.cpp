#include "equal/linalg/int8_gemm.hpp"

#include <string>

#include "equal/base/error.hpp"
#include "equal/linalg/libraries.hpp"

#if defined(EQUAL_ONEDNN) && defined(__x86_64__)

#include <dnnl.h>

// oneDNN's OpenMP takes its thread count from the calling thread; absent when oneDNN was built without OpenMP.
extern "C" __attribute__((weak)) void omp_set_num_threads(int count);

namespace equal::linalg {

bool has_int8_gemm() noexcept {
  static const bool value = __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw");
  return value;
}

void gemm_nt(MatrixView<const std::uint8_t> a, MatrixView<const std::int8_t> b, MatrixView<std::int32_t> c) {
  if (a.columns != b.columns || a.rows != c.rows || b.rows != c.columns) {
    throw InternalError("int8 matrix product of shapes that do not match");
  }
  if (c.rows == 0 || c.columns == 0) return;
  thread_local const bool single = [] {
    if (omp_set_num_threads != nullptr) omp_set_num_threads(1);
    return true;
  }();
  (void)single;
  const std::int32_t zero = 0;
  const auto size = [](std::size_t n) { return static_cast<dnnl_dim_t>(n); };
  const dnnl_status_t status =
      dnnl_gemm_u8s8s32('N', 'T', 'F', size(c.rows), size(c.columns), size(a.columns), 1.0F, a.data, size(a.stride), 0,
                        b.data, size(b.stride), 0, 0.0F, c.data, size(c.stride), &zero);
  if (status != dnnl_success) throw InternalError("oneDNN refused an int8 product: status " + std::to_string(status));
}

std::string onednn_version() {
  const dnnl_version_t* v = dnnl_version();
  return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

}  // namespace equal::linalg

#else

namespace equal::linalg {

bool has_int8_gemm() noexcept { return false; }

void gemm_nt(MatrixView<const std::uint8_t>, MatrixView<const std::int8_t>, MatrixView<std::int32_t>) {
  throw InternalError("this program was built without oneDNN");
}

std::string onednn_version() { return {}; }

}  // namespace equal::linalg

#endif

namespace equal::linalg {

std::string kernels_description() {
#if defined(EQUAL_AVX512_KERNELS)
  return "AVX2, AVX-512, AVX-512 VNNI, AVX-512 BF16";
#else
  return "none";
#endif
}

}  // namespace equal::linalg
