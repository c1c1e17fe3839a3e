// Near-duplicate question-answer pairs over a whole run and all ranks: MinHash signatures cut into bands find
// candidates (Broder 1997; banding as in Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4), every
// candidate is then decided by the exact Jaccard similarity of its shingles. So precision is 1 by construction, up to
// collisions of 32-bit shingle hashes, and recall is that of the bands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/comm/communicator.hpp"

namespace equal::clean {

struct NearDuplicateParams {
  double threshold = 0.8;          ///< least Jaccard similarity of two near-duplicates, in (0, 1]
  std::size_t shingle_words = 3;   ///< neighbouring tokens that make a shingle; both ends of a text are padded
  std::size_t bands = 32;          ///< more bands: more recall, more time
  bool numbers_must_agree = true;  ///< pairs that state other numbers are other exercises, however alike their words
  std::size_t bucket_links = 64;   ///< a pair is compared with at most so many before it in a bucket, and the first
  std::uint64_t seed = 1;

  /// Rows of a band: the most for which a pair at the threshold is found with probability 0.999,
  /// 1 - (1 - threshold^rows)^bands (the S-curve of banding), at least 1, at most 16.
  std::size_t rows() const;
};

/// What is compared: the distinct shingles of question and answer (which do not reach from one into the other).
struct PairSketch {
  std::vector<std::uint32_t> shingles;  ///< ascending
  std::uint64_t numbers = 0;            ///< text::append_tokens of both
};
PairSketch sketch(const NearDuplicateParams& params, std::string_view question, std::string_view answer);
/// Jaccard similarity of the shingles; 0 when numbers must agree and do not; 1 for two pairs without any token.
double similarity(const NearDuplicateParams& params, const PairSketch& a, const PairSketch& b);

struct NearDuplicate {
  std::uint64_t item = 0;  ///< to be dropped
  std::uint64_t of = 0;    ///< the kept pair before it that it resembles most (the earliest of equals)
  double similarity = 0;
};

class NearDuplicates {
 public:
  /// Throws UsageError for a threshold outside (0, 1] or no bands.
  explicit NearDuplicates(const NearDuplicateParams& params);

  /// The next pair of this rank. Memory: 4 bytes a shingle and 16.
  void add(std::string_view question, std::string_view answer);
  std::uint64_t size() const noexcept { return numbers_.size(); }  ///< pairs of this rank

  /// Collective. Numbers the pairs rank after rank, in the order in which they were added, and goes through them in
  /// that order: a pair that resembles a kept one is dropped. The same pairs give the same answer on any number of
  /// ranks; it is returned on all of them, by item. Cost: about 5 us a pair; memory: 32 x 8 bands bytes a pair for a
  /// while.
  std::vector<NearDuplicate> find(comm::Communicator& comm, ThreadPool& pool) const;

 private:
  struct Candidate {
    std::uint64_t first, second;  ///< first < second
    auto operator<=>(const Candidate&) const = default;
  };
  struct Match {
    std::uint64_t item, of;
    double similarity;
  };
  std::span<const std::uint32_t> shingles(std::uint64_t local) const;
  std::vector<Candidate> candidates(comm::Communicator& comm, ThreadPool& pool, std::uint64_t first) const;
  std::vector<Match> verify(comm::Communicator& comm, std::vector<Candidate> candidates,
                            std::span<const std::uint64_t> begins) const;

  NearDuplicateParams params_;
  std::vector<std::uint32_t> shingles_;
  std::vector<std::uint64_t> ends_, numbers_;
};

}  // namespace equal::clean
