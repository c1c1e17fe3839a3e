// Files damaged at random places: refused with the file's name, or (where the damage hit no content) read as they were.
#include <functional>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"
#include "equal/store/assignment.hpp"
#include "equal/store/clusters.hpp"
#include "equal/store/embeddings.hpp"
#include "equal/store/partition.hpp"

#include "sample.hpp"
#include "support/scratch.hpp"

namespace equal::store {
namespace {

namespace fs = std::filesystem;

void feed(Sha256& sha, const FileHeader& header) {
  sha.update(header.format).update_value(header.version).update(header.content_digest);
  for (const auto& [name, digest] : header.made_from) sha.update(name).update(digest);
}

template <class T>
void feed(Sha256& sha, const std::vector<T>& values) {
  sha.update_value(values.size()).update(std::as_bytes(std::span(values)));
}

std::string content_of_partition(const fs::path& path) {
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

std::string content_of_embeddings(const fs::path& path) {
  const EmbeddingsReader reader(path);
  std::vector<half_bits> rows(reader.count() * reader.dim());
  reader.read(0, rows);
  Sha256 sha;
  feed(sha, reader.header());
  feed(sha, rows);
  return sha.hex();
}

std::string content_of_assignment(const fs::path& path) {
  const AssignmentFile file = read_assignment(path);
  Sha256 sha;
  feed(sha, file.header);
  feed(sha, file.assignment.cluster);
  feed(sha, file.assignment.order);
  feed(sha, file.assignment.start);
  return sha.hex();
}

std::string content_of_clusters(const fs::path& path) {
  const ClustersFile file = read_clusters(path);
  Sha256 sha;
  feed(sha, file.header);
  feed(sha, file.clusters.centroids);
  feed(sha, file.clusters.counts);
  feed(sha, file.clusters.radius);
  feed(sha, file.clusters.objective);
  return sha.hex();
}

using Content = std::function<std::string(const fs::path&)>;

std::map<std::string, Content> write_samples(const fs::path& folder) {
  std::mt19937_64 random(1);
  test::write_sample(folder / "partition.h5", test::sample_documents(25, 100));
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

std::string damaged(std::string bytes, std::mt19937_64& random) {
  const std::size_t at = random() % bytes.size();
  switch (random() % 5) {
    case 0:
      bytes.resize(at);
      break;
    case 1:
      bytes[at] = static_cast<char>(random());
      break;
    case 2:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      break;
    case 3: {  // a hole, as a lost page leaves it
      const std::size_t size = std::min<std::size_t>(bytes.size() - at, 1 + random() % 4096);
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, '\0');
      break;
    }
    default: {  // a piece of the file over another one
      const std::size_t from = random() % bytes.size(),
                        size = std::min({bytes.size() - at, bytes.size() - from, std::size_t{64}});
      bytes.replace(at, size, bytes.substr(from, size));
    }
  }
  return bytes;
}

TEST(Damage, IsNeverReadAsContent) {
  const equal::test::ScratchFolder folder("damage");
  int refused = 0, harmless = 0;
  for (const auto& [name, content] : write_samples(folder.path())) {
    const fs::path path = folder / name;
    const std::string whole = read_file(path), expected = content(path);
    std::mt19937_64 random(keyed_hash(3, name, {}));
    for (int round = 0; round < 250; ++round) {
      const std::string bytes = damaged(whole, random);
      test::overwrite(path, bytes);
      try {
        ASSERT_EQ(content(path), expected) << name << " round " << round << ": damage was read as content";
        ++harmless;
      } catch (const DataError& e) {
        ASSERT_NE(std::string(e.what()).find(name), std::string::npos) << e.what();
        ++refused;
      }
    }
  }
  RecordProperty("refused", refused);
  RecordProperty("harmless", harmless);
  EXPECT_GE(refused, 600) << "the damage misses the content: make more of it";
}

TEST(Damage, EveryByteOfTheHeaderMatters) {
  const equal::test::ScratchFolder folder("damage_header");
  write_samples(folder.path());
  const fs::path path = folder / "embeddings.h5";
  const std::string whole = read_file(path), expected = content_of_embeddings(path);
  for (std::size_t at = 0; at < std::min<std::size_t>(whole.size(), 1200); at += 3) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x41);
    test::overwrite(path, bytes);
    try {
      ASSERT_EQ(content_of_embeddings(path), expected) << "byte " << at;
    } catch (const DataError&) {
    }
  }
}

TEST(Damage, OnlyVerifyingEverythingReadsAll) {
  const equal::test::ScratchFolder folder("damage_verify");
  const auto documents = test::sample_documents(200, 4000);
  test::write_sample(folder / "p.h5", documents);
  std::string bytes = read_file(folder / "p.h5");
  const std::size_t at = bytes.find(documents[150].text);
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  test::overwrite(folder / "p.h5", bytes);
  const PartitionReader reader(folder / "p.h5");
  EXPECT_EQ(reader.text(0), documents[0].text) << "an intact block can still be read";
  EXPECT_THROW(reader.text(150), DataError);
  EXPECT_THROW(reader.text(150), DataError) << "also the second time";
  EXPECT_THROW(PartitionReader(folder / "p.h5", Verify::everything), DataError);
}

}  // namespace
}  // namespace equal::store
