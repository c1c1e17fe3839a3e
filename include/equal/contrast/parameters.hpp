// What is trained, its gradient, and the step that follows from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "equal/comm/communicator.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::contrast {

enum class Updates {
  dense,  ///< every value has a gradient in every step
  rows    ///< only the rows that a batch uses: the others are left alone, moments and all
};

struct Tensor {
  std::string name;
  linalg::Matrix<float> values;  ///< vectors: one row
  Updates updates = Updates::dense;
  bool decays = true;  ///< under weight decay; not for biases and normalisation
};

using Parameters = std::vector<Tensor>;

/// The sum of the gradients of a batch, over its parts and over ranks. Each term is rounded to fixed point by itself
/// and added as int64, so the sum is exact: the same bits for any order, any number of threads and ranks.
class GradientSum {
 public:
  explicit GradientSum(const Parameters& parameters);
  ~GradientSum();

  /// Local, thread-safe. Throws DataError when a value is not finite or above linalg::training::kFixedLimit.
  void add(std::size_t tensor, std::span<const float> values);
  /// values (rows.size(), columns): one gradient for each listed row. REQUIRES: no row twice.
  void add_rows(std::size_t tensor, std::span<const std::uint32_t> rows, linalg::MatrixView<const float> values);

  /// Collective. Sums over the ranks; every rank has the result.
  void reduce(comm::Communicator& comm);
  /// Local; after reduce(). The gradient of `tensor`: all of it, or the listed rows of it.
  void read(std::size_t tensor, std::vector<std::uint32_t>& rows, std::vector<float>& values) const;
  /// Local; after reduce(). Euclidean norm over all tensors, in a fixed order.
  double norm() const;
  void clear();

 private:
  struct Part;
  const Parameters& parameters_;
  std::vector<std::unique_ptr<Part>> parts_;
};

struct AdamWParams {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0.01;
  double clip_norm = 1.0;  ///< gradients longer than this are scaled down to it; 0: never
};

/// AdamW (Loshchilov and Hutter 2019, algorithm 2; values as in PyTorch). Local: with equal gradients all ranks take
/// the same step.
class AdamW {
 public:
  AdamW(const Parameters& parameters, const AdamWParams& params);
  /// REQUIRES: gradient.reduce() was called.
  void step(Parameters& parameters, const GradientSum& gradient, double learning_rate);
  std::uint64_t steps() const noexcept { return steps_; }
  /// The state as bytes, and back; restoring throws DataError when it belongs to other parameters.
  std::string save() const;
  void restore(std::string_view bytes);

 private:
  AdamWParams params_;
  std::uint64_t steps_ = 0;
  std::vector<std::vector<float>> m_, v_;
};

}  // namespace equal::contrast
