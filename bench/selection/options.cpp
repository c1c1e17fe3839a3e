#include "options.hpp"

#include <set>
#include <sstream>

#include "equal/base/error.hpp"

namespace equal::bench {
namespace {

void set(const Options& o, const std::string& key, double& value) {
  if (!o.values.at(key).empty()) value = std::stod(o.values.at(key));
}

void set(const Options& o, const std::string& key, std::size_t& value) {
  if (!o.values.at(key).empty()) value = o.count(key);
}

void set(const Options& o, const std::string& key, std::vector<double>& value) {
  if (o.values.at(key).empty()) return;
  value.clear();
  for (const auto& part : split(o.values.at(key))) value.push_back(std::stod(part));
}

}  // namespace

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, ',');) out.push_back(part);
  return out;
}

Options parse_options(int argc, char** argv) {
  Options o;
  if (argc < 2)
    throw UsageError("usage: bench_selection CACHE [--seeds N] [--targets a,b] [--views a,b] [--policies a,b]");
  o.cache = argv[1];
  for (int i = 2; i < argc; i += 2) {
    const std::string key = std::string(argv[i]).substr(0, 2) == "--" ? std::string(argv[i]).substr(2) : "";
    if (o.values.count(key) == 0) throw UsageError("unknown option " + std::string(argv[i]));
    if (i + 1 == argc) throw UsageError("--" + key + " needs a value");
    o.values[key] = argv[i + 1];
  }
  return o;
}

std::string what_decides(const Options& o, const std::string& view, const std::string& target,
                         const std::string& budget, const std::string& policy) {
  std::string out = view + " " + target + " " + budget + " " + policy;
  for (const auto& [name, value] : o.values) {
    if (std::set<std::string>{"seeds", "targets", "views", "policies", "budgets", "threads"}.count(name) == 0)
      out += " " + name + "=" + value;
  }
  return out;
}

RunParams run_params(const Options& o, const std::string& policy, std::uint64_t budget) {
  RunParams p;
  p.policy = policy;
  p.budget = budget;
  p.delay = o.count("delay");
  p.unanswered = o.count("unanswered");
  p.unanswered_first = o.count("unanswered_first");
  const std::string reward = o.values.at("reward");
  if (reward == "batch" || (reward.empty() && policy == "released")) p.reward = Reward::batch;
  if (reward == "union" || (reward.empty() && policy == "paper")) p.reward = Reward::union_of;
  set(o, "share", p.marginal.threshold_share);
  set(o, "earning_share", p.marginal.earning_share);
  set(o, "calibrating", p.marginal.calibrating_pairs);
  set(o, "cap", p.marginal.cap);
  set(o, "norm", p.marginal.document_norm);
  auto& q = p.policy_params;
  set(o, "round_min", q.round_min);
  set(o, "round_growth", q.round_growth);
  set(o, "optimism", q.optimism);
  set(o, "ranked_share", q.ranked_share);
  set(o, "near_duplicate", q.near_duplicate);
  set(o, "pull", q.pull_documents);
  set(o, "beliefs", q.beliefs);
  set(o, "embedding_variances", q.embedding_variances);
  set(o, "arm_variance", q.arm_variance);
  set(o, "noise_weight", q.noise_weight);
  p.documents_alike = o.values.at("documents") == "alike";
  if (p.documents_alike) q.near_duplicate = 2.0;
  return p;
}

}  // namespace equal::bench
