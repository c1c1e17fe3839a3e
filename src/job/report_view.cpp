#include "report_view.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>

namespace equal::job {

ReportView::ReportView(const Workspace& w)
    : workspace(w),
      ingest(stage_facts(w, "ingest")),
      embed(stage_facts(w, "embed")),
      cluster(stage_facts(w, "cluster")),
      exported(stage_facts(w, "export")),
      clusters(store::read_clusters(w.clusters()).clusters),
      corpus(w) {
  if (std::filesystem::exists(w.rounds())) events = read_rounds(w.rounds());
  extract = extraction_facts(w);
  seen = seen_by_arm(events);
  arms.resize(clusters.count());
  for (const auto& [arm, list] : seen) {
    for (const SeenDocument& s : list) {
      if (arm >= arms.size()) continue;
      ++arms[arm].asked, arms[arm].pairs += s.document.pairs, arms[arm].reward += s.document.reward;
    }
  }
  if (has_stage_record(w, "extract"))
    answers.emplace(w.journal(), read_stage_record(w, "extract").inputs.at("extractor"));
}

std::uint64_t ReportView::asked() const {
  return std::accumulate(arms.begin(), arms.end(), std::uint64_t{0}, [](auto n, const auto& a) { return n + a.asked; });
}

double ReportView::reward() const {
  return std::accumulate(arms.begin(), arms.end(), 0.0, [](double r, const auto& a) { return r + a.reward; });
}

double ReportView::documents() const { return static_cast<double>(corpus.catalog().documents()); }

std::vector<extract::Pair> ReportView::pairs_of(std::uint64_t document) const {
  const std::string record = answers ? answers->record(document) : std::string();
  if (record.empty()) return {};
  return journal_answer_from_json(parse_json(record, "journal"), "journal").extraction.pairs;
}

std::optional<double> ReportView::random_reward() const {
  double all = 0, sum = 0;
  for (std::uint32_t c = 0; c < arms.size(); ++c) {
    if (arms[c].asked == 0) continue;
    all += static_cast<double>(clusters.counts[c]);
    sum += static_cast<double>(clusters.counts[c]) * arms[c].mean();
  }
  if (all == 0) return std::nullopt;
  return sum / all;
}

std::vector<std::uint32_t> ReportView::arms_by_reward() const {
  std::vector<std::uint32_t> order(arms.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const bool asked_a = arms[a].asked > 0, asked_b = arms[b].asked > 0;
    if (asked_a != asked_b) return asked_a;
    if (arms[a].reward != arms[b].reward) return arms[a].reward > arms[b].reward;
    return clusters.counts[a] > clusters.counts[b];
  });
  return order;
}

}  // namespace equal::job
