#include "lsa_directions.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "equal/base/error.hpp"
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
                             const SparseRows& rows, std::size_t columns, std::uint64_t seed)
    : comm_(comm),
      exchange_(comm),
      pool_(pool),
      names_(features),
      seed_(seed),
      rows_(rows),
      features_(features.size()),
      columns_(columns),
      groups_((columns + kLsaGroup - 1) / kLsaGroup) {
  std::vector<std::uint64_t> has_rows(static_cast<std::size_t>(comm.size()));
  has_rows[static_cast<std::size_t>(comm.rank())] = rows.rows() > 0 ? 1 : 0;
  comm.sum(std::span(has_rows));
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (has_rows[static_cast<std::size_t>(rank)] == 0) continue;
    if (rank == comm.rank()) me_ = members_.size();
    if (rank != comm.rank()) others_.push_back(rank);
    members_.push_back(rank);
  }
  if (rows.rows() == 0) return;
  own_blocks_ = blocks_of(me_), own_ = features_of(me_);
  v_.resize(groups_ * features_ * kLsaGroup);
  const double magnitude = 1.0 / std::sqrt(static_cast<double>(std::max<std::size_t>(features_, 1)));
  pool_.run(blocks(), [&](std::size_t b, std::size_t) {
    linalg::Matrix<float> block(block_rows(b), columns_);
    random_signs("lsa-start", magnitude, b * kBlockRows, block.view());
    scatter(b * kBlockRows, block.view());
  });
}

std::pair<std::size_t, std::size_t> LsaDirections::blocks_of(std::size_t member) const noexcept {
  const std::size_t n = members_.size();
  return {blocks() * member / n, blocks() * (member + 1) / n};
}
std::pair<std::size_t, std::size_t> LsaDirections::features_of(std::size_t member) const noexcept {
  const auto [first, last] = blocks_of(member);
  return {std::min(features_, first * kBlockRows), std::min(features_, last * kBlockRows)};
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

linalg::Matrix<double> LsaDirections::product(const Fill& left, std::size_t left_columns, const Fill& right,
                                              std::size_t right_columns) {
  // Fixed blocks of rows, shared out over members and threads; each block's product is rounded and summed exactly.
  const std::size_t entries = left_columns * right_columns;
  std::vector<std::vector<std::int64_t>> sums(pool_.size(), std::vector<std::int64_t>(entries));
  pool_.run(own_blocks_.second - own_blocks_.first, [&](std::size_t i, std::size_t thread) {
    const std::size_t b = own_blocks_.first + i;
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
  pool_.run(own_blocks_.second - own_blocks_.first, [&](std::size_t i, std::size_t) {
    const std::size_t b = own_blocks_.first + i;
    linalg::Matrix<float> block(block_rows(b), columns_), turned(block_rows(b), columns_);
    gather(b * kBlockRows, block.view());
    linalg::gemm_nn(1.0F, block.view(), rotation.view(), 0.0F, turned.view());
    scatter(b * kBlockRows, turned.view());
  });
}

std::vector<double> LsaDirections::iterate(std::uint64_t documents) {
  std::vector<double> squares(columns_, 0.0);
  if (features_ == 0 || documents == 0) return squares;
  multiply(documents);
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
  std::vector<float> largest(groups_ * kLsaGroup);  // of the own features; of equal ones the first
  const auto keep_larger = [](float& kept, float x) {
    if (std::abs(x) > std::abs(kept)) kept = x;
  };
  pool_.run(groups_, [&](std::size_t g, std::size_t) {
    for (std::size_t j = own_.first; j < own_.second; ++j) {
      for (std::size_t c = 0; c < kLsaGroup; ++c) keep_larger(largest[g * kLsaGroup + c], group(g)[j * kLsaGroup + c]);
    }
  });
  std::vector<float> over_all(largest.size());
  for (const std::string& theirs :
       comm_.all_gather(v_.empty() ? std::string() : message_of(std::span<const float>(largest)))) {
    for (std::size_t c = 0; c < theirs.size() / sizeof(float); ++c) {
      float x;
      std::memcpy(&x, theirs.data() + c * sizeof x, sizeof x);
      keep_larger(over_all[c], x);
    }
  }
  pool_.run(groups_, [&](std::size_t g, std::size_t) {
    for (std::size_t c = 0; c < kLsaGroup; ++c) {
      if (over_all[g * kLsaGroup + c] >= 0) continue;
      for (std::size_t j = own_.first; j < own_.second; ++j) group(g)[j * kLsaGroup + c] *= -1.0F;
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
  linalg::Matrix<float> rows(own_.second - own_.first, dim);
  std::vector<float> largest(own_blocks_.second - own_blocks_.first + 1);
  pool_.run(own_blocks_.second - own_blocks_.first, [&](std::size_t i, std::size_t) {
    const std::size_t b = own_blocks_.first + i, first = b * kBlockRows;
    linalg::Matrix<float> block(block_rows(b), dim);
    gather(first, block.view());
    const auto out = rows.view().slice(first - own_.first, block.rows());
    random_signs("lsa-residual", residual * magnitude, first, out);
    linalg::gemm_nn(1.0F, block.view(), scaled.view(), 1.0F, out);
    for (std::size_t r = 0; r < out.rows; ++r) {
      for (float& x : out.row(r)) {
        x *= static_cast<float>(idf[first + r]);
        largest[i] = std::max(largest[i], std::abs(x));
      }
    }
  });
  // The largest value goes to [2^13, 2^14): small ones keep their bits down to 2^-14, sums stay far below 2^127.
  std::uint64_t top_bits = std::bit_cast<std::uint32_t>(*std::max_element(largest.begin(), largest.end()));
  comm_.max({&top_bits, 1});  // bits of floats that are not negative are in their order
  const auto top = std::bit_cast<float>(static_cast<std::uint32_t>(top_bits));
  const float unit = top > 0 ? std::exp2(static_cast<float>(13 - std::ilogb(top))) : 1.0F;
  for (float& x : rows.values()) x *= unit;
  std::vector<linalg::float16> halves(rows.values().size()), out;
  linalg::to_float16(rows.values(), halves);
  rows = {};
  if (members_ == std::vector<int>{0}) return halves;
  for (std::string& part : comm_.gather(message_of(std::span<const linalg::float16>(halves)), 0)) {
    const std::size_t had = out.size();
    if (had == 0) out.reserve(features_ * dim);
    out.resize(had + part.size() / sizeof(linalg::float16));
    std::memcpy(out.data() + had, part.data(), part.size());
    part = {};
  }
  return out;
}

}  // namespace equal::encode
