#include "lsa_directions.hpp"

#include <algorithm>
#include <cmath>

#include "equal/base/random.hpp"
#include "equal/linalg/eigen.hpp"
#include "equal/linalg/gemm.hpp"

namespace equal::encode {
namespace {

constexpr std::size_t kBlockRows = 2048;  // of V, in one matrix product: fixed, since bits depend on the shape
constexpr double kProductScale =
    0x1p60;  // columns have norm <= 1, so the sum of |entries| over blocks is <= 1 (Cauchy-Schwarz)
constexpr double kNoDirection = 1e-13;  // of the largest eigenvalue: far above rounding (about 1e-16), far below use

}  // namespace

LsaDirections::LsaDirections(comm::Communicator& comm, ThreadPool& pool, std::span<const std::uint32_t> features,
                             std::size_t columns, std::uint64_t seed)
    : comm_(comm),
      pool_(pool),
      names_(features),
      seed_(seed),
      features_(features.size()),
      columns_(columns),
      groups_((columns + kLsaGroup - 1) / kLsaGroup),
      v_(groups_ * features_ * kLsaGroup) {
  const double magnitude = 1.0 / std::sqrt(static_cast<double>(std::max<std::size_t>(features_, 1)));
  pool_.run(blocks(), [&](std::size_t b, std::size_t) {
    linalg::Matrix<float> block(block_rows(b), columns_);
    random_signs("lsa-start", magnitude, b * kBlockRows, block.view());
    scatter(b * kBlockRows, block.view());
  });
}

std::size_t LsaDirections::blocks() const noexcept { return (features_ + kBlockRows - 1) / kBlockRows; }
std::size_t LsaDirections::block_rows(std::size_t b) const noexcept {
  return std::min(kBlockRows, features_ - b * kBlockRows);
}

template <class T>
void LsaDirections::gather(std::size_t first, linalg::MatrixView<T> out) const {
  for (std::size_t g = 0; g * kLsaGroup < out.columns; ++g) {
    const std::size_t width = std::min(kLsaGroup, out.columns - g * kLsaGroup);
    const float* from = group(g) + first * kLsaGroup;
    for (std::size_t i = 0; i < out.rows; ++i) {
      for (std::size_t c = 0; c < width; ++c) out(i, g * kLsaGroup + c) = static_cast<T>(from[i * kLsaGroup + c]);
    }
  }
}

void LsaDirections::scatter(std::size_t first, linalg::MatrixView<const float> in) {
  for (std::size_t g = 0; g < groups_; ++g) {
    const std::size_t width = std::min(kLsaGroup, columns_ - g * kLsaGroup);
    for (std::size_t i = 0; i < in.rows; ++i) {
      std::copy_n(in.row(i).data() + g * kLsaGroup, width, group(g) + (first + i) * kLsaGroup);
    }
  }
}

template <class T>
void LsaDirections::random_signs(const char* purpose, double magnitude, std::size_t first,
                                 linalg::MatrixView<T> out) const {
  RandomStream keys(seed_, purpose);
  for (std::size_t c0 = 0; c0 < out.columns; c0 += 64) {
    const std::uint64_t key = keys();
    for (std::size_t i = 0; i < out.rows; ++i) {
      const std::uint64_t bits = mix64(key ^ mix64(names_[first + i]));
      for (std::size_t c = c0; c < std::min(c0 + 64, out.columns); ++c) {
        out(i, c) = static_cast<T>(((bits >> (c - c0)) & 1U) != 0 ? -magnitude : magnitude);
      }
    }
  }
}

void LsaDirections::multiply(const SparseRows& rows, std::uint64_t documents) {
  const std::size_t size = features_ * kLsaGroup;
  const double scale = lsa_scale(documents), unit = 1.0 / (scale * static_cast<double>(documents));
  std::vector<std::vector<std::int64_t>> sums(std::min(pool_.size(), groups_));
  for (std::size_t first = 0; first < groups_; first += sums.size()) {
    const std::size_t count = std::min(sums.size(), groups_ - first);
    pool_.run(count, [&](std::size_t i, std::size_t) {
      sums[i].assign(size, 0);
      lsa_accumulate(rows, group(first + i), scale, sums[i].data());
    });
    for (std::size_t i = 0; i < count; ++i) comm_.sum(std::span<std::int64_t>(sums[i]));
    pool_.run(count, [&](std::size_t i, std::size_t) {
      float* const out = group(first + i);
      for (std::size_t k = 0; k < size; ++k) out[k] = static_cast<float>(static_cast<double>(sums[i][k]) * unit);
    });
  }
}

linalg::Matrix<double> LsaDirections::product(const Fill& left, std::size_t left_columns, const Fill& right,
                                              std::size_t right_columns) {
  // Fixed blocks of rows, shared out over ranks and threads; each block's product is rounded and summed exactly.
  const std::size_t entries = left_columns * right_columns;
  const auto rank = static_cast<std::size_t>(comm_.rank()), ranks = static_cast<std::size_t>(comm_.size());
  const std::size_t mine = blocks() > rank ? (blocks() - rank + ranks - 1) / ranks : 0;
  std::vector<std::vector<std::int64_t>> sums(pool_.size(), std::vector<std::int64_t>(entries));
  pool_.run(mine, [&](std::size_t i, std::size_t thread) {
    const std::size_t b = rank + i * ranks;
    linalg::Matrix<double> l(block_rows(b), left_columns), r(block_rows(b), right_columns),
        out(left_columns, right_columns);
    left(b * kBlockRows, l.view());
    right(b * kBlockRows, r.view());
    linalg::gemm_tn(1.0, l.view(), r.view(), 0.0, out.view());
    for (std::size_t k = 0; k < entries; ++k) sums[thread][k] += std::llrint(out.values()[k] * kProductScale);
  });
  for (std::size_t t = 1; t < sums.size(); ++t) {
    for (std::size_t k = 0; k < entries; ++k) sums[0][k] += sums[t][k];
  }
  comm_.sum(std::span<std::int64_t>(sums[0]));
  linalg::Matrix<double> total(left_columns, right_columns);
  for (std::size_t k = 0; k < entries; ++k) total.values()[k] = static_cast<double>(sums[0][k]) / kProductScale;
  return total;
}

void LsaDirections::rotate(const linalg::Matrix<float>& rotation) {
  pool_.run(blocks(), [&](std::size_t b, std::size_t) {
    linalg::Matrix<float> block(block_rows(b), columns_), turned(block_rows(b), columns_);
    gather(b * kBlockRows, block.view());
    linalg::gemm_nn(1.0F, block.view(), rotation.view(), 0.0F, turned.view());
    scatter(b * kBlockRows, turned.view());
  });
}

std::vector<double> LsaDirections::iterate(const SparseRows& rows, std::uint64_t documents) {
  std::vector<double> squares(columns_, 0.0);
  if (features_ == 0 || documents == 0) return squares;
  multiply(rows, documents);
  const Fill fill = [this](std::size_t first, linalg::MatrixView<double> block) { gather(first, block); };
  const linalg::Matrix<double> gram = product(fill, columns_, fill, columns_);
  // Z^T Z = W D W^T; Z W D^(-1/2) is orthonormal. Z = (A^T A / documents) V with V orthonormal, so D^(1/2) are the
  // eigenvalues of A^T A / documents, once V spans its principal subspace.
  std::vector<float> packed(columns_ * columns_);
  if (comm_.is_root()) {
    const auto eigen = linalg::eigen_symmetric(gram.view());
    for (std::size_t k = 0; k < columns_; ++k) {
      if (!(eigen.values[k] > kNoDirection * eigen.values[0])) break;
      squares[k] = std::sqrt(eigen.values[k]);
      for (std::size_t c = 0; c < columns_; ++c) {
        packed[c * columns_ + k] = static_cast<float>(eigen.vectors(k, c) / squares[k]);
      }
    }
  }
  comm::broadcast_vector(comm_, squares);
  comm::broadcast_vector(comm_, packed);
  linalg::Matrix<float> rotation(columns_, columns_);
  std::copy(packed.begin(), packed.end(), rotation.values().begin());
  rotate(rotation);
  return squares;
}

void LsaDirections::fix_signs() {
  pool_.run(groups_, [&](std::size_t g, std::size_t) {
    for (std::size_t c = 0; c < kLsaGroup; ++c) {
      float largest = 0.0F;
      for (std::size_t j = 0; j < features_; ++j) {
        const float x = group(g)[j * kLsaGroup + c];
        if (std::abs(x) > std::abs(largest)) largest = x;
      }
      if (largest >= 0) continue;
      for (std::size_t j = 0; j < features_; ++j) group(g)[j * kLsaGroup + c] *= -1.0F;
    }
  });
}

std::vector<linalg::float16> LsaDirections::table(std::span<const double> idf, std::span<const double> squares,
                                                  double whitening, double residual) {
  const std::size_t dim = squares.size();
  if (features_ == 0) return {};
  fix_signs();
  linalg::Matrix<float> scaled(dim, dim);  // V's columns -> their part in the table
  double length2 = 0;
  for (const double s : squares) length2 += s > 0 ? std::pow(s, 1 - whitening) : 0.0;
  for (std::size_t c = 0; c < dim && squares[c] > 0; ++c) {
    scaled(c, c) = static_cast<float>(std::pow(squares[c], -whitening / 2) / std::sqrt(length2));
  }
  const double magnitude = 1.0 / std::sqrt(static_cast<double>(dim));
  if (residual > 0) {
    // V V^T R from columns of unit length: signs / sqrt(features), rescaled afterwards.
    const double unit = 1.0 / std::sqrt(static_cast<double>(features_));
    const linalg::Matrix<double> overlap = product(
        [this](std::size_t first, linalg::MatrixView<double> block) { gather(first, block); }, dim,
        [&](std::size_t first, linalg::MatrixView<double> block) { random_signs("lsa-residual", unit, first, block); },
        dim);
    for (std::size_t k = 0; k < dim * dim; ++k) {
      scaled.values()[k] -= static_cast<float>(residual * magnitude / unit * overlap.values()[k]);
    }
  }
  linalg::Matrix<float> rows(features_, dim);
  std::vector<float> largest(blocks());
  pool_.run(blocks(), [&](std::size_t b, std::size_t) {
    const std::size_t first = b * kBlockRows;
    linalg::Matrix<float> block(block_rows(b), dim);
    gather(first, block.view());
    const auto out = rows.view().slice(first, block.rows());
    random_signs("lsa-residual", residual * magnitude, first, out);
    linalg::gemm_nn(1.0F, block.view(), scaled.view(), 1.0F, out);
    for (std::size_t i = 0; i < out.rows; ++i) {
      for (float& x : out.row(i)) {
        x *= static_cast<float>(idf[first + i]);
        largest[b] = std::max(largest[b], std::abs(x));
      }
    }
  });
  // The largest value goes to [2^13, 2^14): small ones keep their bits down to 2^-14, sums stay far below 2^127.
  const float top = *std::max_element(largest.begin(), largest.end());
  const float unit = top > 0 ? std::exp2(static_cast<float>(13 - std::ilogb(top))) : 1.0F;
  for (float& x : rows.values()) x *= unit;
  std::vector<linalg::float16> out(features_ * dim);
  linalg::to_float16(rows.values(), out);
  return out;
}

}  // namespace equal::encode
