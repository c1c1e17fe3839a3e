// One small file of each kind of array file, and the digest of all that is read from it: for tests that damage them.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/store/assignment.hpp"
#include "equal/store/clusters.hpp"
#include "equal/store/embeddings.hpp"
#include "equal/store/partition.hpp"

#include "sample.hpp"

namespace equal::store::test {

inline void feed(Sha256& sha, const FileHeader& header) {
  sha.update(header.format).update_value(header.version).update(header.content_digest);
  for (const auto& [name, digest] : header.made_from) sha.update(name).update(digest);
}

template <class T>
void feed(Sha256& sha, const std::vector<T>& values) {
  sha.update_value(values.size()).update(std::as_bytes(std::span(values)));
}

inline std::string content_of_partition(const std::filesystem::path& path) {
  const PartitionReader reader(path);
  Sha256 sha;
  feed(sha, reader.header());
  for (std::uint64_t i = 0; i < reader.count(); ++i) {
    const Document d = reader.document(i);
    for (const std::string* text : {&d.id, &d.text, &d.metadata, &d.parent, &d.source})
      sha.update(*text).update_value(text->size());
    for (const KnownPair& pair : d.pairs) sha.update(pair.question).update("|").update(pair.answer);
    for (const Digest128& digest : {d.digest, d.text_digest, d.whole_digest, d.whole_text_digest})
      sha.update(digest.hex());
    sha.update_value(d.parent_offset).update_value(d.position);
  }
  return sha.hex();
}

inline std::string content_of_embeddings(const std::filesystem::path& path) {
  const EmbeddingsReader reader(path);
  std::vector<half_bits> rows(reader.count() * reader.dim());
  reader.read(0, rows);
  Sha256 sha;
  feed(sha, reader.header());
  feed(sha, rows);
  return sha.hex();
}

inline std::string content_of_assignment(const std::filesystem::path& path) {
  const AssignmentFile file = read_assignment(path);
  Sha256 sha;
  feed(sha, file.header);
  feed(sha, file.assignment.cluster);
  feed(sha, file.assignment.order);
  feed(sha, file.assignment.start);
  return sha.hex();
}

inline std::string content_of_clusters(const std::filesystem::path& path) {
  const ClustersFile file = read_clusters(path);
  Sha256 sha;
  feed(sha, file.header);
  feed(sha, file.clusters.centroids);
  feed(sha, file.clusters.counts);
  feed(sha, file.clusters.radius);
  feed(sha, file.clusters.variance);
  feed(sha, file.clusters.objective);
  return sha.hex();
}

/// The digest of all that a file holds.
using Content = std::function<std::string(const std::filesystem::path&)>;

/// One file of each kind of array file in `folder`, and how each is read whole.
inline std::map<std::string, Content> write_samples(const std::filesystem::path& folder) {
  std::mt19937_64 random(1);
  write_sample(folder / "partition.h5", sample_documents(25, 100));
  EmbeddingsWriter embeddings(folder / "embeddings.h5", 40, 16);
  std::vector<half_bits> rows(40 * 16);
  for (auto& v : rows) v = static_cast<half_bits>(random());
  embeddings.append(rows);
  embeddings.finish({{"partition", "p"}});
  std::vector<std::uint32_t> cluster(200);
  std::vector<std::uint64_t> keys(200);
  for (std::size_t i = 0; i < 200; ++i) cluster[i] = static_cast<std::uint32_t>(random() % 5), keys[i] = random();
  write_assignment(folder / "assignment.h5", make_assignment(cluster, keys, 5), {{"clusters", "c"}});
  Clusters clusters;
  clusters.dim = 16;
  clusters.centroids.assign(5 * 16, 0.25);
  clusters.counts.assign(5, 40);
  clusters.radius.assign(5, 1.0);
  clusters.variance.assign(5, 0.5);
  clusters.objective.assign(9, 3.0);
  write_clusters(folder / "clusters.h5", clusters, {{"embeddings", "e"}});
  return {{"partition.h5", content_of_partition},
          {"embeddings.h5", content_of_embeddings},
          {"assignment.h5", content_of_assignment},
          {"clusters.h5", content_of_clusters}};
}

}  // namespace equal::store::test
