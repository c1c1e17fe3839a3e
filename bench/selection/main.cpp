// bench_selection CACHE [--seeds 10] [--targets gsm8k,mbpp,medquad] [--views good,lsa,misled,scarce] ... (options.hpp)
// Replays policies on the cached vectors (bench/selection/vectors.py), prints a table and one JSON line. Under mpirun
// the ranks share the seeds of each cell; the figures are the same.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <numeric>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/base/thread_pool.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/linalg/gemm.hpp"

#include "judge.hpp"
#include "kept.hpp"
#include "load.hpp"
#include "options.hpp"

namespace equal::bench {
namespace {

constexpr std::size_t kGuideItems = 200;

using Column = std::vector<double>;  // one value a seed

double mean(const Column& c) { return std::accumulate(c.begin(), c.end(), 0.0) / static_cast<double>(c.size()); }

/// 95 % bootstrap interval of the mean.
std::pair<double, double> interval(const Column& c) {
  RandomStream random(1, "bootstrap");
  std::vector<double> means;
  for (int i = 0; i < 1000; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < c.size(); ++k) sum += c[random.below(c.size())];
    means.push_back(sum / static_cast<double>(c.size()));
  }
  std::sort(means.begin(), means.end());
  return {means[25], means[974]};
}

struct Cell {
  std::string view, target, budget;
  int ceiling = 0;
  std::map<std::string, std::vector<Verdict>> verdicts;  // by policy, one a seed
  Column useful(const std::string& policy) const {
    Column out;
    for (const auto& v : verdicts.at(policy)) out.push_back(v.useful);
    return out;
  }
  bool has(const std::string& policy) const { return verdicts.count(policy) > 0; }
  /// What is summed up are the budgets of 1 and 5 %.
  bool of_protocol() const { return budget == "1" || budget == "5"; }
};

class Bench {
 public:
  Bench(comm::Communicator& comm, const Options& o) : comm_(comm), o_(o), pool_(o.count("threads")) {}

  void run() {
    for (const auto& view : split(o_.values.at("views"))) {
      const std::string encoder = has(view, "lsa") ? "lsa" : "minilm";
      const ReplayCorpus whole = load_corpus(o_.cache, encoder, o_.count("k"));
      const auto all_judged = judge_vectors(o_.cache);
      for (const auto& name : split(o_.values.at("targets"))) {
        ReplayTarget target = load_target(o_.cache, encoder, name);
        language_ = load_language(o_.cache, name);
        if (!has(view, "scarce")) {
          cells_of(view, whole, target, all_judged, whole.documents.rows());
          continue;
        }
        auto judged = all_judged;
        const ReplayCorpus scarce =
            make_scarce(whole, target, judged, o_.count("scarce_documents"), o_.count("scarce_draw"));
        cells_of(view, scarce, target, judged, whole.documents.rows());
      }
    }
    if (!comm_.is_root()) return;
    Json summary = summarise();
    summary["areas"] = areas();
    summary["cells"] = Json::array();
    for (const auto& c : cells_) summary["cells"].push_back(describe(c));
    std::printf("%s\n", dump_json(summary).c_str());
  }

 private:
  void cells_of(const std::string& view, const ReplayCorpus& corpus, const ReplayTarget& target,
                const linalg::Matrix<float>& judged, std::size_t documents) {
    const std::size_t seeds = o_.count("seeds");
    std::vector<View> views(seeds);
    const auto mine = own_seeds(0, seeds);
    pool_.run(mine.size(), [&](std::size_t i, std::size_t) {
      views[mine[i]] = make_view(corpus, target, kGuideItems, mine[i], has(view, "misled"));
    });
    auto best = useful_pairs(corpus, target);
    std::sort(best.rbegin(), best.rend());
    for (const auto& percent : split(o_.values.at("budgets"))) {
      const auto budget =
          static_cast<std::size_t>(std::lround(std::stod(percent) * static_cast<double>(documents) / 100));
      Cell cell{
          view,
          target.name,
          percent,
          std::accumulate(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(std::min(budget, best.size())), 0),
          {}};
      if (comm_.is_root()) {
        std::printf("%s %s %s %%: %zu documents, ceiling %d\n", view.c_str(), target.name.c_str(), percent.c_str(),
                    budget, cell.ceiling);
      }
      for (const auto& policy : split(o_.values.at("policies"))) {
        const RunParams params = run_params(o_, policy, budget);
        auto& verdicts = cell.verdicts[policy];
        const KeptVerdicts kept(o_.cache, what_decides(o_, view, target.name, percent, policy));
        if (comm_.is_root()) verdicts = kept.load(seeds);
        comm::broadcast_vector(comm_, verdicts);
        const std::size_t done = verdicts.size();
        const auto missing = own_seeds(done, seeds);
        std::vector<Verdict> found(missing.size());
        pool_.run(missing.size(), [&](std::size_t i, std::size_t) {
          const std::size_t s = missing[i];
          found[i] = judge(views[s], target, judged, simulate(views[s], params), marginal_of(params),
                           o_.count("transport") != 0, s < o_.count("language_seeds") ? &language_ : nullptr);
        });
        share(found, seeds, verdicts);
        if (!comm_.is_root()) continue;
        if (done < seeds) kept.store(verdicts);
        show(policy, cell);
      }
      cells_.push_back(std::move(cell));
    }
  }

  /// Of first .. seeds - 1 those that fall to this rank; a seed falls to the same rank whatever `first` is.
  std::vector<std::size_t> own_seeds(std::size_t first, std::size_t seeds) const {
    std::vector<std::size_t> out;
    for (std::size_t s = first; s < seeds; ++s) {
      if (s % static_cast<std::size_t>(comm_.size()) == static_cast<std::size_t>(comm_.rank())) out.push_back(s);
    }
    return out;
  }

  /// Collective. Brings what each rank found for its own_seeds(verdicts.size(), seeds) together behind `verdicts`.
  void share(const std::vector<Verdict>& found, std::size_t seeds, std::vector<Verdict>& verdicts) {
    std::size_t s = verdicts.size();
    const auto bytes = std::as_bytes(std::span<const Verdict>(found));
    const auto of_rank = comm_.all_gather({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    std::vector<std::size_t> taken(of_rank.size(), 0);  // bytes, of each rank
    for (verdicts.resize(seeds); s < seeds; ++s) {
      const std::size_t rank = s % of_rank.size();
      std::memcpy(&verdicts[s], of_rank[rank].data() + taken[rank], sizeof(Verdict));
      taken[rank] += sizeof(Verdict);
    }
  }

  /// A view is a word or several with hyphens between them: "scarce-lsa".
  static bool has(const std::string& view, const std::string& word) {
    return ("-" + view + "-").find("-" + word + "-") != std::string::npos;
  }

  /// Over the seeds for which it was asked.
  static double cross_entropy_of(const std::vector<Verdict>& verdicts) {
    Column bits;
    for (const auto& v : verdicts) {
      if (v.cross_entropy > 0) bits.push_back(v.cross_entropy);
    }
    return bits.empty() ? 0.0 : mean(bits);
  }

  static transport::MarginalParams marginal_of(const RunParams& p) {
    auto m = p.marginal;
    m.budget_documents = p.budget;
    return m;
  }

  static void show(const std::string& policy, const Cell& cell) {
    const Column useful = cell.useful(policy);
    const auto [low, high] = interval(useful);
    Verdict m;
    for (const auto& v : cell.verdicts.at(policy)) {
      const double n = static_cast<double>(useful.size());
      m.covered += v.covered / n;
      m.mean_nearest += v.mean_nearest / n;
      m.transport += v.transport / n;
      m.on_target += v.on_target / n;
    }
    std::printf(
        "  %-9s useful %7.1f [%.0f, %.0f] least %.0f | on target %.2f covered %.3f nearest %.3f transport %.4f bits "
        "%.3f\n",
        policy.c_str(), mean(useful), low, high, *std::min_element(useful.begin(), useful.end()), m.on_target,
        m.covered, m.mean_nearest, m.transport, cross_entropy_of(cell.verdicts.at(policy)));
    std::fflush(stdout);
  }

  Json describe(const Cell& cell) const {
    Json out{{"view", cell.view},
             {"target", cell.target},
             {"budget_percent", std::stod(cell.budget)},
             {"ceiling", cell.ceiling}};
    for (const auto& [policy, verdicts] : cell.verdicts) {
      Json j;
      const Column useful = cell.useful(policy);
      const auto [low, high] = interval(useful);
      j["useful"] = mean(useful);
      j["useful_low"] = low;
      j["useful_high"] = high;
      j["useful_seeds"] = useful;
      for (const auto& [name, field] : kFields) {
        double sum = 0;
        for (const auto& v : verdicts) sum += v.*field;
        j[name] = std::round(1e5 * sum / static_cast<double>(verdicts.size())) / 1e5;
      }
      if (cell.target == "mbpp") {
        Column beside;
        for (const auto& v : verdicts) beside.push_back(v.useful_beside);
        j["useful_humaneval"] = mean(beside);
      }
      j["cross_entropy"] = std::round(1e4 * cross_entropy_of(verdicts)) / 1e4;
      out[policy] = std::move(j);
    }
    return out;
  }

  /// The figures of the acceptance table; a figure whose cells were not run is left out.
  Json summarise() const {
    Json out;
    for (const std::string view : {"good", "lsa", "scarce"}) {
      Column ratios;
      double worst = 1e9;
      for (const auto& c : cells_) {
        if (c.view != view || !c.of_protocol() || !c.has("pooled") || !c.has("static") || !c.has("nearest")) continue;
        const Column p = c.useful("pooled"), s = c.useful("static"), n = c.useful("nearest");
        ratios.push_back(mean(p) / std::max(1.0, std::max(mean(s), mean(n))));
        const Column& better = mean(s) > mean(n) ? s : n;
        for (std::size_t i = 0; i < p.size(); ++i) worst = std::min(worst, p[i] / std::max(1.0, better[i]));
      }
      if (ratios.empty()) continue;
      double log_sum = 0;
      for (const double r : ratios) log_sum += std::log(std::max(r, 1e-9));
      out[view + "_min_cell"] = *std::min_element(ratios.begin(), ratios.end());
      out[view + "_geomean"] = std::exp(log_sum / static_cast<double>(ratios.size()));
      if (view == "good") out["worst_seed"] = worst;
    }
    for (const auto& c : cells_) {
      if (c.view != "misled" || !c.has("pooled")) continue;
      const Column p = c.useful("pooled");
      const auto lower = [&out](const char* key, double value) {
        out[key] = out.contains(key) ? std::min(out[key].get<double>(), value) : value;
      };
      if (c.budget == "5") {
        for (const auto& g : cells_) {
          if (g.view != "good" || g.target != c.target || g.budget != c.budget || !g.has("static") || !g.has("nearest"))
            continue;
          lower("misled_5_min_cell",
                mean(p) / std::max(1.0, std::max(mean(g.useful("static")), mean(g.useful("nearest")))));
        }
      } else if (c.budget == "1" && c.has("random") && c.has("released")) {
        lower("misled_1_vs_released_min",
              mean(p) / std::max(1.0, std::max(mean(c.useful("random")), mean(c.useful("released")))));
        lower("misled_1_worst_seed", *std::min_element(p.begin(), p.end()) / std::max(1.0, mean(p)));
      }
    }
    return out;
  }

  /// Area under useful / ceiling over the logarithm of the budget, as a share of a selection that always meets the
  /// ceiling; for each view and target with several budgets.
  Json areas() const {
    std::map<std::string, std::map<std::string, std::map<double, double>>>
        curves;  // view/target -> policy -> budget -> share
    for (const auto& c : cells_) {
      for (const auto& [policy, verdicts] : c.verdicts)
        curves[c.view + "/" + c.target][policy][std::stod(c.budget)] = mean(c.useful(policy)) / std::max(1, c.ceiling);
    }
    Json out = Json::object();
    for (const auto& [where, policies] : curves) {
      for (const auto& [policy, curve] : policies) {
        if (curve.size() < 2) continue;
        double area = 0;
        for (auto at = std::next(curve.begin()); at != curve.end(); ++at) {
          const auto before = std::prev(at);
          area += 0.5 * (at->second + before->second) * std::log(at->first / before->first);
        }
        out[where][policy] = area / std::log(curve.rbegin()->first / curve.begin()->first);
      }
    }
    return out;
  }

  static inline const std::vector<std::pair<const char*, double Verdict::*>> kFields{
      {"pairs", &Verdict::pairs},         {"on_target", &Verdict::on_target},
      {"covered", &Verdict::covered},     {"mean_nearest", &Verdict::mean_nearest},
      {"transport", &Verdict::transport}, {"calls_per_useful", &Verdict::calls_per_useful}};

  comm::Communicator& comm_;
  const Options& o_;
  ThreadPool pool_;
  LanguageJudge language_;
  std::vector<Cell> cells_;
};

}  // namespace
}  // namespace equal::bench

int main(int argc, char** argv) {
  return equal::comm::with_mpi(argc, argv, [&](equal::comm::Communicator& comm) {
    equal::log::configure("warn", comm.rank(), comm.size());
    equal::linalg::use_one_blas_thread();
    const auto options = equal::bench::parse_options(argc, argv);
    equal::bench::Bench(comm, options).run();
    return 0;
  });
}
