// Ranks by the host that they run on, for exchanges that cross a network once a host instead of once a rank: what goes
// between a rank and another host passes that host's delegate for it. Of m ranks of a host each is the delegate for one
// m-th of all others, so that none is the bottleneck.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace equal::comm {

/// Plain data; equal on all ranks that were given the same names.
class HostGroups {
 public:
  HostGroups() = default;
  /// hosts[i]: the name of the host of rank i (or of the i-th of some ranks: then all numbers here are such places).
  explicit HostGroups(std::span<const std::string> hosts);

  std::size_t hosts() const noexcept { return members_.size(); }
  std::size_t host_of(std::size_t rank) const { return host_of_[rank]; }
  /// The ranks of a host, ascending. Hosts are numbered in the order of their first rank.
  const std::vector<std::size_t>& members(std::size_t host) const { return members_[host]; }
  /// Whether there is anything to gain: several hosts, and several ranks on one of them.
  bool useful() const noexcept { return hosts() > 1 && hosts() < host_of_.size(); }
  /// The rank on `host` that stands for `rank`; `rank` itself when it runs there.
  std::size_t delegate(std::size_t host, std::size_t rank) const;

 private:
  std::vector<std::size_t> host_of_;               // by rank
  std::vector<std::vector<std::size_t>> members_;  // by host
};

}  // namespace equal::comm
