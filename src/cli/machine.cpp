#include "machine.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <map>
#include <set>
#include <string_view>

#include <sched.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/linalg/gemm.hpp"

namespace equal::cli {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "unknown";
}

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

std::uint64_t slurm_tasks() {
  // Inside a step its own count holds; an allocation's script that calls mpirun has only the allocation's.
  for (const char* name : {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}) {
    const char* text = std::getenv(name);
    if (text == nullptr) continue;
    std::uint64_t n = 0;
    const std::string_view view(text);
    if (std::from_chars(view.data(), view.data() + view.size(), n).ec == std::errc{}) return n;
  }
  return 0;
}

}  // namespace

void check_ranks(const comm::Communicator& world, const settings::Settings& settings) {
  const std::uint64_t expected = settings.expect_ranks != 0 ? settings.expect_ranks : slurm_tasks();
  if (expected == 0 || expected == static_cast<std::uint64_t>(world.size())) return;
  throw UsageError(
      format("{} ranks were expected ({}), MPI shows {}; under Slurm start with `srun --mpi=pmix` or `mpirun` built "
             "for Slurm, or set --expect-ranks {} if this is meant",
             expected, settings.expect_ranks != 0 ? "job.expect_ranks" : "SLURM_NTASKS", world.size(), world.size()));
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

std::string version_text() {
  return format("equal {}\nBLAS {}\nCPU features in use here: {}\n", EQUAL_VERSION, linalg::blas_description(),
                cpu_features());
}

}  // namespace equal::cli
