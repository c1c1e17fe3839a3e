// A corpus that is computed instead of stored: topics, arms in topics, documents in arms, and what their pairs would
// look like. Everything is a function of (seed, document), so that a thousand simulated ranks share nothing and hold
// nothing but what a DocumentPool holds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "equal/bandit/document_pool.hpp"
#include "equal/bandit/policy.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::sim {

struct CorpusParams {
  std::uint64_t documents = std::uint64_t{1} << 19, arms = 16384, seed = 1;
  std::size_t dim = 256, topics = 256, guide = 200;
};

/// Vectors are unit, of float16 values as embeddings are. Thread-safe once made.
class Corpus {
 public:
  explicit Corpus(const CorpusParams& params);
  const CorpusParams& params() const noexcept { return params_; }
  std::uint32_t arm(std::uint64_t document) const;
  float tokens(std::uint64_t document) const;  ///< of its text: 30 to 600, most of them short
  void embedding(std::uint64_t document, std::span<float> out) const;
  /// The pairs that an extractor would find: 0 to 6, (n, dim), near their document.
  linalg::Matrix<float> pairs(std::uint64_t document) const;
  /// Items around four of the topics, (guide, dim).
  const linalg::Matrix<float>& guide() const noexcept { return guide_; }

  /// Documents [first, last), ordered by arm as a rank's embeddings are on disk. `this` must outlive it.
  bandit::PoolRows rows(std::uint64_t first, std::uint64_t last) const;
  /// What a policy knows beforehand; the spread of arms is that of the noise.
  bandit::Facts facts(std::uint64_t budget) const;

 private:
  /// out = unit(center + noise of this size), the noise a function of the key.
  void around(std::span<const float> center, double noise, std::uint64_t key, std::span<float> out) const;
  CorpusParams params_;
  linalg::Matrix<float> topics_, centroids_, guide_;
};

}  // namespace equal::sim
