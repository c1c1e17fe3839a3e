#include "report_data.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <set>

#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/store/assignment.hpp"
#include "equal/store/clusters.hpp"
#include "equal/store/journal.hpp"

#include "answers.hpp"
#include "projection.hpp"
#include "run_view.hpp"
#include "warmup.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kArmsOnMap = 3000, kReferenceOnMap = 400, kTitles = 3, kTitledArms = 600;
constexpr std::size_t kBestArms = 8, kWorstArms = 4, kExamples = 3, kPairsOfExample = 2, kUnserved = 15, kBestPairs = 6;
constexpr std::size_t kTextBytes = 600;

struct ArmTally {
  std::uint64_t asked = 0, pairs = 0;
  double reward = 0;
  double mean() const { return asked > 0 ? reward / static_cast<double>(asked) : 0; }
};

/// All that is read once and used by several sections.
struct View {
  const Workspace& workspace;
  Json ingest, embed, cluster, extract, exported;
  store::Clusters clusters;
  std::vector<RoundEvent> events;
  std::map<std::uint32_t, std::vector<SeenDocument>> seen;
  std::vector<ArmTally> arms;
  std::optional<AnswerIndex> answers;
  CorpusView corpus;

  explicit View(const Workspace& w)
      : workspace(w),
        ingest(stage_facts(w, "ingest")),
        embed(stage_facts(w, "embed")),
        cluster(stage_facts(w, "cluster")),
        exported(stage_facts(w, "export")),
        clusters(store::read_clusters(w.clusters()).clusters),
        corpus(w) {
    if (fs::exists(w.rounds())) events = read_rounds(w.rounds());
    extract = extraction_facts(w, events);
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

  std::uint64_t asked() const {
    return std::accumulate(arms.begin(), arms.end(), std::uint64_t{0},
                           [](auto n, const auto& a) { return n + a.asked; });
  }
  double reward() const {
    return std::accumulate(arms.begin(), arms.end(), 0.0, [](double r, const auto& a) { return r + a.reward; });
  }
  double documents() const { return static_cast<double>(corpus.catalog().documents()); }

  std::vector<extract::Pair> pairs_of(std::uint64_t document) const {
    const std::string record = answers ? answers->record(document) : std::string();
    if (record.empty()) return {};
    return journal_answer_from_json(parse_json(record, "journal"), "journal").extraction.pairs;
  }
};

/// Reward that a document drawn at random would have had: arms' means weighted by their documents, over the arms that
/// were asked.
std::optional<double> random_reward(const View& v) {
  double documents = 0, reward = 0;
  for (std::uint32_t c = 0; c < v.arms.size(); ++c) {
    if (v.arms[c].asked == 0) continue;
    documents += static_cast<double>(v.clusters.counts[c]);
    reward += static_cast<double>(v.clusters.counts[c]) * v.arms[c].mean();
  }
  if (documents == 0) return std::nullopt;
  return reward / documents;
}

Json figure(const char* name, const std::string& value) { return {{"name", name}, {"value", value}}; }

Json figures(const View& v) {
  const Json spent = v.extract.value("spent", Json::object());
  Json out = Json::array();
  out.push_back(figure("documents in the corpus", human_count(v.documents())));
  out.push_back(figure("documents asked", human_count(static_cast<double>(v.asked()))));
  out.push_back(figure("pairs kept", human_count(v.extract.value("pairs", 0.0))));
  if (v.exported.contains("pairs"))
    out.push_back(figure("pairs in the data set", human_count(v.exported.value("pairs", 0.0))));
  out.push_back(figure("rounds", human_count(v.extract.value("rounds", 0.0))));
  const double calls = spent.value("calls", 0.0);
  if (calls > 0) {
    out.push_back(figure("LLM calls", human_count(calls)));
    out.push_back(
        figure("tokens", human_count(spent.value("prompt_tokens", 0.0) + spent.value("completion_tokens", 0.0))));
  }
  if (spent.value("money", 0.0) > 0) out.push_back(figure("money spent", format("{:.2f}", spent.value("money", 0.0))));
  return out;
}

/// This run against asking every document, and against documents drawn at random.
Json cost(const View& v) {
  const double asked = static_cast<double>(v.asked());
  if (asked == 0) return Json::array();
  const auto bar = [](const char* name, double value, const std::string& text, bool ours) {
    return Json{{"name", name}, {"value", value}, {"text", text}, {"kind", ours ? "" : "other"}};
  };
  Json out = Json::array();
  const auto against_all = [&](const char* name, double ours, const auto& text) {
    const double all = ours / asked * v.documents();
    out.push_back(
        {{"name", name},
         {"rows",
          {bar("this run", ours, text(ours), true), bar("every document of the corpus", all, text(all), false)}}});
  };
  against_all("Documents asked", asked, human_count);
  const Json spent = v.extract.value("spent", Json::object());
  const double tokens = spent.value("prompt_tokens", 0.0) + spent.value("completion_tokens", 0.0);
  if (tokens > 0) against_all("Tokens", tokens, human_count);
  const auto money = [](double x) { return format("{:.2f}", x); };
  if (spent.value("money", 0.0) > 0) against_all("Money", spent.value("money", 0.0), money);
  if (const auto random = random_reward(v); random && *random > 0) {
    const auto text = [](double x) { return format("{:.3f}", x); };
    const double ours = v.reward() / asked;
    out.push_back({{"name", "Reward of a document"},
                   {"rows",
                    {bar("this run", ours, text(ours), true),
                     bar("drawn at random, estimated", *random, text(*random), false)}}});
  }
  return out;
}

Json rounds(const View& v) {
  Json out = Json::array();
  for (const RoundEvent& e : v.events) {
    if (e.kind != RoundEvent::Kind::observed) continue;
    std::set<std::uint32_t> arms;
    std::uint64_t pairs = 0;
    double reward = 0;
    for (const auto& d : e.observed) arms.insert(d.arm), pairs += d.pairs, reward += d.reward;
    out.push_back({{"round", e.round},
                   {"documents", e.observed.size()},
                   {"arms", arms.size()},
                   {"pairs", pairs},
                   {"reward", reward}});
  }
  return out;
}

/// What the warm-up of the run's arms learned; nothing without one.
Json warmup(const Workspace& workspace) {
  const auto record = warmup_of_run(workspace);
  if (!record) return nullptr;
  const Json& f = record->facts;
  std::string note = format("{} documents were asked before the first round, {} gave pairs.",
                            human_count(f.value("asked", 0.0)), human_count(f.value("examples", 0.0)));
  note += f.value("aligned", false)
              ? format(
                    " Trained on them, the encoder ranks the own pair of a held-out document ({} of them) at a mean "
                    "reciprocal rank of {:.3f}, before {:.3f}. The arms are clusters of its vectors.",
                    human_count(f.value("held_out", 0.0)), f.value("mrr_after", 0.0), f.value("mrr_before", 0.0))
              : " The stock encoder stays: " + f.value("reason", std::string()) + ".";
  return {{"curve", f.value("curve", Json::array())}, {"best_step", f.value("best_step", 0)}, {"note", note}};
}

/// Arms by total reward, those that were asked before those that were not, larger ones first.
std::vector<std::uint32_t> arms_by_reward(const View& v) {
  std::vector<std::uint32_t> order(v.arms.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const bool asked_a = v.arms[a].asked > 0, asked_b = v.arms[b].asked > 0;
    if (asked_a != asked_b) return asked_a;
    if (v.arms[a].reward != v.arms[b].reward) return v.arms[a].reward > v.arms[b].reward;
    return v.clusters.counts[a] > v.clusters.counts[b];
  });
  return order;
}

/// Beginnings of some documents of each wanted arm.
std::map<std::uint32_t, Json> titles(View& v, const std::vector<std::uint32_t>& wanted) {
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

Json map_of(View& v, const ReportGuide& guide, const std::vector<std::uint32_t>& order) {
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
  return {
      {"arms", std::move(arms)},
      {"reference", std::move(reference)},
      {"note", format("Centroids on their two leading principal axes; area is the number of documents. {} of {} arms "
                      "are shown. Distances in the plane are a hint, no measure.",
                      human_count(static_cast<double>(shown)), human_count(static_cast<double>(order.size())))}};
}

Json pair_json(const extract::Pair& p) {
  return {{"question", excerpt(p.question, kTextBytes)}, {"answer", excerpt(p.answer, kTextBytes)}};
}

Json arm_with_examples(View& v, std::uint32_t arm) {
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

Json best_pairs(View& v) {
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

/// Which guide items are served; nothing where the reward knows no such thing or the guide is gone.
Json coverage(const View& v, const ReportGuide& guide) {
  const Json served = v.extract.value("served", Json::array());
  const auto& items = guide.reference.guide;
  if (served.empty() || served.size() != items.size() || guide.vectors.rows() != items.size()) return nullptr;
  const auto nearest = nearest_clusters(v.clusters, guide.vectors.view());
  static constexpr const char* kNames[] = {"no pair", "1 pair", "2 or 3 pairs", "4 to 9 pairs", "10 pairs or more"};
  std::array<std::uint64_t, 5> counts{};
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (const auto& s : served) {
    const double x = s.get<double>();
    ++counts[x < 1 ? 0 : x < 2 ? 1 : x < 4 ? 2 : x < 10 ? 3 : 4];
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const double sa = served[a].get<double>(), sb = served[b].get<double>();
    return sa != sb ? sa < sb : nearest[a].cosine < nearest[b].cosine;
  });
  Json histogram = Json::array(), unserved = Json::array();
  for (std::size_t i = 0; i < counts.size(); ++i)
    histogram.push_back({{"name", kNames[i]}, {"value", counts[i]}, {"kind", i == 0 ? "other" : "kept"}});
  for (std::size_t i = 0; i < std::min(kUnserved, order.size()); ++i) {
    const std::size_t r = order[i];
    unserved.push_back({{"question", excerpt(items[r].question, 220)},
                        {"served", served[r]},
                        {"arm", nearest[r].cluster},
                        {"similarity", nearest[r].cosine}});
  }
  return {
      {"histogram", std::move(histogram)},
      {"unserved", std::move(unserved)},
      {"note", format("{} of {} guide items are not served by any pair. An item with a low cosine to its nearest "
                      "cluster asks for something that the corpus hardly holds: more budget will not help it.",
                      human_count(static_cast<double>(counts[0])), human_count(static_cast<double>(items.size())))}};
}

Json fates(const View& v) {
  Json out = Json::array();
  const auto add = [&](const std::string& name, double n, const char* kind) {
    if (n > 0) out.push_back({{"name", name}, {"value", n}, {"kind", kind}});
  };
  const Json rejects = v.exported.value("rejects", Json::object());
  if (v.exported.empty()) {
    add("kept", v.extract.value("pairs", 0.0), "kept");
  } else {
    add("in the data set", v.exported.value("pairs", 0.0), "kept");
  }
  add("exact duplicate of an earlier pair", v.extract.value("duplicates", 0.0), "other");
  for (const auto& [reason, n] : rejects.items()) {
    const std::string name = reason == "near_duplicate" ? "near-duplicate of an earlier pair"
                             : reason == "contaminated" ? "holds a benchmark item"
                             : reason == "beyond_top"   ? "beyond export.top"
                                                        : reason;
    add(name, n.get<double>(), "other");
  }
  const Json dropped = v.extract.value("rejected", Json::object());
  for (const auto& [reason, n] : dropped.items()) add("dropped by the extractor: " + reason, n.get<double>(), "other");
  return out;
}

Json rank_balance(const Workspace& workspace) {
  std::map<int, std::uint64_t> answers;
  store::read_journal(workspace.journal(), [&](const store::JournalRecord& r) { ++answers[r.rank]; });
  Json out = Json::array();
  for (const auto& [rank, n] : answers) out.push_back({{"rank", rank}, {"answers", n}});
  return out;
}

}  // namespace

Json report_data(const Workspace& workspace, const ReportGuide& guide) {
  View v(workspace);
  const auto order = arms_by_reward(v);
  const double asked = static_cast<double>(v.asked());
  Json best = Json::array(), worst = Json::array();
  std::vector<std::uint32_t> by_mean;
  for (const std::uint32_t c : order) {
    if (v.arms[c].asked > 0) by_mean.push_back(c);
  }
  const std::size_t asked_arms = by_mean.size();
  for (std::size_t i = 0; i < std::min(kBestArms, asked_arms); ++i) best.push_back(arm_with_examples(v, by_mean[i]));
  std::vector<std::uint32_t> rest(by_mean.begin() + static_cast<std::ptrdiff_t>(std::min(kBestArms, asked_arms)),
                                  by_mean.end());
  std::stable_sort(rest.begin(), rest.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return v.arms[a].mean() < v.arms[b].mean(); });
  for (std::size_t i = 0; i < std::min(kWorstArms, rest.size()); ++i) worst.push_back(arm_with_examples(v, rest[i]));

  Json stages = Json::array();
  std::string digests;
  for (const char* name : kStageNames) {
    if (!has_stage_record(workspace, name)) continue;
    const StageRecord record = read_stage_record(workspace, name);
    stages.push_back({{"name", name}, {"seconds", record.facts.value("seconds", 0.0)}});
    digests += format("{:<8} {}\n", name, record.digest());
    for (const auto& [input, digest] : record.inputs) digests += format("  from {} {}\n", input, digest);
  }
  Json files = v.exported.value("files", Json::array());
  const fs::path settings = workspace.resolved_settings();
  const auto random = random_reward(v);
  return {{"name", workspace.root().filename().empty() ? workspace.root().parent_path().filename().string()
                                                       : workspace.root().filename().string()},
          {"headline",
           format("{} of {} documents were asked ({:.1f} %), in {} arms of {}; {} pairs were kept. Encoder: {}.",
                  human_count(asked), human_count(v.documents()), v.documents() > 0 ? 100 * asked / v.documents() : 0.0,
                  human_count(static_cast<double>(asked_arms)), human_count(static_cast<double>(order.size())),
                  human_count(v.extract.value("pairs", 0.0)), v.embed.value("encoder", "unknown"))},
          {"complete", v.extract.value("complete", false)},
          {"figures", figures(v)},
          {"cost", cost(v)},
          {"cost_note",
           "What every document would have cost is this run's cost of a document times the corpus. The reward of "
           "documents drawn at "
           "random is estimated from the arms that were asked, weighted by their size; where rewards fall as items are "
           "served, and "
           "arms that promise little were not asked, chance would do worse than this."},
          {"warmup", warmup(workspace)},
          {"rounds", rounds(v)},
          {"rounds_note",
           "What the pairs of each round were worth, as the reward counts it; negative for transport rewards below "
           "their offset."},
          {"random_reward", random ? Json(*random) : Json(nullptr)},
          {"map", map_of(v, guide, order)},
          {"best_arms", std::move(best)},
          {"worst_arms", std::move(worst)},
          {"coverage", coverage(v, guide)},
          {"pairs", fates(v)},
          {"data_sets", std::move(files)},
          {"examples", best_pairs(v)},
          {"stages", std::move(stages)},
          {"ranks", rank_balance(workspace)},
          {"settings", fs::exists(settings) ? read_file(settings) : std::string()},
          {"digests", digests}};
}

}  // namespace equal::job
