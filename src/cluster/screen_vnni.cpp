#include "screen.hpp"

#if !defined(__x86_64__)

namespace equal::cluster {
std::unique_ptr<Screen> make_vnni_screen(std::size_t) { return nullptr; }
}  // namespace equal::cluster

#else

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <immintrin.h>

#define EQUAL_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define EQUAL_VNNI_INLINE __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"), always_inline)) inline

namespace equal::cluster {
namespace {

constexpr std::size_t kLine = 64;  // bytes of a row that lie together
constexpr std::size_t kTile = 12;  // rows whose lines are interleaved
constexpr std::size_t kMany = 24;  // rows per call of the kernel of one group

// Centroids are stored as r + 128, and the surplus 128 sum(q) is taken off by the initial value of the accumulators.

struct Panels {
  std::size_t lines = 0;            // of a row: ceil(dim / 64)
  std::size_t stride = 0;           // bytes of a group
  std::vector<std::uint8_t> bytes;  // (groups, lines * 16 steps, 16 lanes, 4)
  std::vector<float> norm2, scale;  // (groups * 16): |c|^2 and 2 t; infinite and 0 where there is no centroid
};

EQUAL_VNNI_INLINE __m512i broadcast(const std::int8_t* four) {
  std::int32_t word;
  std::memcpy(&word, four, 4);
  return _mm512_set1_epi32(word);
}

/// sum += the products of the unsigned bytes of c and the signed bytes of x, four a lane. In assembly because GCC 12
/// copies the accumulators around the intrinsic and runs out of registers, at a third of the speed.
EQUAL_VNNI_INLINE void add_products(__m512i& sum, __m512i c, __m512i x) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(c), "v"(x));
}

/// rows (lines, M, 64 B) times `Groups` panels; row i's scores go to out + i * out_stride + v * 16.
template <int M, int V>
EQUAL_VNNI void multiply(const std::int8_t* rows, std::size_t row_stride, const Panels& panels, std::size_t group,
                         const std::int32_t* start, const float* scale, std::size_t valid, float* out,
                         std::size_t out_stride) {
  __m512i sum[M][V];
#pragma GCC unroll 24
  for (int i = 0; i < M; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[i][v] = _mm512_set1_epi32(start[i]);
  }
  const std::uint8_t* panel[V];
  for (int v = 0; v < V; ++v) panel[v] = panels.bytes.data() + (group + static_cast<std::size_t>(v)) * panels.stride;
  for (std::size_t line = 0; line < panels.lines; ++line) {
    for (std::size_t step = 0; step < kLine / 4; ++step) {
      __m512i c[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) c[v] = _mm512_loadu_si512(panel[v] + (line * 16 + step) * 64);
      const std::int8_t* at = rows + line * row_stride + step * 4;
#pragma GCC unroll 24
      for (int i = 0; i < M; ++i) {
        const __m512i x = broadcast(at + static_cast<std::size_t>(i) * kLine);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) add_products(sum[i][v], c[v], x);
      }
    }
  }
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) {
    const __m512 norm2 = _mm512_loadu_ps(panels.norm2.data() + (group + static_cast<std::size_t>(v)) * kLanes);
    const __m512 factor = _mm512_loadu_ps(panels.scale.data() + (group + static_cast<std::size_t>(v)) * kLanes);
#pragma GCC unroll 24
    for (int i = 0; i < M; ++i) {
      if (static_cast<std::size_t>(i) >= valid) continue;
      const __m512 product = _mm512_mul_ps(factor, _mm512_set1_ps(scale[i]));
      _mm512_storeu_ps(out + static_cast<std::size_t>(i) * out_stride + static_cast<std::size_t>(v) * kLanes,
                       _mm512_fnmadd_ps(product, _mm512_cvtepi32_ps(sum[i][v]), norm2));
    }
  }
}

struct QuantisedRow {
  float scale = 0, length = 0, noise = 0;  // s, |x|, |x~ - x|, the last two rounded up
  std::int32_t sum = 0;                    // of q
};

/// Components i .. i + 15 of a row, zero beyond its end.
EQUAL_VNNI_INLINE __m512 part(const float16* row, std::size_t i, std::size_t dim) {
  if (i >= dim) return _mm512_setzero_ps();
  const __mmask16 mask = dim - i >= 16 ? 0xffff : static_cast<__mmask16>((1U << (dim - i)) - 1U);
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, row + i));
}

EQUAL_VNNI_INLINE __m512 part(const float* row, std::size_t i, std::size_t dim) {
  if (i >= dim) return _mm512_setzero_ps();
  const __mmask16 mask = dim - i >= 16 ? 0xffff : static_cast<__mmask16>((1U << (dim - i)) - 1U);
  return _mm512_maskz_loadu_ps(mask, row + i);
}

/// q to `out`, whose 64-byte lines are `line_stride` apart.
template <class Value>
EQUAL_VNNI QuantisedRow quantise(const Value* row, std::size_t dim, std::int8_t* out, std::size_t line_stride) {
  __m512 largest = _mm512_setzero_ps();
  for (std::size_t i = 0; i < dim; i += 16) largest = _mm512_max_ps(largest, _mm512_abs_ps(part(row, i, dim)));
  const float most = _mm512_reduce_max_ps(largest);
  const float inverse = most > 0 ? 127.0F / most : 0.0F;
  const float scale = most / 127.0F;
  __m512 norm = _mm512_setzero_ps(), error = norm;
  __m512i sum = _mm512_setzero_si512();
  const std::size_t padded = (dim + kLine - 1) / kLine * kLine;
  for (std::size_t i = 0; i < padded; i += 16) {
    const __m512 x = part(row, i, dim);
    const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(x, _mm512_set1_ps(inverse)));
    const __m512 e = _mm512_fnmadd_ps(_mm512_cvtepi32_ps(q), _mm512_set1_ps(scale), x);
    norm = _mm512_fmadd_ps(x, x, norm);
    error = _mm512_fmadd_ps(e, e, error);
    sum = _mm512_add_epi32(sum, q);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i / kLine * line_stride + i % kLine), _mm512_cvtepi32_epi8(q));
  }
  // Each of the float sums above is right to a relative (dim + 2) 2^-24, and each e to 2^-24 |x_i| (one rounding).
  const float length = std::sqrt(_mm512_reduce_add_ps(norm)), grow = 1.0F + static_cast<float>(dim + 8) * 0x1p-24F;
  return {scale, length * grow, std::sqrt(_mm512_reduce_add_ps(error)) * grow + length * 0x1p-23F,
          _mm512_reduce_add_epi32(sum)};
}

class VnniScreen final : public Screen {
 public:
  explicit VnniScreen(std::size_t dim) : dim_(dim) {
    panels_.lines = (dim + kLine - 1) / kLine;
    panels_.stride = panels_.lines * kLine * kLanes;
  }
  void clear(std::size_t places) override;
  PlaceError put(std::size_t place, std::span<const float> centroid, double norm2) override;
  std::unique_ptr<ScreenWorker> make_worker() const override;
  std::string name() const override { return "int8 AVX-512 VNNI"; }
  std::size_t slot_multiple() const noexcept override { return kTile; }

  std::size_t dim_;
  Panels panels_;
};

class VnniWorker final : public ScreenWorker {
 public:
  explicit VnniWorker(const VnniScreen& screen)
      : screen_(screen), line_stride_(kTile * kLine), picked_(kMany * screen.panels_.lines * kLine) {}

  void load(const float16* rows, std::span<const std::uint32_t> which) override {
    slots_ = which.size();
    const std::size_t padded = (slots_ + kTile - 1) / kTile * kTile;
    const std::size_t bytes = padded * screen_.panels_.lines * kLine;
    if (bytes_.size() < bytes) bytes_.resize(bytes);
    errors_.length.resize(padded);
    errors_.noise.resize(padded);
    scale_.resize(padded);
    start_.resize(padded);
    for (std::size_t i = 0; i < slots_; ++i) {
      const QuantisedRow row = quantise(rows + which[i] * screen_.dim_, screen_.dim_, slot(i), line_stride_);
      scale_[i] = row.scale;
      start_[i] = -kInt8Offset * row.sum;
      errors_.length[i] = 2 * row.length;
      errors_.noise[i] = 2 * row.noise;
    }
  }

  void score_all(float* scores) override {
    const std::size_t groups = screen_.panels_.norm2.size() / kLanes, stride = groups * kLanes;
    for (std::size_t group = 0; group < groups; group += 2) {  // the panels stay in L1 while the rows pass
      for (std::size_t first = 0; first < slots_; first += kTile) {
        const std::size_t valid = std::min(kTile, slots_ - first);
        float* out = scores + first * stride + group * kLanes;
        if (group + 1 < groups) {
          multiply<kTile, 2>(slot(first), line_stride_, screen_.panels_, group, &start_[first], &scale_[first], valid,
                             out, stride);
        } else {
          multiply<kTile, 1>(slot(first), line_stride_, screen_.panels_, group, &start_[first], &scale_[first], valid,
                             out, stride);
        }
      }
    }
  }

  void score_some(std::size_t group, std::span<const std::uint16_t> slots, float* scores) override {
    for (std::size_t first = 0; first < slots.size(); first += kMany) {
      const std::size_t valid = std::min(kMany, slots.size() - first);
      const auto some = slots.subspan(first, valid);
      float* out = scores + first * kLanes;
      if (valid > 16) {
        multiply_picked<kMany>(group, some, out);
      } else if (valid > 8) {
        multiply_picked<16>(group, some, out);
      } else {
        multiply_picked<8>(group, some, out);
      }
    }
  }

 private:
  std::int8_t* slot(std::size_t i) {
    return bytes_.data() + i / kTile * (kTile * screen_.panels_.lines * kLine) + i % kTile * kLine;
  }

  template <int M>
  EQUAL_VNNI void multiply_picked(std::size_t group, std::span<const std::uint16_t> slots, float* out) {
    std::int32_t start[M] = {};
    float scale[M] = {};
    for (std::size_t p = 0; p < slots.size(); ++p) {
      const std::int8_t* from = slot(slots[p]);
      start[p] = start_[slots[p]];
      scale[p] = scale_[slots[p]];
      for (std::size_t line = 0; line < screen_.panels_.lines; ++line) {
        _mm512_storeu_si512(picked_.data() + (line * M + p) * kLine, _mm512_loadu_si512(from + line * line_stride_));
      }
    }
    multiply<M, 1>(picked_.data(), M * kLine, screen_.panels_, group, start, scale, slots.size(), out, kLanes);
  }

  const VnniScreen& screen_;
  std::size_t slots_ = 0, line_stride_;
  std::vector<std::int8_t> bytes_;   // tiles of 12 slots: (lines, 12, 64)
  std::vector<std::int8_t> picked_;  // (lines, M, 64)
  std::vector<float> scale_;
  std::vector<std::int32_t> start_;
};

void VnniScreen::clear(std::size_t places) {
  panels_.bytes.assign(places / kLanes * panels_.stride, kInt8Offset);
  panels_.norm2.assign(places, std::numeric_limits<float>::infinity());
  panels_.scale.assign(places, 0.0F);
}

Screen::PlaceError VnniScreen::put(std::size_t place, std::span<const float> centroid, double norm2) {
  std::vector<std::int8_t> r(panels_.lines * kLine);
  const QuantisedRow c = quantise(centroid.data(), dim_, r.data(), kLine);
  std::uint8_t* panel = panels_.bytes.data() + place / kLanes * panels_.stride + place % kLanes * 4;
  for (std::size_t i = 0; i < r.size(); i += 4) {
    std::uint32_t four;
    std::memcpy(&four, r.data() + i, 4);
    four ^= 0x80808080U;  // each byte r becomes r + 128
    std::memcpy(panel + i * kLanes, &four, 4);
  }
  panels_.norm2[place] = static_cast<float>(norm2);
  panels_.scale[place] = 2 * c.scale;
  return {c.length + c.noise, c.noise};  // |c~| <= |c| + |c~ - c|
}

std::unique_ptr<ScreenWorker> VnniScreen::make_worker() const { return std::make_unique<VnniWorker>(*this); }

}  // namespace

std::unique_ptr<Screen> make_vnni_screen(std::size_t dim) {
  const bool has = dim <= kInt8MaxDim && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  return has ? std::make_unique<VnniScreen>(dim) : nullptr;
}

}  // namespace equal::cluster

#endif
