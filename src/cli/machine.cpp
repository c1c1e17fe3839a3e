#include "machine.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include <sched.h>
#include <unistd.h>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/host.hpp"
#include "equal/base/log.hpp"
#include "equal/comm/library.hpp"
#include "equal/linalg/gemm.hpp"

namespace equal::cli {
namespace {

/// How many ranks somebody else says there are; 0: nobody does.
struct Expected {
  std::uint64_t ranks = 0;
  const char* by = "";
  bool slurm = false;
};

Expected expected_ranks(const settings::Settings& settings) {
  if (settings.expect_ranks != 0) return {settings.expect_ranks, "job.expect_ranks", false};
  // Inside a step its own count holds; an allocation's script that calls mpirun has only the allocation's. Then what
  // the launchers of Open MPI and MPICH tell each process: a program that was built with another MPI does not listen,
  // and is alone.
  for (const char* name : {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const char* text = std::getenv(name);
    if (text == nullptr) continue;
    std::uint64_t n = 0;
    const std::string_view view(text);
    if (std::from_chars(view.data(), view.data() + view.size(), n).ec == std::errc{}) return {n, name, *name == 'S'};
  }
  return {};
}

/// What a rank may run on, for rank 0.
struct Place {
  std::string host;
  std::vector<std::uint32_t> cores;
  std::uint32_t nodes = 1;  ///< NUMA nodes that these cores belong to
};

std::vector<std::uint32_t> own_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<std::uint32_t> out;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return out;
  for (std::uint32_t c = 0; c < CPU_SETSIZE; ++c) {
    if (CPU_ISSET(c, &set)) out.push_back(c);
  }
  return out;
}

/// NUMA nodes are folders of /sys/devices/system/node; each has a link to its cores.
std::uint32_t numa_nodes(const std::vector<std::uint32_t>& cores) {
  std::error_code error;
  std::uint32_t out = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/devices/system/node", error)) {
    if (entry.path().filename().string().rfind("node", 0) != 0) continue;
    out += std::any_of(cores.begin(), cores.end(), [&](std::uint32_t c) {
      return std::filesystem::exists(entry.path() / ("cpu" + std::to_string(c)), error);
    });
  }
  return std::max<std::uint32_t>(1, out);
}

/// Cores of this host that a job here could have: Slurm's share, or all.
std::size_t cores_of_host() {
  std::size_t n = 0;
  const char* slurm = std::getenv("SLURM_CPUS_ON_NODE");
  const std::string_view text(slurm == nullptr ? "" : slurm);
  if (std::from_chars(text.data(), text.data() + text.size(), n).ec == std::errc{} && n > 0) return n;
  return static_cast<std::size_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

void log_first_line(comm::Communicator& world, std::size_t threads) {
  const auto hosts = world.gather(host_name(), 0);
  const auto features = world.gather(cpu_features(), 0);
  if (!world.is_root()) return;
  log::info("equal {}: {}, {} host{}, {} thread{} a rank, {}, {}", EQUAL_VERSION, world.description(),
            std::set(hosts.begin(), hosts.end()).size(), std::set(hosts.begin(), hosts.end()).size() == 1 ? "" : "s",
            threads, threads == 1 ? "" : "s", linalg::blas_description(), features[0]);
  std::map<std::string, std::string> kinds;
  for (std::size_t r = 0; r < features.size(); ++r) kinds.try_emplace(features[r], hosts[r]);
  if (kinds.size() > 1) {
    std::string text;
    for (const auto& [kind, host] : kinds) text += format("\n  {}: {}", host, kind);
    log::warn(
        "the ranks run on CPUs of different kinds; results may differ in their last bits from a run on one kind:{}",
        text);
  }
}

void log_places(comm::Communicator& world, std::size_t threads) {
  const auto cores = own_cores();
  ByteWriter mine;
  mine.put_string(host_name()).put_span(std::span<const std::uint32_t>(cores)).put(numa_nodes(cores));
  mine.put(static_cast<std::uint64_t>(cores_of_host())).put(static_cast<std::uint64_t>(threads));
  struct Host {
    std::size_t ranks = 0, workers = 0, threads = 0, has = 0;
    std::uint32_t most_nodes = 1;
    std::set<std::uint32_t> cores;  ///< of its workers together
  };
  std::map<std::string, Host> hosts;
  const auto all = world.gather(mine.take(), 0);
  for (std::size_t r = 0; r < all.size(); ++r) {
    ByteReader reader(all[r]);
    Host& host = hosts[std::string(reader.get_string())];
    const auto its_cores = reader.get_vector<std::uint32_t>();
    const auto nodes = reader.get<std::uint32_t>();
    host.has = reader.get<std::uint64_t>();
    ++host.ranks;
    if (r == 0 && all.size() > 1) continue;  // only coordinates
    ++host.workers;
    host.threads += reader.get<std::uint64_t>();
    host.most_nodes = std::max(host.most_nodes, nodes);
    host.cores.insert(its_cores.begin(), its_cores.end());
  }
  for (const auto& [name, host] : hosts) {
    log::info("host {}: {} rank{}, {} of {} cores for work, {} NUMA node{} a rank", name, host.ranks,
              host.ranks == 1 ? "" : "s", host.cores.size(), host.has, host.most_nodes,
              host.most_nodes == 1 ? "" : "s");
    if (host.workers == 0) continue;
    if (host.cores.size() * 2 <= host.has)
      log::warn("host {}: the ranks are bound to {} of {} cores; start mpirun with --bind-to none, or more ranks", name,
                host.cores.size(), host.has);
    if (host.threads > host.cores.size())
      log::warn("host {}: {} threads of {} ranks share {} cores and wait for each other", name, host.threads,
                host.workers, host.cores.size());
    if (host.most_nodes > 1 && host.workers < host.most_nodes)
      log::info(
          "host {}: a rank spans {} NUMA nodes; one rank a node (mpirun --map-by numa --bind-to numa) keeps memory "
          "near",
          name, host.most_nodes);
  }
}

}  // namespace

std::string cpu_features() {
  std::string out;
#if defined(__x86_64__)
  const auto add = [&](bool has, const char* name) {
    if (has) out += (out.empty() ? "" : " ") + std::string(name);
  };
  add(__builtin_cpu_supports("avx2"), "avx2");
  add(__builtin_cpu_supports("fma"), "fma");
  add(__builtin_cpu_supports("avx512f"), "avx512f");
  add(__builtin_cpu_supports("avx512vnni"), "avx512vnni");
  add(__builtin_cpu_supports("avx512bf16"), "avx512bf16");
#endif
  return out.empty() ? "baseline" : out;
}

void check_ranks(const comm::Communicator& world, const settings::Settings& settings) {
  const Expected expected = expected_ranks(settings);
  if (expected.ranks == 0 || expected.ranks == static_cast<std::uint64_t>(world.size())) return;
  const std::string advice = expected.slurm ? "under Slurm start with `srun --mpi=pmix` or `mpirun` built for Slurm"
                                            : "this program has " + comm::mpi_description() +
                                                  ": start it with the mpirun or mpiexec of that MPI";
  throw UsageError(format("{} ranks were expected ({}), MPI shows {}; {}, or set --expect-ranks {} if this is meant",
                          expected.ranks, expected.by, world.size(), advice, world.size()));
}

std::size_t threads_of_rank(comm::Communicator& world, const settings::Settings& settings) {
  const auto hosts = world.all_gather(host_name());
  if (settings.threads != 0) return settings.threads;
  const auto neighbours = std::count(hosts.begin(), hosts.end(), host_name());
  cpu_set_t set;
  CPU_ZERO(&set);
  const std::ptrdiff_t cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  // Rank 0 of several only coordinates while the others work.
  const std::ptrdiff_t workers = world.size() > 1 && hosts[0] == host_name() ? neighbours - 1 : neighbours;
  return static_cast<std::size_t>(std::max<std::ptrdiff_t>(1, cores / std::max<std::ptrdiff_t>(1, workers)));
}

void log_machine(comm::Communicator& world, std::size_t threads) {
  log_first_line(world, threads);
  log_places(world, threads);
}

}  // namespace equal::cli
