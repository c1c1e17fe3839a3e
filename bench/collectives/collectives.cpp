// bench_collectives [REPEATS]: one update step of k-means over the ranks of this job, every cluster changed by every
// rank; under mpirun. Rank 0 prints one JSON line: seconds of the median step by number of clusters and way: "tree",
// the sums as one Communicator::sum; "ranks", cluster::CentroidUpdate as if each rank had a host of its own; "hosts",
// as it is. "equal": all three ways gave the same centroids.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "equal/base/host.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/linalg/float16.hpp"

#include "update.hpp"

namespace {

using namespace equal;
constexpr std::size_t kDim = 256;

double median_seconds(comm::Communicator& comm, int repeats, const std::function<void()>& prepare,
                      const std::function<void()>& call) {
  std::vector<double> seconds;
  for (int i = 0; i < repeats + 1; ++i) {
    prepare();
    comm.barrier();
    const auto start = std::chrono::steady_clock::now();
    call();
    comm.barrier();
    if (i > 0) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

/// This rank's row for cluster j.
std::vector<linalg::float16> row_of(int rank, std::size_t j) {
  std::vector<float> x(kDim);
  for (std::size_t i = 0; i < kDim; ++i) {
    const std::uint64_t bits = mix64((static_cast<std::uint64_t>(rank) << 40U) + j * kDim + i);
    x[i] = static_cast<float>(static_cast<double>(bits >> 40U) * 0x1p-28 - 0x1p-5);
  }
  std::vector<linalg::float16> out(kDim);
  linalg::to_float16(x, out);
  return out;
}

struct Step {
  double seconds = 0;
  linalg::Matrix<float> centroids;
};

Step by_update(comm::Communicator& comm, int repeats, std::size_t k, const std::string& host) {
  ThreadPool pool(1);
  cluster::CentroidUpdate update(comm, 1, k, kDim, host);
  cluster::Centroids current(k, kDim), next(k, kDim);
  const auto change = [&] {
    for (std::size_t j = 0; j < k; ++j)
      update.changes().add(static_cast<std::uint32_t>(j), row_of(comm.rank(), j).data(), 1);
  };
  Step out;
  out.seconds = median_seconds(comm, repeats, change, [&] {
    update.hand_over({});
    update.renew(pool, current, next, {});
  });
  out.centroids = next.values;
  return out;
}

/// The same sums by one Communicator::sum, and every rank divides for itself.
Step by_tree(comm::Communicator& comm, int repeats, std::size_t k) {
  std::vector<std::int64_t> sums;
  Step out;
  out.centroids = linalg::Matrix<float>(k, kDim);
  out.seconds = median_seconds(
      comm, repeats,
      [&] {
        sums.assign(k * (kDim + 1), 1);
        for (std::size_t j = 0; j < k; ++j) {
          std::vector<float> x(kDim);
          linalg::to_float32(row_of(comm.rank(), j), x);
          for (std::size_t i = 0; i < kDim; ++i) sums[j * (kDim + 1) + i] = static_cast<std::int64_t>(x[i] * 0x1p24F);
        }
      },
      [&] {
        comm.sum(std::span(sums));
        for (std::size_t j = 0; j < k; ++j) {
          const std::int64_t* sum = sums.data() + j * (kDim + 1);
          for (std::size_t i = 0; i < kDim; ++i)
            out.centroids(j, i) = static_cast<float>(cluster::rounded_mean(sum[i], sum[kDim])) * 0x1p-24F;
        }
      });
  return out;
}

int run(comm::Communicator& comm, int repeats) {
  log::configure("warn", comm.rank(), comm.size());
  Json tables = Json::array();
  std::uint64_t same = 1;
  for (const std::size_t k : {176UL, 1024UL, 4096UL, 16384UL}) {
    const Step tree = by_tree(comm, repeats, k);
    const Step ranks = by_update(comm, repeats, k, "rank " + std::to_string(comm.rank()));
    const Step hosts = by_update(comm, repeats, k, host_name());
    const auto equal_values = [](const Step& a, const Step& b) {
      return std::equal(a.centroids.values().begin(), a.centroids.values().end(), b.centroids.values().begin());
    };
    if (!equal_values(tree, ranks) || !equal_values(tree, hosts)) same = 0;
    tables.push_back({{"k", k},
                      {"bytes", k * kDim * 8},
                      {"tree_s", tree.seconds},
                      {"ranks_s", ranks.seconds},
                      {"hosts_s", hosts.seconds}});
  }
  comm.min({&same, 1});
  const auto names = comm.all_gather(host_name());
  if (comm.is_root())
    std::printf("%s\n", dump_json(Json{{"ranks", comm.size()},
                                       {"hosts", comm::HostGroups(names).hosts()},
                                       {"equal", same == 1},
                                       {"tables", tables}})
                            .c_str());
  return same == 1 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const int repeats = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  return comm::with_mpi(argc, argv, [&](comm::Communicator& comm) { return run(comm, repeats); });
}
