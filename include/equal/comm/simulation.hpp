// The third form of a Communicator: any number of ranks inside one process, in virtual time (a dry run, as Arbor has
// one). Every rank runs the real code on a thread of its own, but only one of them at once: the one whose clock stands
// lowest. A rank's clock moves by the processor time that its code takes, by what messages cost, and by waiting;
// nothing ever sleeps. With Compute::free the clock of code stands still and a simulation is a pure function of its
// parameters.
//
// Messages follow LogGP (Alexandrov et al. 1995, section 2): latency L, overhead o a message on either side, and each
// rank has one link in and one link out of G seconds a byte, which its messages pass one after the other (so that
// answers of a thousand ranks queue up before rank 0). Collectives are charged as trees of depth d = ceil(log2 ranks):
// d (L + 2 o) and the bytes that pass a rank's link (twice for a sum, all ranks' for a gather).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "equal/comm/communicator.hpp"

namespace equal::comm {

/// Defaults: a cluster's 10 Gbit/s Ethernet.
struct SimulatedNetwork {
  double latency_seconds = 20e-6;   ///< L, from the last byte out to the first byte in
  double overhead_seconds = 1e-6;   ///< o, > 0: of each call to the communicator, and of each message of a collective
  double bytes_per_second = 1.2e9;  ///< 1 / G, of each link
  /// A rank that has to wait for a message sees it this much later: real ones test and sleep (at most 1 ms at once).
  double wake_seconds = 0;
};

enum class Compute {
  free,      ///< code takes no time
  measured,  ///< code takes the processor time of its rank's thread (of that thread alone: use ThreadPool(1))
};

struct SimulationParams {
  int ranks = 4;
  SimulatedNetwork network;
  Compute compute = Compute::free;
};

/// What one rank did. Bytes are payload; those of collectives are not in them.
struct RankUsage {
  double compute_seconds = 0;  ///< processor time between its calls of the communicator, whatever Compute says
  std::uint64_t messages_sent = 0, bytes_sent = 0, messages_received = 0, bytes_received = 0;
  std::uint64_t peak_waiting_bytes = 0;  ///< largest sum of messages that had been sent to it and not yet received
  std::uint64_t collectives = 0;
};

/// A rank of a simulation.
class SimulatedRank : public Communicator {
 public:
  /// Local. Lets time pass: until a message is there to be received, or until now() reaches `time`. For stand-ins of
  /// what real ranks wait for outside of MPI, such as an LLM.
  virtual void wait_until(double time) = 0;
  /// Local. What this rank has done up to now.
  virtual RankUsage usage() const = 0;
};

struct Simulation {
  double seconds = 0;  ///< virtual time when the last rank ended
  int exit_code = 0;   ///< largest of the ranks'
  std::vector<RankUsage> ranks;
};

/// Runs body(rank) for each rank and returns when all have ended. The first exception that leaves a body ends all other
/// ranks at their next call and is thrown here. Collectives that do not fit together (another function, another size,
/// another root) and ranks that all wait for each other are an InternalError naming the ranks. abort() ends the
/// process. Cost: a thread a rank, and a switch between threads (about 10 us) wherever ranks take turns.
Simulation simulate(const SimulationParams& params, const std::function<int(SimulatedRank&)>& body);

}  // namespace equal::comm
