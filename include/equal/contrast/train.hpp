// Contrastive warm-up: the encoder learns to put a document where its extracted pairs lie.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/base/thread_pool.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/contrast/info_nce.hpp"
#include "equal/contrast/parameters.hpp"
#include "equal/contrast/trainable.hpp"

namespace equal::contrast {

/// A document with the pairs that were extracted from it. Texts are numbers of Trainable::add_texts().
struct Example {
  Digest128 digest;  ///< of the document: order of batches and the pair of an epoch hang on it
  std::size_t document = 0;
  std::vector<std::size_t> pairs;           ///< at least one
  std::vector<std::uint64_t> pair_keys;     ///< equal for pairs of equal text: those are no negatives of each other
  bool held_out = false;                    ///< measured on, not trained on
  std::vector<std::size_t> hard_negatives;  ///< pairs of other documents, see mine_hard_negatives()
};

struct TrainParams {
  std::uint64_t seed = 0;
  InfoNceParams loss;
  AdamWParams optimiser;
  double learning_rate = 1e-3;
  double warmup_share = 0.1;        ///< of all steps, the rate rising from 0; then it falls to 0, both linear
  std::size_t batch = 64;           ///< documents a step, over all ranks
  std::size_t hard_negatives = 15;  ///< of those mined, a document and step; 0: in-batch negatives only
  std::size_t epochs = 10;          ///< passes over the documents
  std::size_t patience = 3;         ///< epochs without a better held-out rank before it stops; 0: never
  std::size_t part_tokens = 1024;   ///< of texts computed together by one thread
  std::size_t tape_bytes = std::size_t{1}
                           << 30;  ///< a rank; what does not fit is computed twice (GradCache, Gao et al. 2021)
};

struct TrainPoint {
  std::uint64_t step = 0;
  double loss = 0;  ///< mean since the point before; 0 at step 0
  double mrr = 0;   ///< held-out documents -> their pairs, each among all pairs of other documents
};

struct TrainResult {
  std::vector<TrainPoint> curve;  ///< the stock encoder first
  std::uint64_t steps = 0, best_step = 0;
  bool complete = true;  ///< false: stopped on request; the checkpoint holds all that is needed to go on
};

struct TrainHooks {
  std::filesystem::path checkpoint;  ///< rank 0's file; empty: none. A file of another training is refused.
  std::string identity;              ///< digest of model, examples and settings, kept in the checkpoint
  std::function<void(const TrainPoint&)> evaluated;
  std::function<bool()> stop;  ///< asked on rank 0 before each step
};

/// Collective; all ranks compute and hold all examples. Leaves the model with the best held-out parameters, which may
/// be those it came with. The same bits on any number of ranks and threads, on one kind of CPU: every part of a batch
/// is computed by itself, gradients are summed exactly (GradientSum). A checkpoint is written after each epoch.
TrainResult train(comm::Communicator& comm, Trainable& model, std::span<const Example> examples,
                  const TrainParams& params, ThreadPool& pool, const TrainHooks& hooks = {});

/// Collective. One step's loss and gradient, without changing the parameters: for tests and benches. `batch` indexes
/// examples; epoch decides which pairs are taken.
double batch_gradient(comm::Communicator& comm, Trainable& model, std::span<const Example> examples,
                      std::span<const std::size_t> batch, std::uint64_t epoch, const TrainParams& params,
                      ThreadPool& pool, GradientSum& gradient);

/// Collective. Unit vectors of texts under the current parameters, on every rank: (texts.size(), dim).
linalg::Matrix<float> embed(comm::Communicator& comm, const Trainable& model, std::span<const std::size_t> texts,
                            std::size_t part_tokens, ThreadPool& pool);

struct HardNegativeParams {
  std::uint64_t seed = 0;
  std::size_t first_rank = 2, last_rank = 200;  ///< 1 is the nearest pair of another document
  std::size_t count = 15;
};

/// Sets hard_negatives of every example that is trained on: `count` pairs drawn from the ranks given, nearest first by
/// the current parameters; pairs of held-out documents and pairs with the text of an own pair are not ranked.
/// Collective.
void mine_hard_negatives(comm::Communicator& comm, const Trainable& model, std::span<Example> examples,
                         const HardNegativeParams& params, std::size_t part_tokens, ThreadPool& pool);

}  // namespace equal::contrast
