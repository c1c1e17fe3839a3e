// equal bench: a small run of every stage, twice where a cost has two parts, and what each unit of it took.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>

#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/host.hpp"
#include "equal/base/log.hpp"
#include "equal/job/machine_profile.hpp"
#include "equal/linalg/gemm.hpp"

#include "bench_probes.hpp"
#include "encoders.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

/// CPU seconds of one part of a stage: on rank 0, and of all workers together.
struct Cost {
  double root = 0, workers = 0;
};
using Costs = std::map<std::string, Cost>;

struct Stage {
  Costs parts;
  std::uint64_t peak_rss = 0, base_rss = 0;
};

/// Collective. Runs one stage; its costs count on rank 0.
template <class F>
Stage run_stage(Job& job, const char* name, F&& stage) {
  StageMeter meter(job.comm, job.workspace, name);
  job.meter = &meter;
  stage(job);
  job.meter = nullptr;
  Stage out;
  const auto all = meter.all_ranks(job.comm);
  for (std::size_t r = 0; r < all.size(); ++r) {
    for (const PartUsage& p : all[r].second) {
      Cost& cost = out.parts[p.name];
      if (r == 0) cost.root += p.cpu_seconds;
      if (r > 0 || all.size() == 1) cost.workers += p.cpu_seconds;
    }
    out.peak_rss = std::max(out.peak_rss, all[r].first.peak_rss_bytes);
  }
  return out;
}

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown";
}

Json machine_of(const Job& job, const Sample& sample) {
  const std::uint64_t memory =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  return {{"host", host_name()},
          {"processor", processor()},
          {"cores", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"memory_bytes", memory},
          {"mpi", job.comm.description()},
          {"blas", linalg::blas_description()},
          {"ranks", job.comm.size()},
          {"workers", job.comm.workers()},
          {"threads", job.pool.size()},
          {"sample_documents", sample.documents}};
}

/// The stages on the sample, each with its own settings.
class Bench {
 public:
  Bench(Job& outer, fs::path folder) : outer_(outer), folder_(std::move(folder)), settings_(outer.settings) {
    settings_.workspace = (folder_ / "w").string();
    settings_.inputs = {(folder_ / "a.jsonl.zst").string(), (folder_ / "b.jsonl.zst").string()};
    settings_.append = false;
  }

  template <class F>
  Stage stage(const char* name, F&& f) {
    Job job{outer_.comm, settings_, Workspace(settings_.workspace), outer_.pool, nullptr};
    return run_stage(job, name, f);
  }
  /// Collective.
  void redo(const char* name) {
    outer_.comm.barrier();
    comm::agree(outer_.comm, [&] {
      if (outer_.comm.is_root()) redo_from(workspace(), name);
    });
  }
  Json facts(const char* name) const { return read_stage_record(workspace(), name).facts; }
  Workspace workspace() const { return Workspace(settings_.workspace); }
  settings::Settings& settings() { return settings_; }

 private:
  Job& outer_;
  fs::path folder_;
  settings::Settings settings_;
};

/// The table's fit on two sample sizes: what a document costs, and what a word of the table costs each rank.
void measure_fit(Bench& bench, const Job& job, MachineProfile& p) {
  if (job.settings.encoder != "static" || job.settings.encoder_table != "lsa") {
    for (const char* name :
         {"embed.fit_document", "embed.fit_word", "embed.words", "embed.words_at", "embed.words_growth"})
      p.set(name, 0, "", "this encoder is not fitted");
    return;
  }
  struct Point {
    double documents, features, cost;
  };
  std::vector<Point> points;
  const std::uint64_t full =
      std::min<std::uint64_t>(bench.settings().encoder_fit_sample, bench.facts("ingest").at("documents"));
  for (const std::uint64_t documents : {full / 8, full}) {
    bench.settings().encoder_fit_sample = documents;
    bench.redo("embed");
    const Stage fit = bench.stage("fit", [&](Job& j) {
      const auto encoder = make_encoder(j, shared_catalog(j));
      end_part(j, "fit");
      if (job.comm.is_root()) {
        // "static table, ... lsa of N documents, F words, ..."
        const std::string text = encoder->description();
        const auto at = text.find(" documents, ");
        points.push_back(
            {static_cast<double>(documents), at == std::string::npos ? 0 : std::atof(text.c_str() + at + 12), 0});
      }
    });
    if (job.comm.is_root()) points.back().cost = fit.parts.at("fit").workers;
  }
  if (!job.comm.is_root()) return;
  const auto workers = static_cast<double>(job.comm.workers());
  // cost = a documents + b workers features: documents are shared out, words are every rank's.
  const Point &x = points[0], &y = points[1];
  const double det = x.documents * y.features - y.documents * x.features;
  double b = det != 0 ? (x.documents * y.cost - y.documents * x.cost) / (det * workers) : 0;
  b = std::clamp(b, 0.0, std::max(0.0, y.features > 0 ? y.cost / (workers * y.features) : 0.0));
  const double a = std::max(0.0, (y.cost - b * workers * y.features) / y.documents);
  const std::string origin = format("fit of the table on {:.0f} and {:.0f} documents, {:.0f} and {:.0f} words",
                                    x.documents, y.documents, x.features, y.features);
  p.set("embed.fit_document", a, "s", origin);
  p.set("embed.fit_word", b, "s a rank", origin);
  p.set("embed.words", y.features, "words", "kept by the larger fit");
  p.set("embed.words_at", y.documents, "documents", "of the larger fit");
  p.set("embed.words_growth",
        x.features > 0 ? std::log(y.features / x.features) / std::log(y.documents / x.documents) : 0, "exponent",
        origin);
}

void measure_cluster(Bench& bench, const Job& job, MachineProfile& p) {
  struct Point {
    double k, fit_row, assign_row, write_row;
  };
  std::vector<Point> points;
  // With as many rows a cluster as the run will have: bounds save more where clusters are fine.
  const auto n_sample = bench.facts("ingest").at("documents").get<std::uint64_t>();
  const std::uint64_t most =
      std::max<std::uint64_t>(8, n_sample / std::max<std::uint64_t>(1, bench.settings().cluster_fit_sample));
  for (const std::uint64_t k : {most / 4, most}) {
    bench.settings().cluster_k = k;
    bench.redo("cluster");
    const Stage s = bench.stage("cluster", &cluster_stage);
    if (!job.comm.is_root()) continue;
    const double n = bench.facts("ingest").at("documents").get<double>();
    const double per_cluster =
        bench.settings().cluster_fit_sample == 0 ? 1e18 : static_cast<double>(bench.settings().cluster_fit_sample);
    const double rows = std::min(n, per_cluster * static_cast<double>(k)),
                 iterations = bench.facts("cluster").at("iterations").get<double>();
    points.push_back({static_cast<double>(k), s.parts.at("fit").workers / (rows * iterations),
                      s.parts.at("assign").workers / n, s.parts.at("write").workers / n});
  }
  if (!job.comm.is_root()) return;
  const Point &x = points[0], &y = points[1];
  const std::string origin = format("cluster with k = {} and {}", x.k, y.k);
  const double fit_slope = std::max(0.0, (y.fit_row - x.fit_row) / (y.k - x.k));
  p.set("cluster.fit_row_k", fit_slope, "s an iteration and cluster", origin);
  p.set("cluster.fit_row", std::max(0.0, y.fit_row - fit_slope * y.k), "s an iteration", origin);
  const double slope = std::max(0.0, (y.assign_row - x.assign_row) / (y.k - x.k));
  p.set("cluster.assign_row_k", slope, "s a cluster", origin);
  p.set("cluster.assign_row", std::max(0.0, y.assign_row - slope * y.k), "s", origin);
  p.set("cluster.write_row", y.write_row, "s", origin);
}

void measure_extract(Bench& bench, const Job& job, MachineProfile& p) {
  struct Point {
    double rounds, documents, root, workers, set_up_root, set_up_workers;
  };
  std::vector<Point> points;
  if (bench.settings().extractor != "replay")
    bench.settings().extractor = "pattern";  // whoever waits for a model costs no CPU
  double pairs = 0;
  // Rounds grow with the documents asked, to 512 of them: the second run gets there.
  const auto n = std::clamp<std::uint64_t>(bench.facts("ingest").at("documents"), 20000, 250000);
  for (const std::uint64_t documents : {n / 200, n / 25}) {
    bench.settings().budget_documents = std::to_string(documents);
    bench.redo("extract");
    if (job.comm.is_root()) fs::remove_all(bench.workspace().journal());
    const Stage s = bench.stage("extract", [](Job& j) { extract_stage(j); });
    if (!job.comm.is_root()) continue;
    const Json facts = bench.facts("extract");
    points.push_back({facts.at("rounds").get<double>(), facts.at("asked").get<double>(), s.parts.at("rounds").root,
                      s.parts.at("rounds").workers, s.parts.at("set_up").root, s.parts.at("set_up").workers});
    pairs = facts.at("pairs").get<double>();
  }
  const Stage s = bench.stage("export", [](Job& j) { export_stage(j); });
  if (!job.comm.is_root()) return;
  const double kept = bench.facts("ingest").at("documents").get<double>();
  const Point &x = points[0], &y = points[1];
  const auto split = [&](double cx, double cy) {
    const double det = x.rounds * y.documents - y.rounds * x.documents;
    double per_document = det != 0 ? (x.rounds * cy - y.rounds * cx) / det : 0;
    per_document = std::clamp(per_document, 0.0, cy / y.documents);
    return std::pair(std::max(0.0, (cy - per_document * y.documents) / y.rounds), per_document);
  };
  const std::string origin = format("extract with {}: {:.0f} and {:.0f} documents in {:.0f} and {:.0f} rounds",
                                    bench.settings().policy, x.documents, y.documents, x.rounds, y.rounds);
  const auto [round_root, document_root] = split(x.root, y.root);
  const auto [round_workers, document_workers] = split(x.workers, y.workers);
  const bool alone = job.comm.size() == 1;  // rank 0 is then the worker too: its time is counted once
  // Rank 0 holds no documents: what it needs for the set-up (table, clusters, guide) each worker needs too.
  const double set_up = alone ? 0 : y.set_up_root;
  p.set("extract.set_up", set_up, "s a rank", origin);
  p.set("extract.set_up_document",
        std::max(0.0, y.set_up_workers - set_up * static_cast<double>(job.comm.workers())) / kept, "s", origin);
  p.set("extract.round_root", alone ? 0 : round_root, "s", origin);
  p.set("extract.document_root", alone ? 0 : document_root, "s", origin);
  p.set("extract.round_row", round_workers / std::min(kept, 262144.0), "s a document that competes", origin);
  p.set("extract.document_worker", document_workers, "s", origin);
  p.set("extract.pairs", pairs / y.documents, "pairs a document", origin);
  double seconds = 0;
  for (const auto& [name, cost] : s.parts) seconds += std::max(cost.root, cost.workers);
  p.set("export.pair", seconds / std::max(1.0, pairs), "s", format("export of {:.0f} pairs", pairs));
}

}  // namespace

MachineProfile measure_machine(Job& job, const fs::path& scratch) {
  const auto start = std::chrono::steady_clock::now();
  if (job.settings.inputs.empty() || job.settings.reference.empty())
    throw UsageError(
        "a measurement needs --inputs and --reference.files: documents and pairs of the corpus that is planned for");
  const fs::path folder = scratch / "equal-bench";
  Sample sample;
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    fs::remove_all(folder);
    fs::create_directories(folder / "w");
    sample = write_sample(job.settings, folder);
  });
  sample = comm::broadcast(job.comm, sample);
  Bench bench(job, folder);
  MachineProfile p;
  const double input = static_cast<double>(sample.input_bytes), documents = static_cast<double>(sample.documents);

  Stage idle = run_stage(job, "idle", [](Job&) {});
  const Stage ingest = bench.stage("ingest", &ingest_stage);
  if (job.comm.is_root()) log::info("bench: ingest measured after {}", human_seconds(elapsed_seconds(start)));
  measure_fit(bench, job, p);
  if (job.comm.is_root()) log::info("bench: the table's fit measured after {}", human_seconds(elapsed_seconds(start)));
  const Stage embed = bench.stage("embed", &embed_stage);
  measure_cluster(bench, job, p);
  if (job.comm.is_root()) log::info("bench: cluster measured after {}", human_seconds(elapsed_seconds(start)));
  measure_extract(bench, job, p);
  const double reduce = job.comm.size() > 1 ? reduce_rate(job.comm) : 0;
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    const Json facts = bench.facts("ingest");
    const double kept = facts.at("documents").get<double>(), text = facts.at("text_bytes").get<double>();
    const std::string origin = format("ingest of {} documents", sample.documents);
    p.machine = machine_of(job, sample);
    p.machine["seconds"] = elapsed_seconds(start);
    p.set("corpus.input_bytes", input / documents, "bytes a document", "the sample, JSON lines");
    p.set("corpus.kept", kept / documents, "share", "the sample, after duplicates were dropped and long documents cut");
    p.set("corpus.text_bytes", text / kept, "bytes a document", "the sample");
    p.set("corpus.id_bytes", static_cast<double>(sample.id_bytes) / documents, "bytes a document", "the sample");
    p.set("corpus.pair_bytes", static_cast<double>(sample.pair_bytes) / documents, "bytes a document", "the sample");
    p.set("ingest.read_byte", ingest.parts.at("read").workers / input, "s", origin);
    p.set("ingest.duplicates_document", ingest.parts.at("duplicates").workers / documents, "s", origin);
    p.set("ingest.write_byte", ingest.parts.at("write").workers / input, "s", origin);
    p.set("embed.encode_byte", embed.parts.at("encode").workers / text, "s", format("embed of {:.0f} documents", kept));
    p.set("memory.base", static_cast<double>(idle.peak_rss), "bytes a rank", "a rank before its first stage");
    p.set("memory.node", p.machine.at("memory_bytes").get<double>(), "bytes", "the system");
    p.set("machine.cores", static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN)), "cores", "the system");
    p.set("disk.write", disk_rate(folder), "bytes a second", "256 MiB written and synced by one process");
    p.set("disk.sync", sync_seconds(folder), "s", "mean of 20 small records, each written and synced");
    p.set("network.reduce", reduce, "bytes a second",
          format("all-reduce of 32 MiB over {} ranks here", job.comm.size()));
    fs::remove_all(folder);
    log::info("bench: done after {}", human_seconds(elapsed_seconds(start)));
  });
  return p;
}

}  // namespace equal::job
