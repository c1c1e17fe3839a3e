// A rank's Communicator over the world that it shares with the others.
#pragma once

#include <memory>

#include "equal/comm/simulation.hpp"

namespace equal::comm {

class SimulatedWorld;

/// `world` must outlive it.
std::unique_ptr<SimulatedRank> make_simulated_rank(SimulatedWorld& world, int rank);

}  // namespace equal::comm
