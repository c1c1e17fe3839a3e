// Signs of life between ranks, on a thread and a TCP connection of their own beside MPI: a long computation does not
// look like a loss, and a rank that MPI would wait for without end does. A rank that is frozen, whose node has vanished
// or whose network is cut ends the whole job within the limit; one that was killed ends it at once. The message names
// rank, host, stage and cause.
//
// Rank 0 listens; every other rank holds one connection to it, opened by a secret that rank 0 sends through MPI, and
// both sides send a frame six times in the limit. A rank that was paused itself (the whole job suspended) forgives the
// others once. A rank that ends because of a loss has its launcher (mpirun or its daemon) ended too, should that wait
// for ever: half the limit later, but between 1 and 10 s.
#pragma once

#include <memory>

#include "equal/comm/communicator.hpp"

namespace equal::comm {

class Heartbeat {
 public:
  /// Collective. seconds: the limit; 0 = none. A rank that cannot connect is left to MPI with a warning. `comm` must
  /// outlive this object; its stage() is read on the thread.
  Heartbeat(Communicator& comm, double seconds);
  /// Local. Says good-bye, so that an orderly end is not taken for a loss.
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace equal::comm
