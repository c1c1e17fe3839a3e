#include "report_data.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/store/journal.hpp"

#include "projection.hpp"
#include "report_arms.hpp"
#include "report_view.hpp"
#include "warmup.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kUnserved = 15;

Json figure(const char* name, const std::string& value) { return {{"name", name}, {"value", value}}; }

Json figures(const ReportView& v) {
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
Json cost(const ReportView& v) {
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
  if (const auto random = v.random_reward(); random && *random > 0) {
    const auto text = [](double x) { return format("{:.3f}", x); };
    const double ours = v.reward() / asked;
    out.push_back({{"name", "Reward of a document"},
                   {"rows",
                    {bar("this run", ours, text(ours), true),
                     bar("drawn at random, estimated", *random, text(*random), false)}}});
  }
  return out;
}

Json rounds(const ReportView& v) {
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

/// Which guide items are served; nothing where the reward knows no such thing or the guide is gone.
Json coverage(const ReportView& v, const ReportGuide& guide) {
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

Json fates(const ReportView& v) {
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
  ReportView v(workspace);
  ArmExamples arms = arm_examples(v);
  const double asked = static_cast<double>(v.asked());
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
  const auto random = v.random_reward();
  return {{"name", workspace.root().filename().empty() ? workspace.root().parent_path().filename().string()
                                                       : workspace.root().filename().string()},
          {"headline",
           format("{} of {} documents were asked ({:.1f} %), in {} arms of {}; {} pairs were kept. Encoder: {}.",
                  human_count(asked), human_count(v.documents()), v.documents() > 0 ? 100 * asked / v.documents() : 0.0,
                  human_count(static_cast<double>(arms.asked_arms)), human_count(static_cast<double>(v.arms.size())),
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
          {"map", arms_on_map(v, guide)},
          {"best_arms", std::move(arms.best)},
          {"worst_arms", std::move(arms.worst)},
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
