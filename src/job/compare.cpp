#include "equal/job/compare.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/transport/rewards.hpp"

#include "encoders.hpp"
#include "export_pairs.hpp"
#include "reference.hpp"
#include "run_view.hpp"

namespace equal::job {
namespace {

constexpr std::size_t kPairsMeasured = 2000;

/// What is compared of one run.
struct Side {
  Json extract, exported;
  double seconds = 0;
  std::unordered_set<std::string> documents;  ///< ids of those that were answered
  std::unordered_set<Digest128, Digest128Hash> pairs;
  std::vector<std::pair<std::uint64_t, std::string>> drawn;  ///< (draw, text) of the pairs that are measured
};

Side read_side(const Workspace& workspace, settings::Settings s) {
  Side side;
  side.extract = stage_facts(workspace, "extract");
  side.exported = stage_facts(workspace, "export");
  for (const char* stage : kStageNames) side.seconds += stage_facts(workspace, stage).value("seconds", 0.0);
  s.export_min_credit = 0;
  const auto list = export_list(workspace, s, read_stage_record(workspace, "extract").inputs.at("extractor"));
  RecordReader records(list.files);
  for (const ExportItem& item : list.items) {
    const extract::Pair& pair = records.pair(item);
    const Digest128 digest = duplicate_digest(pair);
    side.documents.insert(records.answer(item).id);
    side.pairs.insert(digest);
    side.drawn.emplace_back(keyed_hash(s.seed, "compare", digest), pair_text(pair));
  }
  std::sort(side.drawn.begin(), side.drawn.end());
  if (side.drawn.size() > kPairsMeasured) side.drawn.resize(kPairsMeasured);
  return side;
}

linalg::Matrix<float> encoded(const std::vector<std::string>& texts, encode::Encoder& encoder, ThreadPool& pool) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  linalg::Matrix<float> out(texts.size(), encoder.dim());
  if (!texts.empty()) encoder.encode(views, encode::Role::query, out.view(), pool);
  return out;
}

std::vector<std::string> texts_of(const Side& side) {
  std::vector<std::string> out;
  for (const auto& [draw, text] : side.drawn) out.push_back(text);
  return out;
}

template <class Set>
std::size_t in_both(const Set& a, const Set& b) {
  return static_cast<std::size_t>(std::count_if(a.begin(), a.end(), [&](const auto& x) { return b.contains(x); }));
}

std::string table(const Workspace& a, const Workspace& b, const Side& x, const Side& y,
                  const std::optional<std::pair<double, double>>& distance) {
  const auto name = [](const Workspace& w) { return excerpt(w.root().string(), 24); };
  std::string out = format("{:<34} {:>28} {:>28}\n", "", name(a), name(b));
  const auto row = [&](const char* what, const std::string& left, const std::string& right) {
    out += format("{:<34} {:>28} {:>28}\n", what, left, right);
  };
  const auto fact = [&](const char* what, const char* key) {
    row(what, human_count(x.extract.value(key, 0.0)), human_count(y.extract.value(key, 0.0)));
  };
  const auto spent = [](const Side& s, const char* key) {
    return s.extract.value("spent", Json::object()).value(key, 0.0);
  };
  const auto tokens = [&](const Side& s) { return spent(s, "prompt_tokens") + spent(s, "completion_tokens"); };
  fact("documents asked", "asked");
  fact("documents without an answer", "failed");
  fact("rounds", "rounds");
  fact("pairs kept", "pairs");
  row("pairs in the data set", human_count(x.exported.value("pairs", 0.0)),
      human_count(y.exported.value("pairs", 0.0)));
  row("credit of the pairs", format("{:.2f}", x.extract.value("credit", 0.0)),
      format("{:.2f}", y.extract.value("credit", 0.0)));
  row("LLM calls", human_count(spent(x, "calls")), human_count(spent(y, "calls")));
  row("tokens", human_count(tokens(x)), human_count(tokens(y)));
  if (spent(x, "money") > 0 || spent(y, "money") > 0)
    row("money", format("{:.2f}", spent(x, "money")), format("{:.2f}", spent(y, "money")));
  row("time of all stages", human_seconds(x.seconds), human_seconds(y.seconds));
  if (distance)
    row("transport distance to the holdout", format("{:.4f}", distance->first), format("{:.4f}", distance->second));
  out += format("\ndocuments with pairs in both {}, pairs in both {}\n",
                human_count(static_cast<double>(in_both(x.documents, y.documents))),
                human_count(static_cast<double>(in_both(x.pairs, y.pairs))));
  return out;
}

}  // namespace

std::string compare_runs(Job& job, const Workspace& other) {
  const Catalog catalog = shared_catalog(job);
  const auto encoder = make_encoder(job, catalog);
  std::string out;
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    const Side x = read_side(job.workspace, job.settings), y = read_side(other, job.settings);
    std::optional<std::pair<double, double>> distance;
    try {
      std::vector<std::string> holdout;
      for (const auto& pair : load_reference(job.settings).holdout) holdout.push_back(pair_text(pair));
      if (!holdout.empty() && !x.drawn.empty() && !y.drawn.empty()) {
        const auto target = encoded(holdout, *encoder, job.pool);
        const transport::TransportReward measure(target.view(), {});
        const auto a = encoded(texts_of(x), *encoder, job.pool), b = encoded(texts_of(y), *encoder, job.pool);
        distance.emplace(measure.distance(a.view()), measure.distance(b.view()));
      }
    } catch (const Error& e) {
      log::warn("compare: without the distance to the holdout ({})", e.what());
    }
    out = table(job.workspace, other, x, y, distance);
  });
  return out;
}

}  // namespace equal::job
