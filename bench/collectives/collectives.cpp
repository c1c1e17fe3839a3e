// bench_collectives [REPEATS]: how long sums and gathers of large tables take over the ranks of this job; under mpirun.
// Rank 0 prints one JSON line: seconds of the median call by table (k x dim int64) and way: "tree" as
// Communicator::sum, "hosts" as HostGroups::sum, and whether both gave the same integers.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/comm/host_groups.hpp"

namespace {

using namespace equal;

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

int run(comm::Communicator& comm, int repeats) {
  log::configure("warn", comm.rank(), comm.size());
  const comm::HostGroups groups(comm);
  Json tables = Json::array();
  bool equal_sums = true;
  for (const std::size_t k : {176, 1024, 4096, 16384}) {
    const std::size_t n = k * 257;  // 256 components and a count
    std::vector<std::int64_t> values(n), tree, hosts;
    for (std::size_t i = 0; i < n; ++i)
      values[i] = static_cast<std::int64_t>(mix64(i + static_cast<std::size_t>(comm.rank()) * n) >> 24U);
    const double by_tree = median_seconds(
        comm, repeats, [&] { tree = values; }, [&] { comm.sum(std::span(tree)); });
    const double by_hosts = median_seconds(
        comm, repeats, [&] { hosts = values; }, [&] { groups.sum(comm, std::span(hosts)); });
    equal_sums = equal_sums && tree == hosts;
    const std::string mine(n * 4 / static_cast<std::size_t>(comm.size()), 'x');
    const double flat = median_seconds(
        comm, repeats, [] {}, [&] { comm.all_gather(mine); });
    const double grouped = median_seconds(
        comm, repeats, [] {}, [&] { groups.all_gather(comm, mine); });
    tables.push_back({{"k", k},
                      {"bytes", n * 8},
                      {"sum_tree_s", by_tree},
                      {"sum_hosts_s", by_hosts},
                      {"gather_bytes", mine.size() * static_cast<std::size_t>(comm.size())},
                      {"gather_flat_s", flat},
                      {"gather_hosts_s", grouped}});
  }
  std::uint64_t same = equal_sums ? 1 : 0;
  comm.min({&same, 1});
  if (comm.is_root())
    std::printf(
        "%s\n",
        dump_json(Json{{"ranks", comm.size()}, {"hosts", groups.hosts()}, {"equal", same == 1}, {"tables", tables}})
            .c_str());
  return same == 1 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const int repeats = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
  return comm::with_mpi(argc, argv, [&](comm::Communicator& comm) { return run(comm, repeats); });
}
