#include "equal/job/catalog.hpp"

#include <algorithm>
#include <numeric>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"

namespace equal::job {
namespace {
std::filesystem::path catalog_path(const Workspace& workspace) { return workspace.corpus() / "catalog.json"; }
}  // namespace

std::uint64_t Catalog::documents() const {
  return std::accumulate(partitions.begin(), partitions.end(), std::uint64_t{0},
                         [](std::uint64_t n, const PartitionInfo& p) { return n + p.documents; });
}

std::uint64_t Catalog::text_bytes() const {
  return std::accumulate(partitions.begin(), partitions.end(), std::uint64_t{0},
                         [](std::uint64_t n, const PartitionInfo& p) { return n + p.text_bytes; });
}

std::uint64_t Catalog::largest_documents() const {
  std::uint64_t out = 0;
  for (const auto& p : partitions) out = std::max(out, p.documents);
  return out;
}

std::vector<std::size_t> Catalog::largest_first() const {
  std::vector<std::size_t> out(partitions.size());
  std::iota(out.begin(), out.end(), std::size_t{0});
  std::stable_sort(out.begin(), out.end(),
                   [&](std::size_t a, std::size_t b) { return partitions[a].text_bytes > partitions[b].text_bytes; });
  return out;
}

std::string Catalog::digest() const {
  Sha256 sha;
  for (const auto& p : partitions) sha.update(p.digest);
  return sha.hex();
}

const PartitionInfo& Catalog::partition_of(std::uint64_t document) const {
  const auto after =
      std::upper_bound(partitions.begin(), partitions.end(), document,
                       [](std::uint64_t d, const PartitionInfo& p) { return d < p.first_document + p.documents; });
  if (after == partitions.end() || document < after->first_document)
    throw InternalError("document " + std::to_string(document) + " is in no partition");
  return *after;
}

std::vector<int> Catalog::owners(int workers) const {
  std::vector<std::uint64_t> load(static_cast<std::size_t>(workers), 0);
  std::vector<int> owner(partitions.size(), 0);
  for (const std::size_t p : largest_first()) {
    const auto least = std::min_element(load.begin(), load.end()) - load.begin();
    owner[p] = static_cast<int>(least);
    load[static_cast<std::size_t>(least)] += partitions[p].text_bytes + 1;  // + 1: empty partitions spread too
  }
  return owner;
}

std::vector<PartitionId> Catalog::owned_by(int index, int workers) const {
  const auto owner = owners(workers);
  std::vector<PartitionId> out;
  for (std::size_t p = 0; p < partitions.size(); ++p) {
    if (owner[p] == index) out.push_back(partitions[p].id);
  }
  return out;
}

Catalog read_catalog(const Workspace& workspace) {
  const auto path = catalog_path(workspace);
  const Json json = unseal_json(read_file(path), path.string());
  Catalog catalog;
  try {
    for (const auto& p : json.at("partitions")) {
      PartitionInfo info{PartitionId(p.at("id").get<std::uint32_t>()), p.at("first_document").get<std::uint64_t>(),
                         p.at("documents").get<std::uint64_t>(), p.at("text_bytes").get<std::uint64_t>(),
                         p.at("digest").get<std::string>()};
      if (info.id.value != catalog.partitions.size() || info.first_document != catalog.documents())
        throw DataError(path.string() + ": the partitions are not numbered one after another");
      catalog.partitions.push_back(std::move(info));
    }
    if (json.at("digest").get<std::string>() != catalog.digest())
      throw DataError(path.string() + ": the digest does not fit the partitions");
  } catch (const nlohmann::json::exception& e) {
    throw DataError(path.string() + ": not a catalog: " + e.what());
  }
  return catalog;
}

void write_catalog(const Workspace& workspace, const Catalog& catalog) {
  Json list = Json::array();
  for (const auto& p : catalog.partitions) {
    list.push_back({{"id", p.id.value},
                    {"first_document", p.first_document},
                    {"documents", p.documents},
                    {"text_bytes", p.text_bytes},
                    {"digest", p.digest}});
  }
  write_file_atomically(
      catalog_path(workspace),
      seal_json(Json{{"digest", catalog.digest()}, {"documents", catalog.documents()}, {"partitions", list}}, 1));
}

}  // namespace equal::job
