// The right singular directions of the weighted sample, by subspace iteration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/linalg/float16.hpp"
#include "equal/linalg/matrix.hpp"

#include "lsa_rows.hpp"

namespace equal::encode {

/// V (features, columns), the same bits on every rank.
class LsaDirections {
 public:
  /// Starts from signs by (seed, feature, column), scaled to columns of unit length. `features` names them and must
  /// live on.
  LsaDirections(comm::Communicator& comm, ThreadPool& pool, std::span<const std::uint32_t> features,
                std::size_t columns, std::uint64_t seed);

  /// Collective. V <- the orthonormal principal directions of A^T A V, largest first; returns the eigenvalues that they
  /// stand for: (singular value of A)^2 / documents, (columns), zero for directions that the sample does not have,
  /// whose column of V is zero. `rows` are this rank's part of A.
  std::vector<double> iterate(const SparseRows& rows, std::uint64_t documents);

  /// Collective. The table of LsaParams: (features, squares.size()) values
  ///   idf (V squares^(-whitening / 2) / c + residual (R - V V^T R)),  R signs / sqrt(dim), c^2 = sum squares^(1 -
  ///   whitening),
  /// so that both parts of a document are about as long as the document. Scaled by a power of two into the range of
  /// float16. The largest component of each column of V is made positive.
  std::vector<linalg::float16> table(std::span<const double> idf, std::span<const double> squares, double whitening,
                                     double residual);

 private:
  void multiply(const SparseRows& rows, std::uint64_t documents);
  /// Collective. left^T right, where fill_left(first, block) fills rows [first, first + block.rows) of a matrix whose
  /// columns have norm <= 1 (up to rounding), and likewise right.
  using Fill = std::function<void(std::size_t first, linalg::MatrixView<double> block)>;
  linalg::Matrix<double> product(const Fill& left, std::size_t left_columns, const Fill& right,
                                 std::size_t right_columns);
  void rotate(const linalg::Matrix<float>& rotation);
  void fix_signs();

  std::size_t blocks() const noexcept;
  std::size_t block_rows(std::size_t b) const noexcept;
  float* group(std::size_t g) noexcept { return v_.data() + g * features_ * kLsaGroup; }
  const float* group(std::size_t g) const noexcept { return v_.data() + g * features_ * kLsaGroup; }
  /// Copies rows [first, first + out.rows) and the first out.columns columns of V.
  template <class T>
  void gather(std::size_t first, linalg::MatrixView<T> out) const;
  /// Sets rows [first, first + in.rows) of V; in (rows, columns).
  void scatter(std::size_t first, linalg::MatrixView<const float> in);
  /// Rows [first, first + out.rows) of a matrix of signs times `magnitude`: a function of (seed, purpose, feature,
  /// column).
  template <class T>
  void random_signs(const char* purpose, double magnitude, std::size_t first, linalg::MatrixView<T> out) const;

  comm::Communicator& comm_;
  ThreadPool& pool_;
  std::span<const std::uint32_t> names_;
  std::uint64_t seed_;
  std::size_t features_, columns_, groups_;
  std::vector<float> v_;  // (groups, features, 16): a group of columns is what one pass over the sample works on
};

}  // namespace equal::encode
