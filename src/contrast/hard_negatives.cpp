#include <algorithm>
#include <unordered_set>
#include <utility>

#include "equal/base/random.hpp"
#include "equal/contrast/train.hpp"
#include "equal/linalg/training.hpp"

namespace equal::contrast {

void mine_hard_negatives(comm::Communicator& comm, const Trainable& model, std::span<Example> examples,
                         const HardNegativeParams& params, std::size_t part_tokens, ThreadPool& pool) {
  std::vector<std::size_t> documents, pairs, owner;
  std::vector<std::uint64_t> key;
  for (std::size_t e = 0; e < examples.size(); ++e) {
    examples[e].hard_negatives.clear();
    if (examples[e].held_out) continue;
    documents.push_back(examples[e].document);
    for (std::size_t i = 0; i < examples[e].pairs.size(); ++i) {
      pairs.push_back(examples[e].pairs[i]);
      owner.push_back(e);
      key.push_back(examples[e].pair_keys[i]);
    }
  }
  if (params.count == 0 || documents.empty()) return;
  const auto queries = embed(comm, model, documents, part_tokens, pool);
  const auto candidates = embed(comm, model, pairs, part_tokens, pool);
  std::size_t row = 0;
  for (std::size_t e = 0; e < examples.size(); ++e) {
    if (examples[e].held_out) continue;
    linalg::Matrix<float> scores(1, pairs.size());
    linalg::training::multiply(queries.view().slice(row++, 1), linalg::training::Side::plain, candidates.view(),
                               linalg::training::Side::transposed, 0.0F, scores.view());
    const std::unordered_set<std::uint64_t> own(examples[e].pair_keys.begin(), examples[e].pair_keys.end());
    std::vector<std::size_t> ranked;
    for (std::size_t j = 0; j < pairs.size(); ++j) {
      if (owner[j] != e && !own.contains(key[j])) ranked.push_back(j);
    }
    std::sort(ranked.begin(), ranked.end(), [&](std::size_t a, std::size_t b) {
      return scores(0, a) != scores(0, b) ? scores(0, a) > scores(0, b) : a < b;
    });
    const std::size_t last = std::min(params.last_rank, ranked.size());
    const std::size_t first = std::min(std::max<std::size_t>(params.first_rank, 1) - 1, last);
    std::vector<std::size_t> drawn(ranked.begin() + static_cast<std::ptrdiff_t>(first),
                                   ranked.begin() + static_cast<std::ptrdiff_t>(last));
    RandomStream random(params.seed, "hard negatives", examples[e].digest);
    for (std::size_t i = 0; i < std::min(params.count, drawn.size()); ++i) {
      std::swap(drawn[i], drawn[i + random.below(drawn.size() - i)]);
      examples[e].hard_negatives.push_back(pairs[drawn[i]]);
    }
  }
}

}  // namespace equal::contrast
