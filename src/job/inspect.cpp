#include "equal/job/inspect.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/job/catalog.hpp"
#include "equal/job/status.hpp"
#include "equal/store/assignment.hpp"
#include "equal/store/clusters.hpp"
#include "equal/store/partition.hpp"

#include "answers.hpp"
#include "explain.hpp"
#include "rounds_log.hpp"
#include "run_view.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

std::uint64_t number(const std::string& text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) throw UsageError("'" + text + "' is no number");
  return n;
}

std::string rounds_table(const Workspace& workspace) {
  std::string out =
      format("{:>6} {:>10} {:>6} {:>8} {:>10} {:>12}\n", "round", "documents", "arms", "pairs", "reward", "best arm");
  for (const RoundEvent& e : read_rounds(workspace.rounds())) {
    if (e.kind != RoundEvent::Kind::observed) continue;
    std::map<std::uint32_t, double> arms;
    std::uint64_t pairs = 0;
    double reward = 0;
    for (const auto& d : e.observed) arms[d.arm] += d.reward, pairs += d.pairs, reward += d.reward;
    const auto best =
        std::max_element(arms.begin(), arms.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    out += format("{:>6} {:>10} {:>6} {:>8} {:>10.3f} {:>12}\n", e.round, e.observed.size(), arms.size(), pairs, reward,
                  best == arms.end() ? "-" : std::to_string(best->first));
  }
  return out;
}

std::string one_round(const Workspace& workspace, std::uint64_t round) {
  for (const RoundEvent& e : read_rounds(workspace.rounds())) {
    if (e.kind != RoundEvent::Kind::observed || e.round != round) continue;
    std::string out = format("round {}: {} documents\n{}\n{:>8} {:>12} {:>6} {:>10}  credits\n", round,
                             e.observed.size(), e.facts.dump(2), "arm", "document", "pairs", "reward");
    for (const auto& d : e.observed) {
      std::string credits;
      for (const double c : d.credits) credits += c < 0 ? " dup" : format(" {:.3f}", c);
      out += format("{:>8} {:>12} {:>6} {:>10.4f} {}{}\n", d.arm, d.number, d.pairs, d.reward, credits,
                    d.answered ? "" : " not answered: " + d.failure);
    }
    return out;
  }
  throw UsageError(format("{}: has no round {}", workspace.rounds().string(), round));
}

std::map<std::uint32_t, std::vector<SeenDocument>> seen_in(const Workspace& workspace) {
  return fs::exists(workspace.rounds()) ? seen_by_arm(read_rounds(workspace.rounds()))
                                        : std::map<std::uint32_t, std::vector<SeenDocument>>{};
}

std::string arms_table(const Workspace& workspace) {
  const store::Clusters clusters = store::read_clusters(workspace.clusters()).clusters;
  const auto seen = seen_in(workspace);
  struct Row {
    std::uint32_t arm;
    std::size_t asked;
    std::uint64_t pairs;
    double reward;
  };
  std::vector<Row> rows;
  for (std::uint32_t c = 0; c < clusters.count(); ++c) {
    Row row{c, 0, 0, 0.0};
    if (const auto found = seen.find(c); found != seen.end()) {
      for (const SeenDocument& s : found->second)
        ++row.asked, row.pairs += s.document.pairs, row.reward += s.document.reward;
    }
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.reward > b.reward; });
  std::string out =
      format("{:>6} {:>10} {:>8} {:>8} {:>10} {:>9}\n", "arm", "documents", "asked", "pairs", "reward", "radius");
  for (const Row& r : rows)
    out += format("{:>6} {:>10} {:>8} {:>8} {:>10.3f} {:>9.4f}\n", r.arm, clusters.counts[r.arm], r.asked, r.pairs,
                  r.reward, clusters.radius[r.arm]);
  return out;
}

std::string one_document(const Workspace& workspace, std::uint64_t document) {
  const Catalog catalog = read_catalog(workspace);
  if (document >= catalog.documents())
    throw UsageError(format("document {}: the corpus has {}, numbered from 0", document, catalog.documents()));
  const PartitionInfo& info = catalog.partition_of(document);
  const store::PartitionReader partition(store::partition_file(workspace.corpus(), info.id.value));
  const std::uint64_t index = document - info.first_document;
  std::string out =
      format("document {} = '{}', {} bytes, from {} at byte {}, in {}\n", document, partition.id(index),
             partition.text_size(index), partition.source(index), partition.position(index), partition.path().string());
  if (has_stage_record(workspace, "extract")) out += explain_choice(workspace, document);
  if (has_stage_record(workspace, "extract")) {
    const std::string extractor = read_stage_record(workspace, "extract").inputs.at("extractor");
    const std::string record = AnswerIndex(workspace.journal(), extractor).record(document);
    if (!record.empty()) {
      for (const auto& p : journal_answer_from_json(parse_json(record, "journal"), "journal").extraction.pairs)
        out += format("  Q: {}\n  A: {}\n", excerpt(p.question, 300), excerpt(p.answer, 300));
    }
  }
  return out + "\n" + partition.text(index) + "\n";
}

std::string one_arm(const Workspace& workspace, std::uint64_t arm) {
  const store::Clusters clusters = store::read_clusters(workspace.clusters()).clusters;
  if (arm >= clusters.count()) throw UsageError(format("arm {}: there are {}, numbered from 0", arm, clusters.count()));
  const auto c = static_cast<std::uint32_t>(arm);
  std::string out =
      format("arm {}: {} documents, radius {:.4f}, variance {:.4f}, {} neighbours\n", arm, clusters.counts[c],
             clusters.radius[c], clusters.variance[c],
             clusters.neighbour_start.empty() ? 0 : clusters.neighbour_start[c + 1] - clusters.neighbour_start[c]);
  const auto seen = seen_in(workspace);
  if (const auto found = seen.find(c); found != seen.end()) {
    for (const SeenDocument& s : found->second)
      out += format("  round {}: document {}, {} pairs, reward {:.4f}\n", s.round, s.document.number, s.document.pairs,
                    s.document.reward);
  }
  out += "first documents in draw order:\n";
  std::size_t shown = 0;
  for (const PartitionInfo& info : read_catalog(workspace).partitions) {
    if (shown >= 5) break;
    const auto assignment =
        store::read_assignment(store::partition_file(workspace.assignment(), info.id.value)).assignment;
    const store::PartitionReader partition(store::partition_file(workspace.corpus(), info.id.value));
    for (const std::uint32_t index : assignment.documents(c)) {
      if (shown++ >= 5) break;
      out += format("  {} '{}': {}\n", info.first_document + index, partition.id(index),
                    excerpt(partition.text(index), 160));
    }
  }
  return out;
}

}  // namespace

double loss_share(const Workspace& workspace) {
  const Json f = stage_facts(workspace, "extract");
  const double asked = f.value("asked", 0.0);
  return asked > 0 ? f.value("failed", 0.0) / asked : 0.0;
}

std::string summary(const Workspace& workspace) {
  const Json ingest = stage_facts(workspace, "ingest"), embed = stage_facts(workspace, "embed"),
             cluster = stage_facts(workspace, "cluster"), extract = stage_facts(workspace, "extract"),
             exported = stage_facts(workspace, "export");
  const Json spent = extract.value("spent", Json::object()), rejected = extract.value("rejected", Json::object()),
             failures = extract.value("failures", Json::object());
  std::string out = "\n";
  out +=
      format("corpus     {} documents in {} partitions\n", counted(ingest, "documents"), counted(ingest, "partitions"));
  if (const Json warmup = stage_facts(workspace, "warmup"); !warmup.empty())
    out += format(
        "warm-up    {} documents asked, {} with pairs; {}\n", counted(warmup, "asked"), counted(warmup, "examples"),
        warmup.value("aligned", false)
            ? format("held-out MRR {:.3f} -> {:.3f}", warmup.value("mrr_before", 0.0), warmup.value("mrr_after", 0.0))
            : "the stock encoder stays: " + warmup.value("reason", ""));
  out += format("arms       {} clusters of {}\n", counted(cluster, "clusters"), embed.value("encoder", "vectors"));
  if (const std::string shape = cluster_shape(cluster); !shape.empty()) out += "           " + shape + "\n";
  out +=
      format("asked      {} documents in {} rounds, {} of them failed; {} calls, {} tokens\n",
             counted(extract, "asked"), counted(extract, "rounds"), counted(extract, "failed"), counted(spent, "calls"),
             human_count(spent.value("prompt_tokens", 0.0) + spent.value("completion_tokens", 0.0)));
  out += format("kept       {} pairs, {} duplicates left out, credit {:.2f}\n", counted(extract, "pairs"),
                counted(extract, "duplicates"), extract.value("credit", 0.0));
  std::string reasons;
  for (const auto& [reason, n] : rejected.items())
    reasons += format("{}{} {}", reasons.empty() ? "" : ", ", n.get<std::uint64_t>(), reason);
  if (!reasons.empty()) out += format("dropped    {}\n", reasons);
  for (const auto& [reason, n] : failures.items())
    out += format("failed     {} x {}\n", n.get<std::uint64_t>(), excerpt(reason, 200));
  out += "time      ";
  for (const char* stage : kStageNames) {
    if (is_optional(stage) && !has_stage_record(workspace, stage)) continue;
    out += format(" {} {}", stage, human_seconds(stage_facts(workspace, stage).value("seconds", 0.0)));
  }
  out += format("\ndata set   {} ({} pairs, sha256 {})\n", exported.value("file", "-"), counted(exported, "pairs"),
                exported.value("sha256", std::string(16, '-')).substr(0, 16));
  return out;
}

std::string inspect(const Workspace& workspace, const std::vector<std::string>& what) {
  if (what.empty())
    return status_text(status_data(workspace), {}) + (has_stage_record(workspace, "extract") ? summary(workspace) : "");
  if (what[0] == "rounds") return rounds_table(workspace);
  if (what[0] == "arms") return arms_table(workspace);
  if (what.size() == 2 && what[0] == "round") return one_round(workspace, number(what[1]));
  if (what.size() == 2 && what[0] == "arm") return one_arm(workspace, number(what[1]));
  if (what.size() == 2 && what[0] == "document") return one_document(workspace, number(what[1]));
  if (what.size() == 2 && what[0] == "partition") return explain_partition(workspace, number(what[1]));
  if (what.size() == 3 && what[0] == "pair") return explain_pair(workspace, number(what[1]), number(what[2]));
  throw UsageError(
      "usage: equal inspect DIR [rounds | arms | round N | arm N | partition N | document N | pair DOCUMENT N]");
}

}  // namespace equal::job
