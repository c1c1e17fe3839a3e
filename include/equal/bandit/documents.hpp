// What a policy may ask about documents that nobody has been asked about yet. The job answers over the ranks (each rank
// holds a DocumentPool, rank 0 merges); tests and benches answer from one pool in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace equal::bandit {

/// A document on offer.
struct Candidate {
  std::uint64_t number = 0;      ///< DocumentId value
  std::uint32_t arm = 0;         ///< ClusterId value
  double score = 0.0;            ///< under the LinearScore it was ranked by; 0 when drawn
  float similarity = 0.0F;       ///< to the guide (GuideSimilarity)
  float tokens = 0.0F;           ///< of the document's text, as counted or estimated at ingest
  std::uint64_t hash = 0;        ///< keyed hash of (seed, digest): its place in a random order
  std::vector<float> embedding;  ///< (dim), unit
};

/// The order in which documents are taken; ties by number.
enum class Order : std::uint8_t {
  hash,        ///< ascending keyed hash of (seed, digest): a random sample
  corpus,      ///< ascending number
  similarity,  ///< descending similarity to the guide
};

/// The next `count` documents of one arm.
struct Draw {
  std::uint32_t arm = 0;
  std::size_t count = 0;
};

/// A linear value of a document, broadcast to the ranks that hold the documents:
/// value = offsets[arm] + similarity * sim + embedding . x   (one fixed-order double dot product: equal on every rank)
/// score = value / cost when value > 0, else value * cost;  cost = cost_fixed + cost_per_token * tokens.
struct LinearScore {
  std::vector<float> embedding;  ///< (dim), or empty: zero
  double similarity = 0.0;
  std::vector<double> offsets;  ///< one per arm, or empty: zero
  double cost_fixed = 1.0, cost_per_token = 0.0;

  double cost(double tokens) const noexcept { return cost_fixed + cost_per_token * tokens; }
  double value(std::uint32_t arm, double sim, std::span<const float> x) const noexcept;
  double score(double value, double tokens) const noexcept {
    return value > 0 ? value / cost(tokens) : value * cost(tokens);
  }
};

/// The `count` best documents under a score.
struct Ranking {
  LinearScore score;
  std::size_t count = 0;
};

/// Whether a stands before b in a list of best documents: higher score, then lower number.
inline bool ranks_before(const Candidate& a, const Candidate& b) noexcept {
  return a.score != b.score ? a.score > b.score : a.number < b.number;
}
/// Whether a is drawn before b.
bool drawn_before(const Candidate& a, const Candidate& b, Order order) noexcept;

/// Documents not asked yet, over all ranks. Nothing here marks a document; the job does when it takes a decision up.
class Documents {
 public:
  virtual ~Documents() = default;
  /// Local: unasked documents of an arm.
  virtual std::uint64_t remaining(std::uint32_t arm) const = 0;
  /// One exchange: for each draw in turn, the arm's next documents in `order` (fewer when it has fewer).
  virtual std::vector<Candidate> draw(std::span<const Draw> draws, Order order) = 0;
  /// One exchange: the next `count` documents of the whole corpus in `order`.
  virtual std::vector<Candidate> draw_any(std::size_t count, Order order) = 0;
  /// One exchange: for each ranking its best documents of `arms`, best first.
  virtual std::vector<std::vector<Candidate>> best(std::span<const Ranking> rankings,
                                                   std::span<const std::uint32_t> arms) = 0;
};

}  // namespace equal::bandit
