#include "simulate.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <map>
#include <numeric>

#include "equal/bandit/similarity.hpp"
#include "equal/base/error.hpp"
#include "equal/base/random.hpp"
#include "equal/linalg/gemm.hpp"
#include "equal/transport/rewards.hpp"

namespace equal::bench {
namespace {

constexpr std::size_t kBlindPart = 16;

// Rows times a random orthogonal matrix (Gram-Schmidt on normal rows).
linalg::Matrix<float> rotated(const linalg::Matrix<float>& rows, std::uint64_t seed) {
  const std::size_t dim = rows.columns();
  RandomStream random(seed, "rotation");
  linalg::Matrix<double> q(dim, dim);
  for (std::size_t i = 0; i < dim; ++i) {
    const auto row = q.row(i);
    for (double& x : row) x = random.normal();
    for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Kahan)
      for (std::size_t j = 0; j < i; ++j) {
        const double c = std::inner_product(row.begin(), row.end(), q.row(j).begin(), 0.0);
        for (std::size_t k = 0; k < dim; ++k) row[k] -= c * q(j, k);
      }
    }
    const double norm = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
    for (double& x : row) x /= norm;
  }
  linalg::Matrix<double> in(rows.rows(), dim), out(rows.rows(), dim);
  std::copy(rows.values().begin(), rows.values().end(), in.values().begin());
  linalg::gemm_nn(1.0, in.view(), q.view(), 0.0, out.view());
  linalg::Matrix<float> result(rows.rows(), dim);
  std::transform(out.values().begin(), out.values().end(), result.values().begin(),
                 [](double x) { return static_cast<float>(x); });
  return result;
}

bandit::Facts make_facts(const ReplayCorpus& corpus, const bandit::GuideSimilarity& similarity,
                         std::span<const float> of_documents) {
  bandit::Facts facts;
  const std::size_t dim = corpus.documents.columns(), n = corpus.documents.rows();
  facts.arms.resize(corpus.arms);
  facts.centroids = linalg::Matrix<float>(corpus.arms, dim);
  linalg::Matrix<double> sums(corpus.arms, dim);
  for (std::size_t i = 0; i < n; ++i) {
    ++facts.arms[corpus.arm[i]].documents;
    const auto x = corpus.documents.row(i);
    for (std::size_t j = 0; j < dim; ++j) sums(corpus.arm[i], j) += double{x[j]};
    facts.tokens_mean += double{corpus.tokens[i]} / static_cast<double>(n);
  }
  linalg::Matrix<float> units(corpus.arms, dim);
  for (std::size_t a = 0; a < corpus.arms; ++a) {
    const double count = std::max<double>(1.0, static_cast<double>(facts.arms[a].documents));
    double norm = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      facts.centroids(a, j) = static_cast<float>(sums(a, j) / count);
      norm += sums(a, j) * sums(a, j);
    }
    for (std::size_t j = 0; j < dim; ++j)
      units(a, j) = static_cast<float>(sums(a, j) / std::max(std::sqrt(norm), 1e-12));
  }
  std::vector<double> variance(corpus.arms, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    double d = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      const double x = double{corpus.documents(i, j)} - double{facts.centroids(corpus.arm[i], j)};
      d += x * x;
    }
    auto& arm = facts.arms[corpus.arm[i]];
    arm.radius = std::max(arm.radius, std::sqrt(d));
    arm.variance += d / static_cast<double>(arm.documents);
  }
  std::vector<float> of_arms(corpus.arms);
  similarity.compute(units.view(), of_arms);
  for (std::uint32_t a = 0; a < corpus.arms; ++a) {
    facts.arms[a].similarity = double{of_arms[a]};
    for (std::uint32_t b = 0; b < corpus.arms; ++b) {  // the authors' released rule, radius 0.2
      double d = 0;
      for (std::size_t j = 0; j < dim; ++j) {
        const double x = double{facts.centroids(a, j)} - double{facts.centroids(b, j)};
        d += x * x;
      }
      const double s = std::sqrt(facts.arms[a].variance / static_cast<double>(dim)) -
                       std::sqrt(facts.arms[b].variance / static_cast<double>(dim));
      if (a == b || d + s * s * static_cast<double>(dim) < 0.2) facts.arms[a].neighbours.push_back(b);
    }
  }
  double sum = 0, squares = 0;
  for (const float s : of_documents) sum += double{s}, squares += double{s} * double{s};
  facts.similarity_mean = sum / static_cast<double>(n);
  facts.similarity_sd =
      std::sqrt(std::max(0.0, squares / static_cast<double>(n) - facts.similarity_mean * facts.similarity_mean));
  return facts;
}

std::unique_ptr<bandit::DocumentPool> make_pool(const View& view, bool alike) {
  const ReplayCorpus& corpus = *view.corpus;
  const std::size_t n = corpus.documents.rows();
  bandit::PoolRows rows;
  rows.number.resize(n);
  std::iota(rows.number.begin(), rows.number.end(), std::uint64_t{0});
  for (std::size_t i = 0; i < n; ++i) rows.hash.push_back(mix64(view.seed * 0x9e3779b97f4a7c15ULL + mix64(i)));
  rows.arm = corpus.arm;
  rows.similarity = view.similarity;
  rows.tokens = corpus.tokens;
  rows.dimension = corpus.documents.columns();
  rows.read = [&corpus](std::size_t first, linalg::MatrixView<float> out) {
    const auto from = corpus.documents.values().subspan(first * out.columns, out.rows * out.columns);
    std::copy(from.begin(), from.end(), out.data);
  };
  if (alike) {
    for (std::size_t i = 0; i < n; ++i)
      rows.similarity[i] = static_cast<float>(view.facts.arms[corpus.arm[i]].similarity);
    rows.read = [&view](std::size_t first, linalg::MatrixView<float> out) {
      for (std::size_t r = 0; r < out.rows; ++r) {
        const auto centroid = view.facts.centroids.row(view.corpus->arm[first + r]);
        std::copy(centroid.begin(), centroid.end(), out.row(r).begin());
      }
    };
  }
  return std::make_unique<bandit::DocumentPool>(std::move(rows), corpus.arms);
}

// Fills rewards in; outcomes are in (arm, number) order.
class Rewarder {
 public:
  Rewarder(const ReplayCorpus& corpus, linalg::MatrixView<const float> guide, const transport::MarginalParams& marginal,
           Reward kind)
      : corpus_(corpus), kind_(kind), marginal_(guide, marginal), transport_(guide, {}) {}

  std::vector<bandit::Pull> reward(std::vector<bandit::Outcome>& outcomes) {
    std::vector<bandit::Pull> pulls;
    for (std::size_t first = 0, next = 0; first < outcomes.size(); first = next) {
      while (next < outcomes.size() && outcomes[next].document.arm == outcomes[first].document.arm) ++next;
      const std::span<bandit::Outcome> members(outcomes.data() + first, next - first);
      bandit::Pull pull{.arm = members.front().document.arm, .documents = members.size()};
      for (auto& o : members) {
        o.pairs = static_cast<std::uint32_t>(corpus_.pairs_of(o.document.number).rows);
        pull.pairs += o.pairs;
      }
      if (kind_ == Reward::marginal) {
        for (auto& o : members) {
          o.reward = marginal_.credit(corpus_.pairs_of(o.document.number)).total;
          pull.reward += o.reward / static_cast<double>(members.size());
        }
      } else {
        auto& rows = kind_ == Reward::batch ? fresh_ : of_arm_[pull.arm];
        fresh_.clear();
        for (auto& o : members) {
          const auto pairs = corpus_.pairs_of(o.document.number);
          rows.insert(rows.end(), pairs.data, pairs.data + pairs.rows * pairs.columns);
        }
        const std::size_t dim = corpus_.pairs.columns();
        const linalg::MatrixView<const float> view(rows.data(), rows.size() / dim, dim);
        pull.reward = kind_ == Reward::batch ? transport_.batch(view) : transport_.union_of(view);
        for (auto& o : members) o.reward = pull.reward;
      }
      pulls.push_back(pull);
    }
    return pulls;
  }

 private:
  const ReplayCorpus& corpus_;
  Reward kind_;
  transport::MarginalReward marginal_;
  transport::TransportReward transport_;
  std::vector<float> fresh_;
  std::map<std::uint32_t, std::vector<float>> of_arm_;
};

}  // namespace

View make_view(const ReplayCorpus& corpus, const ReplayTarget& target, std::size_t guide_items, std::uint64_t seed,
               bool misled) {
  View view;
  view.corpus = &corpus;
  view.seed = seed;
  std::vector<std::size_t> order(target.reference.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  RandomStream random(seed, "guide");
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  order.resize(std::min(guide_items, order.size()));
  view.guide = linalg::Matrix<float>(order.size(), target.reference.columns());
  for (std::size_t j = 0; j < order.size(); ++j) {
    const auto from = target.reference.row(order[j]);
    std::copy(from.begin(), from.end(), view.guide.row(j).begin());
  }
  const bandit::GuideSimilarity similarity(misled ? rotated(view.guide, seed).view() : view.guide.view());
  view.similarity.resize(corpus.documents.rows());
  similarity.compute(corpus.documents.view(), view.similarity);
  view.facts = make_facts(corpus, similarity, view.similarity);
  return view;
}

Run simulate(const View& view, const RunParams& params) {
  const ReplayCorpus& corpus = *view.corpus;
  const auto pool = make_pool(view, params.documents_alike);
  bandit::Facts facts = view.facts;
  facts.budget_documents = params.budget;
  bandit::PolicyParams policy_params = params.policy_params;
  policy_params.seed = view.seed;
  const auto policy = bandit::make_policy(params.policy, policy_params, std::move(facts));
  transport::MarginalParams marginal = params.marginal;
  marginal.budget_documents = params.budget;
  Rewarder rewarder(corpus, view.guide.view(), marginal, params.reward);

  Run run;
  std::deque<std::vector<bandit::Candidate>> in_flight;
  std::size_t unanswered = 0;
  const auto answer_oldest = [&] {
    auto round = std::move(in_flight.front());
    in_flight.pop_front();
    unanswered -= round.size();
    std::sort(round.begin(), round.end(),
              [](const auto& a, const auto& b) { return std::pair(a.arm, a.number) < std::pair(b.arm, b.number); });
    std::vector<bandit::Outcome> outcomes;
    for (auto& c : round) {
      run.documents.push_back(c.number);
      outcomes.push_back({.document = std::move(c)});
    }
    const auto pulls = rewarder.reward(outcomes);
    policy->observe(outcomes, pulls);
  };

  const std::size_t first = params.unanswered_first > 0
                                ? std::max<std::size_t>(params.unanswered_first, params.budget / kBlindPart)
                                : params.unanswered;
  std::uint64_t asked = 0;
  while (true) {
    std::size_t room = static_cast<std::size_t>(params.budget - asked);
    const std::size_t limit = std::min(params.unanswered, std::max(first, run.documents.size()));
    if (params.unanswered > 0) room = std::min(room, limit - std::min(limit, unanswered));
    std::vector<bandit::Candidate> decision;
    if (room > 0) {
      const auto start = std::chrono::steady_clock::now();
      decision = policy->decide(*pool, room);
      run.decide_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    if (decision.empty() && in_flight.empty()) break;
    if (!decision.empty()) {
      std::vector<std::uint64_t> numbers;
      for (const auto& c : decision) numbers.push_back(c.number);
      pool->mark(numbers);
      policy->asked(decision);
      asked += decision.size();
      unanswered += decision.size();
      ++run.rounds;
      if (params.unanswered > 0) {  // answers come one by one
        for (auto& c : decision) in_flight.push_back({std::move(c)});
      } else {
        in_flight.push_back(std::move(decision));
      }
      if (params.unanswered > 0 && unanswered < limit && asked < params.budget) continue;
      if (params.unanswered == 0 && in_flight.size() <= params.delay) continue;
    }
    if (params.unanswered > 0) {
      for (std::size_t i = 0; i < std::max<std::size_t>(1, limit / 16) && !in_flight.empty(); ++i) answer_oldest();
    } else {
      answer_oldest();
    }
  }
  run.state = policy->state();
  return run;
}

}  // namespace equal::bench
