#include "report_arms.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "equal/base/log.hpp"
#include "equal/store/assignment.hpp"

#include "projection.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kArmsOnMap = 3000, kReferenceOnMap = 400, kTitles = 3, kTitledArms = 600;
constexpr std::size_t kBestArms = 8, kWorstArms = 4, kExamples = 3, kPairsOfExample = 2, kBestPairs = 6;
constexpr std::size_t kTextBytes = 600;

/// Beginnings of some documents of each wanted arm.
std::map<std::uint32_t, Json> titles(ReportView& v, const std::vector<std::uint32_t>& wanted) {
  std::map<std::uint32_t, Json> out;
  for (const std::uint32_t arm : wanted) out[arm] = Json::array();
  for (const PartitionInfo& info : v.corpus.catalog().partitions) {
    const fs::path file = store::partition_file(v.workspace.assignment(), info.id.value);
    if (info.documents == 0 || !fs::exists(file)) continue;
    const auto assignment = store::read_assignment(file).assignment;
    for (auto& [arm, list] : out) {
      if (arm >= assignment.clusters()) continue;
      for (const std::uint32_t index : assignment.documents(arm)) {
        if (list.size() >= kTitles) break;
        list.push_back(excerpt(v.corpus.partition(info.id.value).text(index), 90));
      }
    }
  }
  return out;
}

Json pair_json(const extract::Pair& p) {
  return {{"question", excerpt(p.question, kTextBytes)}, {"answer", excerpt(p.answer, kTextBytes)}};
}

Json arm_with_examples(ReportView& v, std::uint32_t arm) {
  std::vector<SeenDocument> documents = v.seen[arm];
  std::stable_sort(documents.begin(), documents.end(),
                   [](const SeenDocument& a, const SeenDocument& b) { return a.document.reward > b.document.reward; });
  Json examples = Json::array();
  for (std::size_t i = 0; i < std::min(kExamples, documents.size()); ++i) {
    const std::uint64_t number = documents[i].document.number;
    Json pairs = Json::array();
    const auto found = v.pairs_of(number);
    for (std::size_t p = 0; p < std::min(kPairsOfExample, found.size()); ++p) pairs.push_back(pair_json(found[p]));
    examples.push_back({{"number", number},
                        {"id", v.corpus.id(number)},
                        {"title", excerpt(v.corpus.text(number), 200)},
                        {"pairs", std::move(pairs)}});
  }
  return {{"arm", arm},
          {"documents", v.clusters.counts[arm]},
          {"asked", v.arms[arm].asked},
          {"pairs", v.arms[arm].pairs},
          {"reward", v.arms[arm].reward},
          {"examples", std::move(examples)}};
}

}  // namespace

Json arms_on_map(ReportView& v, const ReportGuide& guide) {
  const auto order = v.arms_by_reward();
  const Projection plane = project(v.clusters, guide.vectors.view());
  const std::size_t shown = std::min(order.size(), kArmsOnMap);
  auto names = titles(v, {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(std::min(shown, kTitledArms))});
  Json arms = Json::array(), reference = Json::array();
  for (std::size_t i = 0; i < shown; ++i) {
    const std::uint32_t c = order[i];
    arms.push_back({{"arm", c},
                    {"x", plane.clusters[c][0]},
                    {"y", plane.clusters[c][1]},
                    {"documents", v.clusters.counts[c]},
                    {"radius", v.clusters.radius[c]},
                    {"asked", v.arms[c].asked},
                    {"pairs", v.arms[c].pairs},
                    {"reward", v.arms[c].reward},
                    {"titles", names.contains(c) ? names[c] : Json::array()}});
  }
  const std::size_t step = std::max<std::size_t>(1, (plane.reference.size() + kReferenceOnMap - 1) / kReferenceOnMap);
  for (std::size_t r = 0; r < plane.reference.size(); r += step)
    reference.push_back({{"x", plane.reference[r][0]},
                         {"y", plane.reference[r][1]},
                         {"title", excerpt(guide.reference.guide[r].question, 160)}});
  const std::string shape = cluster_shape(v.cluster);
  return {
      {"arms", std::move(arms)},
      {"reference", std::move(reference)},
      {"note", format("Centroids on their two leading principal axes; area is the number of documents. {} of {} arms "
                      "are shown. Distances in the plane are a hint, no measure.{}",
                      human_count(static_cast<double>(shown)), human_count(static_cast<double>(order.size())),
                      shape.empty() ? "" : " Clusters have " + shape + ".")}};
}

ArmExamples arm_examples(ReportView& v) {
  ArmExamples out;
  std::vector<std::uint32_t> asked;
  for (const std::uint32_t c : v.arms_by_reward()) {
    if (v.arms[c].asked > 0) asked.push_back(c);
  }
  out.asked_arms = asked.size();
  const std::size_t best = std::min(kBestArms, asked.size());
  for (std::size_t i = 0; i < best; ++i) out.best.push_back(arm_with_examples(v, asked[i]));
  asked.erase(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(best));
  std::stable_sort(asked.begin(), asked.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return v.arms[a].mean() < v.arms[b].mean(); });
  for (std::size_t i = 0; i < std::min(kWorstArms, asked.size()); ++i)
    out.worst.push_back(arm_with_examples(v, asked[i]));
  return out;
}

Json best_pairs(const ReportView& v) {
  struct Best {
    double credit;
    std::uint64_t document;
    std::size_t pair;
  };
  std::vector<Best> best;
  for (const RoundEvent& e : v.events) {
    for (const auto& d : e.observed) {
      for (std::size_t i = 0; i < d.credits.size(); ++i) {
        if (d.credits[i] > 0) best.push_back({d.credits[i], d.number, i});
      }
    }
  }
  std::stable_sort(best.begin(), best.end(), [](const Best& a, const Best& b) { return a.credit > b.credit; });
  Json out = Json::array();
  std::set<std::uint64_t> shown;
  for (const Best& b : best) {
    if (out.size() == kBestPairs) break;
    if (!shown.insert(b.document).second) continue;
    const auto pairs = v.pairs_of(b.document);
    if (b.pair < pairs.size()) out.push_back(pair_json(pairs[b.pair]));
  }
  return out;
}

}  // namespace equal::job
