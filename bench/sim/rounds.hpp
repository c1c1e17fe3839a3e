// The coordinator of the job over simulated ranks: real are Coordinator, TaskFarm, SharedDocuments, the policy, the
// reward, the budget, rounds.jsonl, every message's encoding, and each worker's DocumentPool and its answers. Stand-ins
// are the documents (corpus.hpp) and the extractor (a wait in virtual time, then the pairs that the corpus gives).
#pragma once

#include <cstdint>
#include <string>

#include "equal/base/json.hpp"
#include "equal/comm/simulation.hpp"

#include "corpus.hpp"

namespace equal::sim {

struct RoundsParams {
  CorpusParams corpus;
  comm::SimulationParams world;
  std::string policy = "pooled", reward = "marginal", latency = "lognormal:8,0.6";
  std::uint64_t rounds = 50;                              ///< the budget ends earlier where it is smaller
  std::uint64_t budget_documents = 0, budget_tokens = 0;  ///< 0: none
  std::uint64_t round_documents = 0;                      ///< documents a round; 0: what the policy prefers
  bool by_arrival = false;
  std::size_t slots = 16;          ///< of each worker
  double journal_seconds = 0.002;  ///< that a worker takes to make answers durable
  std::string folder;              ///< where rounds.jsonl is written
};

/// Runs it and returns the figures.
Json simulate_rounds(const RoundsParams& params);

}  // namespace equal::sim
