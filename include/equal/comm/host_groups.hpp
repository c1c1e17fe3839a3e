// Ranks by the host that they run on, for exchanges that cross a network once a host instead of once a rank. Between
// hosts a rank's messages go through its delegate on the other side: of m ranks of a host each stands for one m-th of
// all foreign ranks, so that none is the bottleneck.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equal/base/host.hpp"
#include "equal/comm/communicator.hpp"

namespace equal::comm {

class HostGroups {
 public:
  /// Collective. `host`: the name of this rank's host.
  explicit HostGroups(Communicator& comm, const std::string& host = host_name());

  int hosts() const noexcept { return static_cast<int>(members_.size()); }
  int host_of(int rank) const { return host_of_[static_cast<std::size_t>(rank)]; }
  /// The ranks of a host, ascending.
  const std::vector<int>& members(int host) const { return members_[static_cast<std::size_t>(host)]; }
  /// Whether there is anything to gain: several hosts, and several ranks on one of them.
  bool useful() const noexcept { return hosts() > 1 && static_cast<std::size_t>(hosts()) < host_of_.size(); }
  /// The rank of `host` through which messages of foreign `rank` come and go; `rank` itself when it runs there.
  int delegate(int host, int rank) const;

  /// Collective. As Communicator::all_gather, but what crosses between two hosts does so once: to a rank's delegate
  /// on each host, which passes it on there. Memory: the whole once more.
  std::vector<std::string> all_gather(Communicator& comm, std::string_view bytes) const;

  /// Collective; exact, in place on all ranks, as Communicator::sum. A large table is summed in pieces: each rank owns
  /// one piece of it, every host adds up its ranks' parts of a piece before they cross the network, the owner adds
  /// those, and the sums are gathered. A host's link carries the table about once each way, whatever number of ranks
  /// and hosts there is; a tree carries it once a level. `chunk_values` at a time, so that memory is three chunks.
  /// Small tables go the direct way.
  void sum(Communicator& comm, std::span<std::int64_t> values, std::size_t chunk_values = std::size_t{1} << 21) const;

  /// Values below which sum() goes the direct way: rounds of messages cost more than what they save.
  static constexpr std::size_t kSmallTable = std::size_t{1} << 15;

 private:
  void sum_chunk(Communicator& comm, std::span<std::int64_t> values) const;
  std::vector<int> host_of_;               // by rank
  std::vector<std::vector<int>> members_;  // by host, hosts in the order of their first rank
};

}  // namespace equal::comm
