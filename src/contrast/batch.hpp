// The texts of one step, cut into parts that are computed each by itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "equal/contrast/train.hpp"

namespace equal::contrast {

/// Consecutive texts of a list, and the rank that computes them.
struct Part {
  std::size_t first = 0, count = 0, tokens = 0;
  int rank = 0;
};

/// Cuts `texts` into parts of at most part_tokens (one text at least) and gives them to ranks, the largest first to the
/// least loaded. The cut does not depend on the ranks.
std::vector<Part> cut_into_parts(const Trainable& model, std::span<const std::size_t> texts, std::size_t part_tokens,
                                 int ranks);

/// Collective. Rows that were computed where `parts` says, on every rank.
void share_rows(comm::Communicator& comm, std::span<const Part> parts, linalg::MatrixView<float> rows);

struct Batch {
  std::vector<std::size_t> texts;  ///< documents, then their pairs, then hard negatives
  std::vector<Candidate> names;    ///< of texts[documents ..]
  std::size_t documents = 0;
};

/// `chosen` indexes examples. A hard negative that is in the batch already is not added twice.
Batch make_batch(std::span<const Example> examples, std::span<const std::size_t> chosen, std::uint64_t epoch,
                 const TrainParams& params);

}  // namespace equal::contrast
