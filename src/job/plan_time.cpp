#include "plan_time.hpp"

#include <algorithm>
#include <cmath>

#include "warmup.hpp"

namespace equal::job {
namespace {

using settings::Settings;

// How the program works: see SharedDocuments, Pooled, Coordinator, embed and LsaDirections.
constexpr double kOpenDocuments = 262144;
constexpr double kWaitSeconds = 0.001;  // a polite wait
constexpr double kWaitsARound = 3;      // facts of candidates, embeddings of the chosen, answers
constexpr double kSyncsARound = 2;      // journal of the slowest worker, rounds.jsonl
constexpr double kGrainsMost = 1e6;
constexpr double kSegmentsAPartition = 16;                // that embed hands out
constexpr double kOversample = 16, kMultiplications = 4;  // LsaParams: oversample, power_iterations + 1
constexpr double kSumBytes = 8, kValueBytes = 4;          // of a value of a direction: to its owner, and back
// Single documents are read and checked by blocks of 64 KiB: text, pairs and id where they are asked; of columns beside
// these (bytes a document) where they are exported.
constexpr double kBlockBytes = 65536, kBlocksAsked = 3, kProvenanceBytes = 48;
constexpr double kColumnBytes = 16 + 8 + 8;  // extract: digest, offset of the text, place among the arms

/// Largest share of `grains` equal pieces that one of `workers` gets.
double largest_share(double grains, double workers) {
  grains = std::clamp(grains, 1.0, kGrainsMost);
  return std::ceil(grains / workers) / grains;
}

/// What the stages have in common.
struct Times {
  const Settings& s;
  const MachineProfile& c;
  Plan& p;
  double n, w, dim, k, share, write_rate, read_rate;

  Times(const Settings& settings, const MachineProfile& profile, Plan& plan)
      : s(settings),
        c(profile),
        p(plan),
        n(plan.documents),
        w(plan.workers),
        dim(static_cast<double>(settings.encoder_dim)),
        k(plan.clusters),
        share(largest_share(plan.partitions, plan.workers)),
        write_rate(settings.plan_disk_rate > 0 ? settings.plan_disk_rate : profile["disk.write"]),
        read_rate(settings.plan_disk_rate > 0 ? settings.plan_disk_rate : profile["disk.read"]) {}

  /// Seconds of collectives that move `bytes` from, and to, each rank.
  double reduce_seconds(double bytes) const {
    if (p.ranks <= 1) return 0;
    if (p.nodes <= 1) return c["network.reduce"] > 0 ? bytes / c["network.reduce"] : 0;
    return 2 * bytes / s.plan_network_rate;  // a ring sends everything twice
  }
  double bytes_of(const char* what) const {
    double bytes = 0;
    for (const PlannedFiles& f : p.files) bytes += f.what.rfind(what, 0) == 0 ? f.bytes : 0.0;
    return bytes;
  }
  /// Bytes of all ranks together.
  struct Disk {
    double read, written;
  };
  void add(const char* name, double compute, const Disk& disk, double message_bytes, double waiting, double model) {
    add(name, compute, disk, message_bytes, waiting, model, w);
  }
  void add(const char* name, double compute, const Disk& disk, double message_bytes, double waiting, double model,
           double ranks) {
    PlannedStage stage;
    stage.stage = name;
    stage.compute_seconds = compute;
    stage.disk_seconds = disk.read / read_rate + disk.written / write_rate;
    stage.message_seconds = reduce_seconds(message_bytes) + waiting;
    stage.model_seconds = model;
    stage.message_bytes = message_bytes;
    stage.seconds = std::max(stage.disk_seconds, compute + stage.disk_seconds / ranks) + stage.message_seconds + model;
    p.stages.push_back(std::move(stage));
  }

  double encode_seconds() const {
    const double segments = largest_share(kSegmentsAPartition * p.partitions, w);
    return c["embed.encode_byte"] * p.text_bytes * segments / p.threads;
  }
  double vector_bytes() const { return bytes_of("gen-0/embeddings"); }
  double cluster_bytes() const { return bytes_of("gen-0/by_cluster") + bytes_of("gen-0/assignment"); }
  double cluster_seconds() const;
  double cluster_messages() const;
  double wait_seconds() const { return p.ranks > 1 ? kWaitSeconds : 0; }
  double model_seconds(double documents) const {
    if (s.extractor != "chat") return 0;
    const double slots =
        std::max(1.0, static_cast<double>(s.chat_slots) * std::max(1.0, static_cast<double>(s.chat_endpoints.size())));
    return p.calls * documents / p.asked * s.plan_call_seconds / slots;
  }
  double top() const { return std::min(static_cast<double>(s.cluster_top), k); }
  /// Of k-means, all fits together.
  double iterations_at_most() const { return static_cast<double>(s.cluster_max_iterations * s.cluster_restarts); }
  void ingest();
  void embed();
  void cluster();
  void warmup();
  void extract();
};

void Times::ingest() {
  const double read_share = largest_share(s.plan_files > 0 ? static_cast<double>(s.plan_files) : p.partitions, w);
  add("ingest",
      c["ingest.read_byte"] * p.input_bytes * read_share / p.threads + c["ingest.write_byte"] * p.input_bytes * share +
          c["ingest.duplicates_document"] * p.rows / w,
      {bytes_of("staging"), bytes_of("corpus")}, p.rows / w * 2 * 24 * 2, 0, 0);
}

void Times::embed() {
  double fit = 0, fit_bytes = 0;
  if (fits_table(s)) {
    const double sample = std::min(n, static_cast<double>(s.encoder_fit_sample));
    fit = (c["embed.fit_document"] * sample + c["embed.fit_word"] * p.words) / w / p.threads;
    fit_bytes = kMultiplications * p.words * (dim + kOversample) * (kSumBytes + kValueBytes) * (w - 1) / w;
  }
  add("embed", fit + encode_seconds(), {p.text_bytes, vector_bytes()}, fit_bytes, 0, 0);
}

double Times::cluster_seconds() const {
  const double per_cluster = s.cluster_fit_sample == 0 ? 1e18 : static_cast<double>(s.cluster_fit_sample);
  const double fit_rows = std::min(n, per_cluster * k), iterations = iterations_at_most();
  double fit_row = c["cluster.fit_row"] + c["cluster.fit_row_k"] * k;
  double assign_row = c["cluster.assign_row"] + c["cluster.assign_row_k"] * k;
  if (top() > 0) {
    const double leaves = k / top();
    fit_row = c["cluster.levels"] * (2 * c["cluster.fit_row"] + c["cluster.fit_row_k"] * (top() + leaves));
    assign_row = c["cluster.assign_row"] + c["cluster.assign_row_k"] * top() + c["cluster.assign_row_leaf"] * leaves;
  }
  return fit_rows * fit_row * iterations / w / p.threads + c["cluster.pair"] * k * k / p.threads +
         n * share * (assign_row / p.threads + c["cluster.write_row"]);
}

/// The table of the centroids in each iteration; of two levels first the sets, then all that are in them.
double Times::cluster_messages() const { return (iterations_at_most() + 3) * (top() > 0 ? k + top() : k) * dim * 8; }

void Times::cluster() {
  // Each set of two levels is a fit of its own: a wait in each of its iterations.
  const double waits = top() > 0 ? iterations_at_most() * (top() + 1) : 0;
  add("cluster", cluster_seconds(), {vector_bytes(), cluster_bytes()}, cluster_messages(), waits * wait_seconds(), 0);
}

void Times::warmup() {
  const auto passes = static_cast<double>(passes_at_most(s));
  const double trained = p.warmup_asked * (1 - s.warmup_held_out);
  const double steps = passes * std::ceil(trained / static_cast<double>(s.warmup_batch));
  const double asking = c["extract.set_up"] + p.warmup_asked * c["extract.document_worker"] / w;
  const double training = passes * trained * c["warmup.document"] / p.ranks / p.threads;
  add("warmup", asking + training + encode_seconds() + cluster_seconds(),
      {p.text_bytes + vector_bytes(), bytes_of("gen-1/")}, steps * dim * dim * 4 + cluster_messages(),
      steps * wait_seconds(), model_seconds(p.warmup_asked));
}

void Times::extract() {
  const double asked = p.asked - p.warmup_asked;
  const double blocks = std::min(asked * kBlocksAsked * kBlockBytes, bytes_of("corpus"));
  add("extract",
      c["extract.set_up"] + c["extract.set_up_document"] * n * share / p.threads +
          p.rounds *
              (c["extract.round_root"] + c["extract.round_row"] * (pools(s) ? std::min(n, kOpenDocuments) : 0) / w) +
          p.asked * (c["extract.document_root"] + c["extract.document_worker"] / w),
      {bytes_of("gen-0/by_cluster") + n * kColumnBytes + blocks, bytes_of("journal")}, 0,
      p.rounds * kWaitsARound * wait_seconds() + p.rounds * kSyncsARound * c["disk.sync"] +
          (p.nodes > 1 ? p.rounds * p.round_bytes / s.plan_network_rate : 0),
      model_seconds(asked));
}

}  // namespace

void plan_stages(const Settings& s, const MachineProfile& c, Plan& p) {
  Times times(s, c, p);
  times.ingest();
  times.embed();
  times.cluster();
  if (s.warmup) times.warmup();
  times.extract();
  const double blocks = std::min(p.pairs * kBlockBytes, p.documents * kProvenanceBytes);
  times.add("export", c["export.pair"] * p.pairs, {blocks, times.bytes_of("out")}, 0, 0, 0, 1);  // rank 0 writes
}

}  // namespace equal::job
