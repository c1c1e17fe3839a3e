// The constants of equal bench, stage by stage: run twice where a cost has two parts.
#include <algorithm>
#include <cmath>

#include "equal/base/log.hpp"

#include "bench_runs.hpp"
#include "encoders.hpp"
#include "warmup.hpp"

namespace equal::job {
namespace fs = std::filesystem;

/// The table's fit on two sample sizes: what a document costs, and what a word of the table.
void measure_fit(SampleRuns& runs, const Job& job, MachineProfile& p) {
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
      std::min<std::uint64_t>(runs.settings().encoder_fit_sample, runs.facts("ingest").at("documents"));
  for (const std::uint64_t documents : {full / 8, full}) {
    runs.settings().encoder_fit_sample = documents;
    runs.redo("embed");
    const StageCost fit = runs.stage("fit", [&](Job& j) {
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
  // cost = a documents + b words, both shared out.
  const Point &x = points[0], &y = points[1];
  const double det = x.documents * y.features - y.documents * x.features;
  double b = det != 0 ? (x.documents * y.cost - y.documents * x.cost) / det : 0;
  b = std::clamp(b, 0.0, std::max(0.0, y.features > 0 ? y.cost / y.features : 0.0));
  const double a = std::max(0.0, (y.cost - b * y.features) / y.documents);
  const std::string origin = format("fit of the table on {:.0f} and {:.0f} documents, {:.0f} and {:.0f} words",
                                    x.documents, y.documents, x.features, y.features);
  p.set("embed.fit_document", a, "s", origin);
  p.set("embed.fit_word", b, "s", origin);
  p.set("embed.words", y.features, "words", "kept by the larger fit");
  p.set("embed.words_at", y.documents, "documents", "of the larger fit");
  p.set("embed.words_growth",
        x.features > 0 ? std::log(y.features / x.features) / std::log(y.documents / x.documents) : 0, "exponent",
        origin);
}

void measure_cluster(SampleRuns& runs, const Job& job, MachineProfile& p) {
  struct Point {
    double k, top, rows, iterations, fit, assign_row, neighbours, write_row;
    double fit_row() const { return fit / (rows * iterations); }
  };
  std::vector<Point> points;
  // With as many rows a cluster as the run will have: bounds save more where clusters are fine.
  const double n = runs.documents(), sample = static_cast<double>(runs.settings().cluster_fit_sample);
  const auto most = static_cast<std::uint64_t>(std::max(8.0, std::floor(n / std::max(1.0, sample))));
  const auto sets = static_cast<std::uint64_t>(std::lround(std::sqrt(static_cast<double>(most))));
  for (const auto& [k, top] : {std::pair(most, sets), std::pair(most / 4, std::uint64_t{0}), {most, 0}}) {
    runs.settings().cluster_k = k;
    runs.settings().cluster_top = top;
    runs.settings().cluster_restarts = 1;
    runs.redo("cluster");
    const StageCost s = runs.stage("cluster", &cluster_stage);
    if (!job.comm.is_root()) continue;
    const double rows = sample > 0 ? std::min(n, sample * static_cast<double>(k)) : n;
    points.push_back({static_cast<double>(k), static_cast<double>(top), rows,
                      runs.facts("cluster").at("iterations").get<double>(), s.parts.at("fit").workers,
                      s.parts.at("assign").workers / n, s.parts.at("neighbours").root,
                      s.parts.at("write").workers / n});
  }
  if (!job.comm.is_root()) return;
  const Point &two = points[0], &x = points[1], &y = points[2];
  const std::string origin = format("cluster with k = {} and {}", x.k, y.k);
  const double fit_slope = std::max(0.0, (y.fit_row() - x.fit_row()) / (y.k - x.k));
  const double fit_row = std::max(0.0, y.fit_row() - fit_slope * y.k);
  p.set("cluster.fit_row_k", fit_slope, "s an iteration and cluster", origin);
  p.set("cluster.fit_row", fit_row, "s an iteration", origin);
  const double slope = std::max(0.0, (y.assign_row - x.assign_row) / (y.k - x.k));
  const double assign_row = std::max(0.0, y.assign_row - slope * y.k);
  p.set("cluster.assign_row_k", slope, "s a cluster", origin);
  p.set("cluster.assign_row", assign_row, "s", origin);
  p.set("cluster.pair", std::max(0.0, (y.neighbours - x.neighbours) / (y.k * y.k - x.k * x.k)),
        "s two clusters, a rank", origin);
  p.set("cluster.write_row", y.write_row, "s", origin);
  const double leaves = two.k / two.top;
  const double by_one_level = two.rows * (2 * fit_row + fit_slope * (two.top + leaves)) *
                              static_cast<double>(runs.settings().cluster_max_iterations);
  const std::string levels = format("cluster with k = {} in {} sets", two.k, two.top);
  p.set("cluster.levels", by_one_level > 0 ? two.fit / by_one_level : 1, "times", levels + ", over two fits");
  p.set("cluster.assign_row_leaf", std::max(0.0, two.assign_row - assign_row - slope * two.top) / leaves,
        "s a cluster of a set", levels);
}

void measure_extract(SampleRuns& runs, const Job& job, MachineProfile& p) {
  struct Point {
    double rounds, documents, root, workers, set_up_root, set_up_workers;
  };
  std::vector<Point> points;
  if (runs.settings().extractor != "replay")
    runs.settings().extractor = "pattern";  // whoever waits for a model costs no CPU
  double pairs = 0;
  // Rounds grow with the documents asked, to 512 of them: the second run gets there.
  const auto n = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(runs.documents()), 20000, 250000);
  for (const std::uint64_t documents : {n / 200, n / 25}) {
    runs.settings().budget_documents = std::to_string(documents);
    runs.redo("extract");
    if (job.comm.is_root()) fs::remove_all(runs.workspace().journal());
    const StageCost s = runs.stage("extract", [](Job& j) { extract_stage(j); });
    if (!job.comm.is_root()) continue;
    const Json facts = runs.facts("extract");
    points.push_back({facts.at("rounds").get<double>(), facts.at("asked").get<double>(), s.parts.at("rounds").root,
                      s.parts.at("rounds").workers, s.parts.at("set_up").root, s.parts.at("set_up").workers});
    pairs = facts.at("pairs").get<double>();
  }
  const StageCost s = runs.stage("export", [](Job& j) { export_stage(j); });
  if (!job.comm.is_root()) return;
  const double kept = runs.documents();
  const Point &x = points[0], &y = points[1];
  const auto split = [&](double cx, double cy) {
    const double det = x.rounds * y.documents - y.rounds * x.documents;
    double per_document = det != 0 ? (x.rounds * cy - y.rounds * cx) / det : 0;
    per_document = std::clamp(per_document, 0.0, cy / y.documents);
    return std::pair(std::max(0.0, (cy - per_document * y.documents) / y.rounds), per_document);
  };
  const std::string origin = format("extract with {}: {:.0f} and {:.0f} documents in {:.0f} and {:.0f} rounds",
                                    runs.settings().policy, x.documents, y.documents, x.rounds, y.rounds);
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

void measure_warmup(SampleRuns& runs, const Job& job, MachineProfile& p) {
  settings::Settings& s = runs.settings();
  const bool slow = s.encoder == "bert";  // a second a document and pass
  const std::uint64_t documents = slow ? 64 : 600, passes = slow ? 1 : 10;
  s.warmup_max_documents = documents, s.warmup_per_cluster = documents;
  s.warmup_min_documents = 4, s.warmup_budget_share = 1;
  s.warmup_epochs = passes, s.warmup_patience = 0;
  Json facts;
  const StageCost cost = runs.stage("warmup", [&](Job& j) { facts = align_encoder(j).facts; });
  if (!job.comm.is_root()) return;
  if (!facts.contains("steps")) {
    log::warn("bench: the warm-up is not measured: {}", facts.value("reason", std::string()));
    return;
  }
  const double trained = facts.at("examples").get<double>() - facts.at("held_out").get<double>();
  const PartCost& train = cost.parts.at("train");
  const double all = job.comm.size() > 1 ? train.root + train.workers : train.workers;
  p.set("warmup.document", all / (trained * static_cast<double>(passes)), "s a pass",
        format("warm-up: {} passes over {:.0f} documents, {:.0f} more held out", passes, trained,
               facts.at("held_out").get<double>()));
}

}  // namespace equal::job
