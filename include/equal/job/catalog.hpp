// The corpus as a whole: its partitions in order, the numbers of their documents, and who owns them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "equal/base/ids.hpp"
#include "equal/job/workspace.hpp"

namespace equal::job {

struct PartitionInfo {
  PartitionId id;
  std::uint64_t first_document = 0;  ///< DocumentId of its first document
  std::uint64_t documents = 0, text_bytes = 0;
  std::string digest;  ///< content digest of corpus/part-<id>.h5
};

struct Catalog {
  std::vector<PartitionInfo> partitions;  ///< ascending ids 0, 1, ...

  std::uint64_t documents() const;
  std::uint64_t text_bytes() const;
  std::uint64_t largest_documents() const;  ///< of one partition
  /// Indices of the partitions by falling text bytes: the order in which they are worked on.
  std::vector<std::size_t> largest_first() const;
  std::string digest() const;
  /// REQUIRES: document < documents(). O(log partitions).
  const PartitionInfo& partition_of(std::uint64_t document) const;
  /// Partitions of worker `index` out of `workers`, balanced by bytes (largest first to the least loaded), ascending.
  std::vector<PartitionId> owned_by(int index, int workers) const;
  /// owner[p] = worker index of partition p.
  std::vector<int> owners(int workers) const;
};

/// corpus/catalog.json. Throws DataError when damaged.
Catalog read_catalog(const Workspace& workspace);
void write_catalog(const Workspace& workspace, const Catalog& catalog);

}  // namespace equal::job
