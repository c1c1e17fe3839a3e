#include "equal/job/plan.hpp"

#include <algorithm>
#include <cmath>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/cluster/kmeans.hpp"
#include "equal/extract/chat.hpp"

#include "budget.hpp"
#include "extractors.hpp"
#include "plan_limits.hpp"
#include "plan_memory.hpp"
#include "plan_time.hpp"

namespace equal::job {
namespace {

using settings::Settings;

// What docs/formats.md lays down.
constexpr double kPartitionBytesADocument = 5 * 8 + 4 * 16 + 3 * 8;  // offsets, digests, numbers
constexpr double kChecks = 1.0 + 4.0 / 65536;                        // CRC table of an array
constexpr double kFileBytes = 860, kArrayBytes = 545;  // metadata of an array file, and of each of its arrays
constexpr double kClusterBytes = 3 * 8 + 8 + 10 * 12;  // beside its centroid; about ten neighbours
constexpr double kStagedBytesADocument =
    7 * 8 + 4 * 16 + 3 * 8 + 24 + 32;          // string lengths, digests, places, source, digest list
constexpr double kJournalBytesAnAnswer = 330;  // without its pairs
constexpr double kRoundBytesADocument = 110;   // asked and observed
constexpr double kExportBytesAPair = 420;      // provenance
// How the program asks: see SharedDocuments and Pooled.
constexpr double kOfferedMost = 1024, kRoundMost = 512, kRoundLeast = 10, kRoundGrowth = 0.05;
constexpr double kQuestionsARound = 1;  // rankings and marks together

void plan_corpus(const Settings& s, const MachineProfile& c, Plan& p) {
  if (s.plan_rows == 0 && s.plan_bytes == 0)
    throw UsageError(
        "say how large the corpus is: --plan.rows N documents, or --plan.bytes N bytes of (decompressed) input");
  p.rows =
      s.plan_rows > 0 ? static_cast<double>(s.plan_rows) : static_cast<double>(s.plan_bytes) / c["corpus.input_bytes"];
  p.input_bytes = s.plan_bytes > 0 ? static_cast<double>(s.plan_bytes) : p.rows * c["corpus.input_bytes"];
  // Larger or smaller documents than those of the sample: all of their parts in proportion.
  const double scale = p.input_bytes / p.rows / c["corpus.input_bytes"];
  p.documents = p.rows * c["corpus.kept"];
  p.text_bytes = p.documents * c["corpus.text_bytes"] * scale;
  const double partition = static_cast<double>(s.partition_bytes);
  const double files = std::max(1.0, static_cast<double>(s.plan_files));
  p.partitions = files * std::ceil(p.input_bytes / files / partition);
}

void plan_ranks(const Settings& s, const MachineProfile& c, Plan& p) {
  p.nodes = static_cast<double>(s.plan_nodes);
  p.ranks = p.nodes * static_cast<double>(s.plan_ranks_per_node);
  p.workers = std::max(1.0, p.ranks - 1);
  // As the program does: the cores of a node, shared by the ranks that work there.
  const double working = p.nodes == 1 ? p.workers : static_cast<double>(s.plan_ranks_per_node);
  p.threads = s.threads > 0 ? static_cast<double>(s.threads) : std::max(1.0, std::floor(c["machine.cores"] / working));
  p.memory_limit = s.plan_memory > 0 ? static_cast<double>(s.plan_memory) : c["memory.node"];
}

/// Rounds that the policy needs for `asked` documents, and documents of the largest one. Those of the warm-up are the
/// first.
std::pair<double, double> rounds_of(const Settings& s, const Plan& p) {
  const double first = p.warmup_asked > 0 ? 1 : 0;
  const double most = s.round_documents > 0 ? static_cast<double>(s.round_documents) : 1e18;
  if (pools(s)) {
    double rounds = first, asked = p.warmup_asked, largest = asked;
    while (asked < p.asked) {
      const double size =
          std::min({std::max(kRoundLeast, std::floor(kRoundGrowth * asked)), kRoundMost, most, p.asked - asked});
      largest = std::max(largest, size);
      if (size == std::min(kRoundMost, most)) {  // all further rounds are as large
        const double more = std::ceil((p.asked - asked) / size);
        return {rounds + more, std::max(largest, size)};
      }
      asked += size;
      ++rounds;
    }
    return {rounds, largest};
  }
  double size = p.asked;  // policies that rank or draw name all that the budget allows
  if (s.policy == "released" || s.policy == "paper")
    size = std::max(1.0, std::round(50 * p.clusters / 900)) * static_cast<double>(s.pull_documents);
  size = std::max(1.0, std::min({size, most, p.asked}));
  return {first + std::ceil((p.asked - p.warmup_asked) / size), size};
}

void plan_model(const Settings& s, Plan& p) {
  if (s.extractor != "chat" && s.extractor != "command") return;
  Settings plain = s;
  plain.chat_examples = 0;  // they come from the reference, which need not be there yet
  const extract::PromptingParams params = prompting_params(plain, {});
  const double prompt =
      static_cast<double>(extract::dry_run(params, {}).prompt_tokens) + p.text_bytes / p.documents / 4;
  const double turns = s.chat_refine_prompt.empty() ? 1 : 2;
  p.calls = p.asked * turns;
  p.prompt_tokens = p.calls * prompt;
  p.completion_tokens = p.calls * static_cast<double>(params.answer_tokens) / 2;
  p.money = 1e-6 * (s.price_prompt * p.prompt_tokens + s.price_completion * p.completion_tokens);
}

void plan_extraction(const Settings& s, const MachineProfile& c, Plan& p) {
  p.asked = static_cast<double>(Budget(s, static_cast<std::uint64_t>(std::llround(p.documents))).documents());
  plan_model(s, p);
  // The tightest limit ends the run.
  const auto limit = [&](double most, double needed) {
    if (most <= 0 || needed <= most) return;
    p.asked = std::max(1.0, std::floor(p.asked * most / needed));
    plan_model(s, p);
  };
  limit(static_cast<double>(s.budget_calls), p.calls);
  limit(static_cast<double>(s.budget_tokens), p.prompt_tokens + p.completion_tokens);
  limit(s.budget_money, p.money);
  const double k = p.clusters, dim = static_cast<double>(s.encoder_dim);
  if (s.warmup)
    p.warmup_asked =
        std::min({static_cast<double>(s.warmup_per_cluster) * k, static_cast<double>(s.warmup_max_documents),
                  std::floor(s.warmup_budget_share * p.asked)});
  const auto [rounds, largest] = rounds_of(s, p);
  p.rounds = rounds;
  p.pairs = p.asked * c["extract.pairs"];
  const double candidate = 44 + 4 * dim;
  const double question = 40 + 4 * dim + 12 * k;
  const double offered = pools(s) ? std::min(kOfferedMost, 3 * largest + 48) : largest;
  p.largest_message = std::max({question, offered * candidate, 8 * k});
  p.round_bytes =
      p.workers * (2 * question + 2 * offered * candidate) + largest * (100 + c["extract.pairs"] * (2 * dim + 16));
  p.round_messages = p.workers * 2 * kQuestionsARound + 2 * largest;
}

void plan_files(const Settings& s, const MachineProfile& c, Plan& p) {
  const double n = p.documents, dim = static_cast<double>(s.encoder_dim), k = p.clusters;
  const double scale = p.text_bytes / n / c["corpus.text_bytes"];
  const double ids = n * c["corpus.id_bytes"], pairs = n * c["corpus.pair_bytes"] * scale;
  const auto arrays = [&](double bytes, double number_of_arrays, double files) {
    return bytes * kChecks + files * (kFileBytes + number_of_arrays * kArrayBytes);
  };
  const double vectors = arrays(n * dim * 2, 1, p.partitions);
  const double corpus = arrays(p.text_bytes + ids + pairs + n * kPartitionBytesADocument, 19, p.partitions);
  p.files = {{"staging/ (removed at the end of ingest)", 3 * p.partitions,
              (p.text_bytes + ids + pairs) / c["corpus.kept"] + p.rows * kStagedBytesADocument},
             {"corpus/part-*.h5", p.partitions, corpus},
             {"gen-0/encoder/", fits_table(s) ? 2.0 : 0.0, fits_table(s) ? p.words * (dim * 2 + 4) : 0},
             {"gen-0/embeddings/part-*.h5", p.partitions, vectors},
             {"gen-0/clusters.h5", 1, arrays(k * (dim * 8 + kClusterBytes), 8, 1)},
             {"gen-0/assignment/part-*.h5", p.partitions, arrays(n * 8 + p.partitions * 8 * (k + 1), 3, p.partitions)},
             {"gen-0/by_cluster/part-*.h5", p.partitions, vectors},
             {"journal/", p.workers, p.asked * kJournalBytesAnAnswer + p.pairs * c["corpus.pair_bytes"]},
             {"rounds.jsonl", 1, p.asked * kRoundBytesADocument + p.rounds * 500},
             {"out/", 3, p.pairs * kExportBytesAPair}};
  if (s.warmup) {
    PlannedFiles aligned{"gen-1/ (as gen-0, after the warm-up)", 2, 0};
    for (const PlannedFiles& f : p.files) {
      if (f.what.rfind("gen-0/", 0) == 0) aligned.files += f.files, aligned.bytes += f.bytes;
    }
    p.files.push_back(std::move(aligned));
  }
  double lasting = 0;
  for (std::size_t i = 1; i < p.files.size(); ++i) lasting += p.files[i].bytes;
  p.disk_peak = std::max(lasting, p.files[0].bytes + corpus);
}

}  // namespace

double PlannedPeak::bytes() const {
  double sum = 0;
  for (const PlannedMemory& m : components) sum += m.bytes;
  return sum;
}

double Plan::seconds() const {
  double sum = 0;
  for (const PlannedStage& s : stages) sum += s.seconds;
  return sum;
}

double Plan::largest_rank() const {
  double most = 0;
  for (const PlannedPeak& p : peaks) most = std::max(most, p.bytes());
  return most;
}

Plan multiply_out(const Settings& s, const MachineProfile& c) {
  Plan p;
  plan_corpus(s, c, p);
  plan_ranks(s, c, p);
  const double n = p.documents;
  p.clusters =
      std::clamp(s.cluster_k > 0 ? static_cast<double>(s.cluster_k) : std::min(16384.0, std::round(std::sqrt(n))), 1.0,
                 std::max(1.0, n));
  if (fits_table(s)) {
    const double sample = std::min(n, static_cast<double>(s.encoder_fit_sample));
    p.words =
        std::min(std::exp2(static_cast<double>(s.encoder_feature_bits)),
                 c["embed.words"] * std::pow(sample / std::max(1.0, c["embed.words_at"]), c["embed.words_growth"]));
  }
  plan_extraction(s, c, p);
  plan_files(s, c, p);
  plan_memory(s, c, p);
  plan_stages(s, c, p);
  return p;
}

Plan make_plan(const Settings& s, const MachineProfile& c) {
  Plan p = multiply_out(s, c);
  find_misfits(s, c, p);
  return p;
}

}  // namespace equal::job
