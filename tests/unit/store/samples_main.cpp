// usage: store_samples FOLDER     writes one file of each format and expected.json, for formats_test.py.
#include <filesystem>

#include "equal/base/json.hpp"
#include "equal/store/assignment.hpp"
#include "equal/store/clusters.hpp"
#include "equal/store/embeddings.hpp"
#include "equal/store/journal.hpp"

#include "sample.hpp"

int main(int argc, char** argv) {
  using namespace equal;
  using namespace equal::store;
  if (argc != 2) return 1;
  const std::filesystem::path folder = argv[1];
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  Json expected;

  const auto documents = test::sample_documents(30);
  expected["partition_digest"] = test::write_sample(folder / "partition.h5", documents);
  for (const Document& d : documents) {
    Json pairs = Json::array();
    for (const KnownPair& pair : d.pairs) pairs.push_back({{"question", pair.question}, {"answer", pair.answer}});
    expected["documents"].push_back(
        {{"id", d.id}, {"text", d.text}, {"pairs", pairs}, {"source", d.source}, {"digest", d.digest.hex()}});
  }

  EmbeddingsWriter embeddings(folder / "embeddings.h5", 3, 2);
  embeddings.append(std::vector<half_bits>{0x3c00, 0xb800, 0x0001, 0x0000, 0x3555, 0x7bff});
  embeddings.finish({});
  expected["vectors"] = {{1.0, -0.5}, {1.0 / 16777216, 0.0}, {0.333251953125, 65504.0}};

  write_assignment(folder / "assignment.h5", make_assignment({1, 0, 1, 1}, std::vector<std::uint64_t>{5, 4, 3, 9}, 3),
                   {});
  expected["members"] = {{1}, {2, 0, 3}, Json::array()};

  Clusters clusters;
  clusters.dim = 2;
  clusters.centroids = {0.1, 0.2, 0.3, 0.4};
  clusters.counts = {7, 8};
  clusters.radius = clusters.variance = {1.0, 2.0};
  write_clusters(folder / "clusters.h5", clusters, {});
  expected["centroids"] = {{0.1, 0.2}, {0.3, 0.4}};
  expected["counts"] = {7, 8};

  JournalWriter journal(folder / "journal", 0, 0);
  for (int i = 0; i < 3; ++i) {
    expected["records"].push_back({{"number", i}, {"text", "ü\n"}});
    journal.append(dump_json(expected["records"].back()));
  }
  journal.sync();
  write_file_atomically(folder / "expected.json", dump_json(expected));
  return 0;
}
