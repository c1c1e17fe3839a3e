// k-means on the vectors of a NumPy file; also under mpirun. Prints one JSON line.
// usage: bench_kmeans VECTORS.npy(float16) --k K [--start START.npy(float32)] [--iterations 20] [--rows N] [--threads
// 2]
//        [--mode auto|dense|bounded] [--kernel auto|blas|onednn|lowprec] [--seeding random|parallel|plusplus] [--memory
//        BYTES]
//        [--sample N] [--top K1: two levels] [--verbose 1] [--assign 0|1]
//    or bench_kmeans --peak 1: int8 products per second of one core
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <numeric>
#include <string>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/cluster/hierarchy.hpp"

#include "npy_source.hpp"

namespace {

using namespace equal;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <class T>
T choose(const std::string& option, const std::string& value, const std::map<std::string, T>& choices) {
  const auto at = choices.find(value);
  if (at == choices.end()) throw UsageError("--" + option + " = " + value + " is not known");
  return at->second;
}

cluster::KMeansParams params_of(std::map<std::string, std::string>& options) {
  const auto get = [&](const std::string& name, const std::string& otherwise) {
    const auto at = options.find(name);
    return at == options.end() ? otherwise : at->second;
  };
  cluster::KMeansParams params;
  params.k = static_cast<std::uint32_t>(std::stoul(get("k", "1000")));
  params.max_iterations = static_cast<std::uint32_t>(std::stoul(get("iterations", "20")));
  params.tolerance_moved = 0;
  params.tolerance_objective = -1;
  params.fit_sample = std::stoull(get("sample", std::to_string(cluster::KMeansParams::kAllRows)));
  params.memory_bytes = std::stoull(get("memory", std::to_string(params.memory_bytes)));
  using cluster::Kernel, cluster::Mode, cluster::Seeding;
  params.mode = choose<Mode>("mode", get("mode", "auto"),
                             {{"auto", Mode::automatic}, {"dense", Mode::dense}, {"bounded", Mode::bounded}});
  params.kernel = choose<Kernel>(
      "kernel", get("kernel", "auto"),
      {{"auto", Kernel::automatic}, {"blas", Kernel::blas}, {"onednn", Kernel::onednn}, {"lowprec", Kernel::lowprec}});
  params.seeding = choose<Seeding>(
      "seeding", get("seeding", "parallel"),
      {{"random", Seeding::random}, {"parallel", Seeding::kmeans_parallel}, {"plusplus", Seeding::kmeans_plus_plus}});
  if (const std::string start = get("start", ""); !start.empty()) {
    const bench::NpyFile file(start, "<f4");
    linalg::Matrix<float> values(file.rows, file.dim);
    file.read(0, std::as_writable_bytes(values.values()));
    params.start = linalg::Matrix<double>(file.rows, file.dim);
    std::copy(values.values().begin(), values.values().end(), params.start.values().begin());
  }
  return params;
}

/// Multiply-adds of bytes per second in registers; 0 without AVX-512 VNNI.
double peak_per_second() {
  double best = 0;
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512vnni")) return 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    constexpr int kRounds = 2'000'000;
    const auto start = Clock::now();
    int round = kRounds;
    asm volatile(
        "1:\n"
        "vpdpbusd %%zmm24, %%zmm25, %%zmm0\n vpdpbusd %%zmm24, %%zmm25, %%zmm1\n vpdpbusd %%zmm24, %%zmm25, %%zmm2\n"
        "vpdpbusd %%zmm24, %%zmm25, %%zmm3\n vpdpbusd %%zmm24, %%zmm25, %%zmm4\n vpdpbusd %%zmm24, %%zmm25, %%zmm5\n"
        "vpdpbusd %%zmm24, %%zmm25, %%zmm6\n vpdpbusd %%zmm24, %%zmm25, %%zmm7\n vpdpbusd %%zmm24, %%zmm25, %%zmm8\n"
        "vpdpbusd %%zmm24, %%zmm25, %%zmm9\n vpdpbusd %%zmm24, %%zmm25, %%zmm10\n vpdpbusd %%zmm24, %%zmm25, %%zmm11\n"
        "dec %0\n jnz 1b\n"
        : "+r"(round)::"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
          "cc");
    best = std::max(best, 12.0 * 64 * kRounds / since(start));
  }
#endif
  return best;
}

/// Collective. All ranks' values of rows, in the order of the file, on rank 0.
std::vector<std::uint32_t> in_file_order(comm::Communicator& comm, const std::vector<std::uint32_t>& local) {
  const auto parts = comm.gather({reinterpret_cast<const char*>(local.data()), local.size() * 4}, 0);
  std::vector<std::uint32_t> out;
  for (int worker = 0; worker < comm.workers() && comm.is_root(); ++worker) {
    const std::string& bytes = parts[static_cast<std::size_t>(comm.worker_rank(worker))];
    for (std::size_t row = 0; row < bytes.size() / 4; ++row) {
      const std::uint64_t at =
          bench::NpySource::number(row, static_cast<std::uint64_t>(worker), static_cast<std::uint64_t>(comm.workers()));
      if (out.size() <= at) out.resize(at + 1);
      std::memcpy(&out[at], bytes.data() + row * 4, 4);
    }
  }
  return out;
}

int run(comm::Communicator& comm, const std::string& path, std::map<std::string, std::string>& options) {
  log::configure(options["verbose"].empty() ? "warn" : "debug", comm.rank(), comm.size());
  const cluster::KMeansParams params = params_of(options);
  const std::size_t threads = options["threads"].empty() ? 2 : std::stoul(options["threads"]);
  bench::NpySource source(path, options["rows"].empty() ? 0 : std::stoull(options["rows"]),
                          comm.worker_index().value_or(0), comm.worker_index() ? comm.workers() : 0);
  ThreadPool pool(threads);
  Json out;
  linalg::Matrix<double> centroids;
  comm.barrier();
  const auto start = Clock::now();
  if (options["top"].empty()) {
    std::vector<double> seconds;
    std::vector<double> phases(4);  // of this rank, all iterations
    centroids = cluster::kmeans(comm, source, params, pool, [&](const cluster::KMeansProgress& progress) {
                  seconds.push_back(progress.seconds);
                  const auto& p = progress.phases;
                  std::transform(phases.begin(), phases.end(), std::begin({p.prepare, p.assign, p.hand_over, p.renew}),
                                 phases.begin(), std::plus<>());
                  return true;
                }).centroids;
    out["wall"] = since(start);  // reading and seeding included
    out["seconds"] = std::accumulate(seconds.begin(), seconds.end(), 0.0);
    out["iterations"] = seconds;
    const auto all = comm.gather({reinterpret_cast<const char*>(phases.data()), phases.size() * sizeof(double)}, 0);
    for (const std::string& bytes : all) {  // (rank): {prepare, assign, hand_over, renew}
      std::memcpy(phases.data(), bytes.data(), bytes.size());
      out["phases"].push_back(phases);
    }
  } else {
    const auto hierarchy =
        cluster::kmeans_hierarchy(comm, source, params, static_cast<std::uint32_t>(std::stoul(options["top"])), pool);
    out["wall"] = since(start);
    out["objective_tree"] = cluster::assign_hierarchy(comm, source, hierarchy, params, pool).stats.objective;
    centroids = hierarchy.leaves;
  }
  if (options["assign"] != "0") {
    const auto assign_start = Clock::now();
    const auto assignment = cluster::assign(comm, source, centroids, params, pool);
    out["assign_seconds"] = since(assign_start);
    out["objective"] = assignment.stats.objective;
    Sha256 sha;
    sha.update(std::as_bytes(centroids.values()));
    sha.update(std::as_bytes(std::span<const std::uint32_t>(in_file_order(comm, assignment.cluster))));
    out["sha256"] = sha.hex();
  }
  if (comm.is_root()) std::printf("%s\n", dump_json(out).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return comm::with_mpi(argc, argv, [&](comm::Communicator& comm) {
      if (argc == 3 && std::string(argv[1]) == "--peak") {
        std::printf("{\"gmac_per_s\":%.1f}\n", peak_per_second() * 1e-9);
        return 0;
      }
      if (argc < 2 || argc % 2 != 0) throw UsageError("usage: bench_kmeans VECTORS.npy --k K [--option value ...]");
      std::map<std::string, std::string> options;
      for (int i = 2; i < argc; i += 2) options[std::string(argv[i]).substr(2)] = argv[i + 1];
      return run(comm, argv[1], options);
    });
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return e.exit_code();
  }
}
