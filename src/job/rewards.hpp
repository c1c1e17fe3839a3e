// What a pull was worth, as rank 0 counts it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/linalg/matrix.hpp"
#include "equal/settings/settings.hpp"

#include "answers.hpp"

namespace equal::job {

/// The guide as unit vectors (float16 values) with weights that sum to 1.
struct Guide {
  linalg::Matrix<float> vectors;
  std::vector<double> weights;
};

/// A document's answer with its arm, and what the reward made of it.
struct Scored {
  Answer answer;
  std::uint32_t arm = 0;
  double reward = 0;
  std::vector<double> credits;  ///< one per pair; kDuplicate for a pair that an earlier one of the run equals
};
inline constexpr double kDuplicate = -1.0;

class RewardModel {
 public:
  virtual ~RewardModel() = default;
  /// Sets reward and credits of the documents of one round. REQUIRES: sorted by (arm, number); documents of one arm are
  /// its pull; duplicates carry kDuplicate in `credits` already. Rounds come in their order.
  virtual void score(std::span<Scored> round) = 0;
  /// Pairs that each guide item has taken, where the reward has such a notion; else empty.
  virtual std::vector<double> served() const { return {}; }
};

/// The rows of a document's vectors that belong to pairs which no earlier pair of the run equals.
linalg::Matrix<float> unique_rows(const Scored& scored);

/// What a reward is made from. The guide and the pool outlive it.
struct RewardInputs {
  const settings::Settings& settings;
  const Guide& guide;
  std::uint64_t budget = 0;  ///< documents of the run
  ThreadPool& pool;
};

/// By extract.reward.
std::unique_ptr<RewardModel> make_reward(const RewardInputs& inputs);

}  // namespace equal::job
