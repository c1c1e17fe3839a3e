#include <numeric>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"
#include "equal/store/assignment.hpp"
#include "equal/store/clusters.hpp"
#include "equal/store/embeddings.hpp"
#include "equal/store/partition.hpp"

#include "sample.hpp"
#include "support/message.hpp"
#include "support/scratch.hpp"

namespace equal::store {
namespace {

using equal::test::ScratchFolder;

void expect_equal(const Document& a, const Document& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.metadata, b.metadata);
  EXPECT_EQ(a.pairs, b.pairs);
  EXPECT_EQ(a.parent, b.parent);
  EXPECT_EQ(a.parent_offset, b.parent_offset);
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.position, b.position);
  EXPECT_EQ(a.digest, b.digest);
  EXPECT_EQ(a.text_digest, b.text_digest);
  EXPECT_EQ(a.whole_digest, b.whole_digest);
  EXPECT_EQ(a.whole_text_digest, b.whole_text_digest);
}

TEST(Partition, GivesBackEveryField) {
  const ScratchFolder folder("partition");
  const auto documents = test::sample_documents(500);
  const std::string digest = test::write_sample(folder / "p.h5", documents);

  const PartitionReader reader(folder / "p.h5", Verify::everything);

  EXPECT_EQ(reader.header().content_digest, digest);
  EXPECT_EQ(reader.header().format, "equal-partition");
  EXPECT_EQ(reader.header().made_from, (MadeFrom{{"input", "abc"}}));
  ASSERT_EQ(reader.count(), documents.size());
  for (std::size_t i = 0; i < documents.size(); i += 7) expect_equal(reader.document(i), documents[i]);
  const auto digests = reader.digests(), wholes = reader.whole_text_digests();
  for (std::size_t i = 0; i < documents.size(); ++i) {
    EXPECT_EQ(digests[i], documents[i].digest);
    EXPECT_EQ(wholes[i], documents[i].whole_text_digest);
    EXPECT_EQ(reader.text_size(i), documents[i].text.size());
  }
  EXPECT_THROW(reader.text(documents.size()), InternalError);
}

TEST(Partition, EmptyAndEqualBytes) {
  const ScratchFolder folder("partition_empty");
  test::write_sample(folder / "empty.h5", {});
  const PartitionReader empty(folder / "empty.h5", Verify::everything);
  EXPECT_EQ(empty.count(), 0u);
  EXPECT_EQ(empty.text_bytes(), 0u);
  EXPECT_TRUE(empty.digests().empty());

  const auto documents = test::sample_documents(50);
  const std::string a = test::write_sample(folder / "a.h5", documents);
  const std::string b = test::write_sample(folder / "b.h5", documents);
  EXPECT_EQ(a, b);
  EXPECT_EQ(read_file(folder / "a.h5"), read_file(folder / "b.h5")) << "equal content must give equal bytes";
  auto other = documents;
  other[49].text.back() = static_cast<char>(other[49].text.back() ^ 1);
  EXPECT_NE(test::write_sample(folder / "b.h5", other), a);
}

TEST(Partition, BlocksOfTextAreBoundedAndCoverAll) {
  const ScratchFolder folder("partition_blocks");
  auto documents = test::sample_documents(300);
  documents[17].text = std::string(100000, 'x');  // larger than the limit: comes alone
  test::write_sample(folder / "p.h5", documents);
  const PartitionReader reader(folder / "p.h5");
  TextBlock block;
  std::uint64_t next = 0;
  while (next < reader.count()) {
    reader.read_texts(next, 40, 5000, block);
    ASSERT_GE(block.texts.size(), 1u);
    ASSERT_LE(block.texts.size(), 40u);
    if (block.texts.size() > 1) {
      EXPECT_LE(block.buffer.size(), 5000u);
    }
    for (const std::string_view text : block.texts) EXPECT_EQ(text, documents[next++].text);
  }
  EXPECT_EQ(next, documents.size());
}

TEST(Partition, OneReaderServesManyThreads) {
  const ScratchFolder folder("partition_threads");
  const auto documents = test::sample_documents(400, 2000);
  test::write_sample(folder / "p.h5", documents);
  const PartitionReader reader(folder / "p.h5");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < documents.size(); i += 3) wrong += reader.text(i) != documents[i].text;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Header, SaysWhatAFileIsAndWhatItWasMadeFrom) {
  const ScratchFolder folder("header");
  test::write_sample(folder / "p.h5", test::sample_documents(3));
  const FileHeader header = read_header(folder / "p.h5");
  EXPECT_EQ(header.format, "equal-partition");
  EXPECT_EQ(header.made_from, (MadeFrom{{"input", "abc"}}));
  EXPECT_NE(equal::test::message_of<DataError>([&] { EmbeddingsReader(folder / "p.h5"); }).find("format"),
            std::string::npos);
  EXPECT_NE(equal::test::message_of<DataError>([&] { PartitionReader(folder / "none.h5"); }).find("none.h5"),
            std::string::npos);
}

TEST(Embeddings, StreamedInAndReadByRanges) {
  const ScratchFolder folder("embeddings");
  constexpr std::size_t kRows = 1000, kDim = 96;
  std::vector<half_bits> values(kRows * kDim);
  std::mt19937 random(3);
  for (auto& v : values) v = static_cast<half_bits>(random());
  EmbeddingsWriter writer(folder / "e.h5", kRows, kDim);
  for (std::size_t row = 0; row < kRows; row += 125)
    writer.append(std::span<const half_bits>(values).subspan(row * kDim, 125 * kDim));
  const std::string digest = writer.finish({{"partition", "p"}});

  const EmbeddingsReader reader(folder / "e.h5", Verify::everything);

  EXPECT_EQ(reader.count(), kRows);
  EXPECT_EQ(reader.dim(), kDim);
  EXPECT_EQ(reader.order(), RowOrder::corpus);
  EXPECT_EQ(reader.header().content_digest, digest);
  std::vector<half_bits> some(37 * kDim);
  reader.read(411, some);
  EXPECT_TRUE(std::equal(some.begin(), some.end(), values.begin() + 411 * kDim));
  EXPECT_THROW(reader.read(kRows - 1, some), InternalError);

  std::vector<std::uint32_t> cluster(kRows);
  std::vector<std::uint64_t> keys(kRows);
  for (std::size_t i = 0; i < kRows; ++i)
    cluster[i] = static_cast<std::uint32_t>(random() % 17), keys[i] = random() % 50;
  const Assignment assignment = make_assignment(cluster, keys, 20);
  for (const std::uint64_t memory : {std::uint64_t{1} << 28, std::uint64_t{9999}}) {
    write_cluster_ordered(reader, assignment, {}, folder / "o.h5", memory);
    const EmbeddingsReader ordered(folder / "o.h5", Verify::everything);
    EXPECT_EQ(ordered.order(), RowOrder::cluster);
    std::vector<half_bits> row(kDim);
    for (std::size_t i = 0; i < kRows; ++i) {
      ordered.read(i, row);
      ASSERT_TRUE(std::equal(row.begin(), row.end(), values.begin() + assignment.order[i] * kDim)) << i;
    }
  }
}

TEST(Embeddings, MissingRowsAreRefused) {
  const ScratchFolder folder("embeddings_short");
  {
    EmbeddingsWriter writer(folder / "e.h5", 4, 8);
    const std::vector<half_bits> rows(5 * 8);
    writer.append(std::span(rows).first(3 * 8));
    EXPECT_THROW(writer.append(std::span(rows).first(2 * 8)), InternalError);
    EXPECT_THROW(writer.append(std::span(rows).first(7)), InternalError);
    EXPECT_THROW(writer.finish({}), InternalError);
    EXPECT_FALSE(std::filesystem::exists(folder / "e.h5"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "an unfinished file goes with its writer";
}

TEST(Assignment, OrdersByClusterThenDrawKeyThenIndex) {
  const std::vector<std::uint32_t> cluster{2, 0, 2, 2, 0, 2};
  const std::vector<std::uint64_t> keys{9, 5, 1, 9, 4, 1};
  const Assignment a = make_assignment(cluster, keys, 4);
  EXPECT_EQ(a.order, (std::vector<std::uint32_t>{4, 1, 2, 5, 0, 3}));
  EXPECT_EQ(a.start, (std::vector<std::uint64_t>{0, 2, 2, 6, 6}));
  EXPECT_EQ(a.documents(1).size(), 0u);
  EXPECT_THROW(make_assignment({5}, std::vector<std::uint64_t>{1}, 5), InternalError);

  const ScratchFolder folder("assignment");
  write_assignment(folder / "a.h5", a, {{"clusters", "c"}});
  const AssignmentFile read = read_assignment(folder / "a.h5");
  EXPECT_EQ(read.assignment.cluster, a.cluster);
  EXPECT_EQ(read.assignment.order, a.order);
  EXPECT_EQ(read.assignment.start, a.start);
  Assignment wrong = a;
  std::swap(wrong.order[0], wrong.order[2]);
  EXPECT_THROW(write_assignment(folder / "b.h5", wrong, {}), InternalError);
}

TEST(Clusters, RoundTrip) {
  const ScratchFolder folder("clusters");
  Clusters c;
  c.dim = 3;
  c.centroids = {1, 0, 0, 0, 0.1, -1e-300};
  c.counts = {10, 20};
  c.radius = {0.5, 1.5};
  c.variance = {0.25, 0.125};
  c.objective = {100.0, 50.0, 49.0};
  write_clusters(folder / "plain.h5", c, {});
  EXPECT_EQ(read_clusters(folder / "plain.h5").clusters.neighbour_start, (std::vector<std::uint64_t>{0, 0, 0}));
  c.neighbour_start = {0, 1, 2};
  c.neighbours = {1, 0};
  c.neighbour_distances = {0.3, 0.3};
  write_clusters(folder / "c.h5", c, {{"embeddings", "e"}});
  const ClustersFile read = read_clusters(folder / "c.h5");
  EXPECT_EQ(read.clusters.centroids, c.centroids);
  EXPECT_EQ(read.clusters.counts, c.counts);
  EXPECT_EQ(read.clusters.radius, c.radius);
  EXPECT_EQ(read.clusters.variance, c.variance);
  EXPECT_EQ(read.clusters.objective, c.objective);
  EXPECT_EQ(read.clusters.neighbours, c.neighbours);
  EXPECT_EQ(read.header.made_from.at("embeddings"), "e");
  c.neighbours[0] = 2;
  EXPECT_THROW(write_clusters(folder / "d.h5", c, {}), InternalError);
}

}  // namespace
}  // namespace equal::store
