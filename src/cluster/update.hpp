// The update step of Lloyd's iteration, shared out over the workers: each keeps the sums of a slice of the clusters.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "equal/base/bytes.hpp"
#include "equal/base/host.hpp"
#include "equal/base/thread_pool.hpp"
#include "equal/comm/exchange.hpp"
#include "equal/comm/host_groups.hpp"

#include "centroids.hpp"

namespace equal::cluster {

/// What is added up over all ranks in an iteration.
struct IterationTotals {
  std::uint64_t moved = 0;  ///< rows that changed cluster
  int128 norms = 0;         ///< sum of |x|^2, in units of 2^-48
  int128 objective = 0;     ///< sum of |x - c|^2 without the norms, in the same units
  std::uint64_t empty = 0;  ///< clusters without rows
};

/// What a rank's rows changed goes to the owners of the clusters, who divide sum by count; the new centroids come back:
/// about 4 k dim bytes each way and rank, however many ranks there are, and no rank does more than its share. Clusters
/// that nobody touched do not travel. Only the ranks with rows, the members, own clusters and meet each other; the rest
/// (a coordinator) learn totals, and the centroids when they are asked for. Where hosts have several members, a host
/// adds its members' changes up before they cross the network, and new centroids cross it once a host: about 4 k dim
/// bytes each way and host. All integers: nothing depends on ranks, hosts or threads.
class CentroidUpdate {
 public:
  /// Collective. `host`: the name of this rank's host.
  CentroidUpdate(comm::Communicator& comm, std::uint64_t rows, std::size_t k, std::size_t dim,
                 const std::string& host = host_name());

  /// What this rank's rows change until the next hand_over(). All rows join a cluster before the first.
  ClusterChanges& changes() noexcept { return changes_; }

  /// With renew() collective: the changes go to their owners. `failed`: what this rank could not do, if anything;
  /// renew() then throws on all ranks as comm::agree() does.
  void hand_over(std::exception_ptr failed);
  /// Collective, after hand_over(). On members `next` becomes the means of the clusters, or `current` where one is
  /// empty. Returns the totals of `mine` over all ranks, with the objective of `current`.
  IterationTotals renew(ThreadPool& pool, const Centroids& current, Centroids& next, const IterationTotals& mine);

  /// Collective. The members' centroids and counts on all ranks.
  void share(Centroids& centroids);

  /// Rows of every cluster over all ranks: on members as of the last renew(), elsewhere of the last share().
  std::span<const std::int64_t> counts() const noexcept { return counts_; }

 private:
  std::pair<std::size_t, std::size_t> slice(std::size_t member) const;
  void take_changes(std::size_t first, std::size_t last, ByteWriter& message);
  void give_changes(std::vector<comm::Exchange::Outgoing> messages, const std::vector<int>& sources);
  void add_up_on_host();
  std::vector<std::string> pass_on_host(const std::vector<std::string>& from_elsewhere);
  int128 divide(ThreadPool& pool, const Centroids& current, Centroids& next);

  comm::Communicator& comm_;
  comm::Exchange exchange_;
  std::size_t dim_;
  ClusterChanges changes_;
  std::vector<int> members_, others_, outsiders_;  // ranks; others: the members without this rank
  comm::HostGroups hosts_;                         // of members, by their place in members_
  std::size_t me_ = 0;                             // place in members_
  std::vector<int> neighbours_;                    // the other members on this host
  bool member_ = false;
  std::size_t first_ = 0, last_ = 0;    // the clusters of this rank
  std::vector<std::int64_t> sums_;      // (last - first, dim), of all ranks' rows
  std::vector<std::int64_t> counts_;    // (k)
  std::vector<std::uint32_t> renewed_;  // own clusters that changed in this iteration
  std::exception_ptr failure_;
  bool any_failed_ = false;
};

}  // namespace equal::cluster
