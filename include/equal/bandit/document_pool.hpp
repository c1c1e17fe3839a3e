// The documents that one rank holds, and its answers to a policy's questions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "equal/bandit/documents.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::bandit {

/// Reads the embeddings of pool positions [first, first + out.rows) into out (count, dim).
using ReadRows = std::function<void(std::size_t first, linalg::MatrixView<float> out)>;

/// One entry a document in every array; the index is its position. Order documents by arm where embeddings are on disk:
/// then an arm is one range, which `best` reads in long runs.
struct PoolRows {
  std::vector<std::uint64_t> number, hash;
  std::vector<std::uint32_t> arm;
  std::vector<float> similarity, tokens;
  std::size_t dimension = 0;
  ReadRows read;
};

/// How much of a candidate is filled in.
enum class Detail : std::uint8_t {
  facts,  ///< all but the embedding: nothing is read for it
  whole,
};

/// Memory: 36 bytes a document; embeddings stay where `read` finds them. At most 2^32 documents.
class DocumentPool final : public Documents {
 public:
  /// REQUIRES: arrays of equal length, arm < arms, numbers distinct (checked; InternalError).
  DocumentPool(PoolRows rows, std::size_t arms);

  std::uint64_t remaining(std::uint32_t arm) const override { return remaining_[arm]; }
  std::vector<Candidate> draw(std::span<const Draw> draws, Order order) override {
    return draw(draws, order, Detail::whole);
  }
  std::vector<Candidate> draw_any(std::size_t count, Order order) override {
    return draw_any(count, order, Detail::whole);
  }
  /// Reads the arms' documents once: O(documents of `arms` x dim x rankings).
  std::vector<std::vector<Candidate>> best(std::span<const Ranking> rankings,
                                           std::span<const std::uint32_t> arms) override {
    return best(rankings, arms, Detail::whole);
  }
  // The same with a choice.
  std::vector<Candidate> draw(std::span<const Draw> draws, Order order, Detail detail);
  std::vector<Candidate> draw_any(std::size_t count, Order order, Detail detail);
  std::vector<std::vector<Candidate>> best(std::span<const Ranking> rankings, std::span<const std::uint32_t> arms,
                                           Detail detail);

  /// The documents with these numbers that this pool holds, asked or not, in the order of `numbers`; others are left
  /// out.
  std::vector<Candidate> lookup(std::span<const std::uint64_t> numbers);
  /// Takes documents off the offer; numbers held elsewhere or taken already are passed over.
  void mark(std::span<const std::uint64_t> numbers);

  std::size_t size() const noexcept { return rows_.number.size(); }
  std::size_t arms() const noexcept { return remaining_.size(); }

 private:
  Candidate facts(std::size_t position) const;  // all but the embedding
  Candidate filled(std::size_t position, Detail detail) const;
  std::vector<Candidate> take(std::vector<std::size_t> positions, std::size_t count, Order order, Detail detail);
  void read_embedding(std::size_t position, Candidate& out) const;
  std::optional<std::size_t> position_of(std::uint64_t number) const;

  PoolRows rows_;
  std::vector<std::uint64_t> remaining_;
  std::vector<bool> taken_;
  std::vector<std::uint32_t> by_arm_;  // positions of arm a: by_arm_[arm_first_[a] ..)
  std::vector<std::size_t> arm_first_;
  std::vector<std::uint32_t> by_number_;  // positions in ascending order of number
};

}  // namespace equal::bandit
