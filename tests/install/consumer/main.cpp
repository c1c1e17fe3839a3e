// A program of somebody else's that uses the installed library: texts -> vectors -> clusters, a transport distance, and
// a partition on disk. Prints what it found.
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <equal/cluster/kmeans.hpp>
#include <equal/comm/communicator.hpp>
#include <equal/encode/static.hpp>
#include <equal/linalg/float16.hpp>
#include <equal/store/partition.hpp>
#include <equal/transport/cost.hpp>
#include <equal/transport/emd.hpp>

namespace {

constexpr std::array<std::string_view, 6> kTexts = {"a list holds items in a row", "the list has items",
                                                    "items of a list in a row",    "whales swim in the deep ocean",
                                                    "the ocean is deep",           "a whale in the deep ocean"};

int run(equal::comm::Communicator& comm) {
  equal::ThreadPool pool(2);
  const auto encoder = equal::encode::make_static_hash({.dim = 64, .seed = 1});
  equal::linalg::Matrix<float> vectors(kTexts.size(), encoder->dim());
  encoder->encode(kTexts, equal::encode::Role::document, vectors.view(), pool);

  // Rank 0 holds all rows; other ranks take part without any.
  std::vector<equal::linalg::float16> rows;
  if (comm.rank() == 0) {
    for (const float v : vectors.values()) rows.push_back(equal::linalg::to_float16(v));
  }
  equal::cluster::MemorySource source(rows, encoder->dim());
  equal::cluster::KMeansParams params;
  params.k = 2;
  const auto clusters = equal::cluster::kmeans(comm, source, params, pool);
  const auto assignment = equal::cluster::assign(comm, source, clusters.centroids, params, pool);

  const auto cost = equal::transport::cost_matrix(vectors.view().slice(0, 3), vectors.view().slice(3, 3),
                                                  equal::transport::CostKind::cosine);
  const double distance = equal::transport::emd(cost.view()).value;
  if (comm.rank() != 0) return 0;

  equal::store::PartitionWriter writer("texts.h5");
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    equal::store::Document document;
    document.id = std::to_string(i);
    document.text = kTexts[i];
    writer.add(document);
  }
  writer.finish({});
  const equal::store::PartitionReader reader("texts.h5");

  std::printf("%s; clusters", comm.description().c_str());
  for (const auto c : assignment.cluster) std::printf(" %u", c);
  std::printf("; distance %.6f; text 3: %s\n", distance, reader.text(3).c_str());
  const auto& a = assignment.cluster;
  const bool right = a[0] == a[1] && a[1] == a[2] && a[3] == a[4] && a[4] == a[5] && a[0] != a[3];
  return right && reader.text(3) == kTexts[3] ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) { return equal::comm::with_mpi(argc, argv, run); }
