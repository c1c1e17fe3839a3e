// Rounds of messages among some of the ranks, from which all others stay away: they need not even be awake.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "equal/comm/communicator.hpp"

namespace equal::comm {

/// Each rank sends and receives in its own rounds; the n-th message that one sends to another is the n-th that the
/// other takes from it. REQUIRES: no other user of send() and try_receive() on these ranks meanwhile.
class Exchange {
 public:
  struct Outgoing {
    int to;
    std::string bytes;
  };
  /// `part_bytes`: a longer message travels in parts.
  explicit Exchange(Communicator& comm, std::size_t part_bytes = std::size_t{1} << 28);

  /// Sends all of `messages`, then waits for one message from each of `sources` (neither this rank nor twice the same);
  /// returns those in that order. Does not wait until its own are received.
  std::vector<std::string> round(std::vector<Outgoing> messages, const std::vector<int>& sources);

 private:
  void take(Message message);

  Communicator& comm_;
  std::size_t part_bytes_;
  std::vector<std::deque<std::string>> whole_;  // per source: messages of rounds to come
  std::vector<std::string> begun_;              // per source: the parts of a message that has not ended
};

}  // namespace equal::comm
