// The right singular directions of the weighted sample, by subspace iteration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/comm/exchange.hpp"
#include "equal/linalg/float16.hpp"
#include "equal/linalg/matrix.hpp"

#include "lsa_rows.hpp"

namespace equal::encode {

/// The bytes that travel.
template <class T>
std::string message_of(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

/// V (features, columns), of the same bits on any number of ranks. Ranks with rows of the sample, the members, share
/// out the features: what a member's rows add goes to the owners of the features (8 bytes a value), who turn their part
/// of V and send it to the others (4 bytes). A rank without rows (a coordinator) has none of V and solves the small
/// problems.
class LsaDirections {
 public:
  /// Collective. Starts from signs by (seed, feature, column), scaled to columns of unit length. `features` names them;
  /// they and `rows`, this rank's part of A, must live on.
  LsaDirections(comm::Communicator& comm, ThreadPool& pool, std::span<const std::uint32_t> features,
                const SparseRows& rows, std::size_t columns, std::uint64_t seed);

  /// Collective. V <- the orthonormal principal directions of A^T A V, largest first; returns the eigenvalues that they
  /// stand for: (singular value of A)^2 / documents, (columns), zero for directions that the sample does not have,
  /// whose column of V is zero.
  std::vector<double> iterate(std::uint64_t documents);

  /// Collective. On rank 0 the table of LsaParams, nothing elsewhere: (features, squares.size()) values
  ///   idf (V squares^(-whitening / 2) / c + residual (R - V V^T R)),  R signs / sqrt(dim), c^2 = sum squares^(1 -
  ///   whitening),
  /// so that both parts of a document are about as long as the document. Scaled by a power of two into the range of
  /// float16. The largest component of each column of V is made positive.
  std::vector<linalg::float16> table(std::span<const double> idf, std::span<const double> squares, double whitening,
                                     double residual);

 private:
  void multiply(std::uint64_t documents);
  std::vector<std::string> to_owners(std::span<const std::int64_t> sums);
  void share();
  /// Collective. left^T right, where fill_left(first, block) fills rows [first, first + block.rows) of a matrix whose
  /// columns have norm <= 1 (up to rounding), and likewise right. Members go through their own blocks.
  using Fill = std::function<void(std::size_t first, linalg::MatrixView<double> block)>;
  linalg::Matrix<double> product(const Fill& left, std::size_t left_columns, const Fill& right,
                                 std::size_t right_columns);
  void rotate(const linalg::Matrix<float>& rotation);
  void fix_signs();

  /// Blocks of features [first, second) of a member.
  std::pair<std::size_t, std::size_t> blocks_of(std::size_t member) const noexcept;
  /// The same as features.
  std::pair<std::size_t, std::size_t> features_of(std::size_t member) const noexcept;
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
  comm::Exchange exchange_;
  ThreadPool& pool_;
  std::span<const std::uint32_t> names_;
  std::uint64_t seed_;
  const SparseRows& rows_;
  std::size_t features_, columns_, groups_;
  std::vector<int> members_, others_;                         // ranks; others: the members without this rank
  std::size_t me_ = 0;                                        // place in members_
  std::pair<std::size_t, std::size_t> own_blocks_{}, own_{};  // of this rank, and as features
  bool whole_ = true;                                         // V; else only the own features are as they should
  std::vector<float> v_;  // (groups, features, 16): a group of columns is what one pass over the sample works on
};

}  // namespace equal::encode
