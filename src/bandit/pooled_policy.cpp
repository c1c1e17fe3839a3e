#include "pooled_policy.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "equal/base/random.hpp"
#include "equal/linalg/condition.hpp"

namespace equal::bandit {
namespace {

// Places in the feature vector.
constexpr std::size_t kOne = 0, kZ = 1, kArmZ = 2, kEmbedding = 3;

// Documents whose variance is looked at: so many for each that is wanted, and so many besides.
constexpr std::size_t kOfferedPerWanted = 3, kOfferedMore = 48, kOfferedMost = 1024;
// Models below this share take no part in a decision.
constexpr double kNegligible = 1e-3;
// Asked documents an arm remembers, to skip near-duplicates.
constexpr std::size_t kRemembered = 16;
// Expected tokens of prompt and completion beyond the document's text, until bills come in.
constexpr double kTokensBeyondText = 400.0;
// The priors: mean weight of z and of the arm's z if similarity is believed in full, in reward per standard deviation (a
// document four deviations out is then expected to earn 0.8), and variances in units of the noise variance.
constexpr double kBelievedWeight = 0.1, kMeanReward = 0.05;
constexpr double kBeliefs[] = {0.0, 0.5, 1.0};
constexpr double kEmbeddingVariances[] = {0.5, 4.0};

double cosine(const Candidate& a, const Candidate& b) {
  return std::inner_product(a.embedding.begin(), a.embedding.end(), b.embedding.begin(), 0.0);
}

}  // namespace

struct Pooled::Member {
  double weight;  // times the noise variance
  double share;
  LinearModel::Joint joint;
};

Pooled::Pooled(const PolicyParams& params, Facts facts, Choice choice)
    : params_(params), facts_(std::move(facts)), choice_(choice) {
  const std::size_t dim = facts_.centroids.columns();
  center_.assign(dim, 0.0);
  double documents = 0.0;
  for (std::size_t a = 0; a < facts_.arms.size(); ++a) {
    const double n = static_cast<double>(facts_.arms[a].documents);
    documents += n;
    for (std::size_t i = 0; i < dim; ++i) center_[i] += n * double{facts_.centroids(a, i)};
  }
  double norm = 0.0;
  for (double& c : center_) {
    c /= std::max(1.0, documents);
    norm += c * c;
  }
  scale_ = 1.0 / std::sqrt(std::max(1e-6, 1.0 - norm));  // documents are unit vectors
  for (const double belief : kBeliefs) {
    for (const double variance : kEmbeddingVariances) {
      LinearPrior prior;
      prior.mean.assign(kEmbedding + dim, 0.0);
      prior.variance.assign(kEmbedding + dim, variance);
      prior.mean[kOne] = kMeanReward;
      prior.mean[kZ] = prior.mean[kArmZ] = kBelievedWeight * belief;
      prior.variance[kOne] = 0.1;
      prior.variance[kZ] = prior.variance[kArmZ] = 0.05;
      prior.arm_variance = 0.5;
      models_.emplace_back(std::move(prior));
    }
  }
}

double Pooled::arm_z(std::uint32_t arm) const {
  return (facts_.arms[arm].similarity - facts_.similarity_mean) / facts_.similarity_sd;
}

void Pooled::features(const Candidate& c, std::span<double> out) const {
  out[kOne] = 1.0;
  out[kZ] = (double{c.similarity} - facts_.similarity_mean) / facts_.similarity_sd;
  out[kArmZ] = arm_z(c.arm);
  for (std::size_t i = 0; i < center_.size(); ++i) out[kEmbedding + i] = scale_ * (double{c.embedding[i]} - center_[i]);
}

std::vector<double> Pooled::weights() const {
  std::vector<double> w;
  for (const auto& m : models_) w.push_back(m.log_evidence());
  const double best = *std::max_element(w.begin(), w.end());
  double sum = 0.0;
  for (double& x : w) sum += x = std::exp(x - best);
  for (double& x : w) x /= sum;
  return w;
}

LinearScore Pooled::score_under(std::span<const double> theta, std::vector<double> intercepts) const {
  LinearScore score;
  score.similarity = theta[kZ] / facts_.similarity_sd;
  score.embedding.resize(center_.size());
  double constant = theta[kOne] - score.similarity * facts_.similarity_mean;
  for (std::size_t i = 0; i < center_.size(); ++i) {
    score.embedding[i] = static_cast<float>(scale_ * theta[kEmbedding + i]);
    constant -= double{score.embedding[i]} * center_[i];
  }
  score.offsets = std::move(intercepts);
  for (std::uint32_t a = 0; a < score.offsets.size(); ++a) score.offsets[a] += constant + theta[kArmZ] * arm_z(a);
  if (params_.cost == Cost::tokens) {
    score.cost_fixed = observed_ == 0 ? kTokensBeyondText : std::max(1.0, billed_beyond_text_ / static_cast<double>(observed_));
    score.cost_per_token = 1.0;
  }
  return score;
}

LinearScore Pooled::mean_score() const {
  const auto w = weights();
  std::vector<double> theta(models_.front().dimension(), 0.0), intercepts(facts_.arms.size(), 0.0);
  for (std::size_t m = 0; m < models_.size(); ++m) {
    if (w[m] < kNegligible) continue;
    const auto c = models_[m].coefficients();
    for (std::size_t i = 0; i < theta.size(); ++i) theta[i] += w[m] * c[i];
    for (std::uint32_t a = 0; a < intercepts.size(); ++a) intercepts[a] += w[m] * models_[m].intercept(a);
  }
  return score_under(theta, std::move(intercepts));
}

LinearScore Pooled::sampled_score(RandomStream& random) const {
  const auto w = weights();
  double place = random.uniform();
  std::size_t m = 0;
  while (m + 1 < w.size() && place >= w[m]) place -= w[m++];
  const LinearModel& model = models_[m];
  const auto theta = model.sample(random);
  std::vector<double> intercepts(facts_.arms.size());
  for (std::uint32_t a = 0; a < intercepts.size(); ++a) {
    const double sd = std::sqrt(model.noise_variance() * model.intercept_variance(a));
    intercepts[a] = model.intercept(a, theta) + sd * random.normal();
  }
  return score_under(theta, std::move(intercepts));
}

std::vector<std::uint32_t> Pooled::open_arms(const LinearScore& score, const Documents& documents) const {
  std::vector<std::pair<double, std::uint32_t>> bounds;
  std::uint64_t left = 0;
  const double length = std::sqrt(std::inner_product(score.embedding.begin(), score.embedding.end(), score.embedding.begin(), 0.0));
  for (std::uint32_t a = 0; a < facts_.arms.size(); ++a) {
    if (documents.remaining(a) == 0) continue;
    left += documents.remaining(a);
    const Arm& arm = facts_.arms[a];
    // The best of n documents spread around the centroid: mean + sqrt(2 ln n) deviations, at most what the radius allows.
    const double n = 1.0 + static_cast<double>(documents.remaining(a));
    const double reach = std::min(arm.radius, std::sqrt(2.0 * std::log(n) * arm.variance / static_cast<double>(center_.size())));
    double variance = 0.0;
    for (const auto& m : models_) variance = std::max(variance, m.noise_variance() * m.intercept_variance(a));
    bounds.emplace_back(score.value(a, arm.similarity, facts_.centroids.row(a)) + length * reach +
                            params_.optimism * std::sqrt(variance), a);
  }
  if (left > params_.open_documents) {
    std::stable_sort(bounds.begin(), bounds.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  }
  std::vector<std::uint32_t> arms;
  std::uint64_t open = 0;
  for (const auto& [bound, a] : bounds) {
    if (open >= params_.open_documents) break;
    arms.push_back(a);
    open += documents.remaining(a);
  }
  return arms;
}

std::size_t Pooled::round_size(std::size_t room) const {
  const auto grown = static_cast<std::size_t>(params_.round_growth * static_cast<double>(observed_));
  return std::min({room, std::max(params_.round_min, grown), kOfferedMost / 2});
}

std::vector<Candidate> Pooled::decide(Documents& documents, std::size_t room) {
  const std::size_t wanted = round_size(room);
  RandomStream random(params_.seed, "policy", {rounds_, asked_});
  const LinearScore score = mean_score();
  const auto arms = open_arms(score, documents);
  const std::size_t most = std::min(kOfferedMost, kOfferedPerWanted * wanted + kOfferedMore);
  std::vector<Candidate> offered = documents.best(score, arms, choice_ == Choice::sample ? 0 : most);
  // Documents that would be best if chance had it so: without them only what looks good already is ever compared.
  const std::size_t draws = choice_ == Choice::sample ? std::min<std::size_t>(wanted, 8) : 1;
  for (std::size_t k = 0; k < draws; ++k) {
    const std::size_t count = choice_ == Choice::sample ? (wanted + draws - 1) / draws : wanted;
    for (Candidate& c : documents.best(sampled_score(random), arms, count)) {
      const bool known = std::any_of(offered.begin(), offered.end(), [&](const auto& o) { return o.number == c.number; });
      if (!known) offered.push_back(std::move(c));
    }
  }
  if (choice_ == Choice::upper_bound) return choose(std::move(offered), wanted, score);
  std::vector<Candidate> chosen;
  for (Candidate& c : offered) {
    if (chosen.size() < wanted && !near_duplicate(c, chosen)) chosen.push_back(std::move(c));
  }
  if (chosen.empty() && !offered.empty()) chosen.push_back(std::move(offered.front()));
  return chosen;
}

std::vector<Candidate> Pooled::choose(std::vector<Candidate> offered, std::size_t wanted, const LinearScore& score) const {
  const std::size_t n = offered.size(), all = n + std::min(pending_.size(), kOfferedMost);
  std::vector<std::uint32_t> arms;
  linalg::Matrix<double> f(all, models_.front().dimension());
  for (const Candidate& c : offered) {
    features(c, f.row(arms.size()));
    arms.push_back(c.arm);
  }
  for (const auto& [number, c] : pending_) {
    if (arms.size() == all) break;
    features(c, f.row(arms.size()));
    arms.push_back(c.arm);
  }
  std::vector<Member> members;
  std::vector<double> mean(n, 0.0), between(n, 0.0);  // of the average; variance between the models' means
  const auto w = weights();
  for (std::size_t m = 0; m < models_.size(); ++m) {
    if (w[m] < kNegligible) continue;
    members.push_back({w[m] * models_[m].noise_variance(), w[m], models_[m].predict(arms, f.view())});
    for (std::size_t i = 0; i < n; ++i) mean[i] += w[m] * members.back().joint.mean[i];
  }
  for (auto& m : members) {
    for (std::size_t i = 0; i < n; ++i) between[i] += m.share * (m.joint.mean[i] - mean[i]) * (m.joint.mean[i] - mean[i]);
    m.joint.covariance = linalg::condition_on_rest(m.joint.covariance.view(), n);  // as if what is out had come in
    m.joint.mean.resize(n);
  }
  std::vector<Candidate> chosen;
  std::vector<bool> gone(n, false);
  std::size_t first_copy = n;
  while (chosen.size() < wanted) {
    std::size_t best = n;
    double best_score = 0.0, best_bound = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      if (gone[i]) continue;
      double variance = between[i];
      for (const auto& m : members) variance += m.weight * std::max(0.0, m.joint.covariance(i, i));
      const double bound = mean[i] + params_.optimism * std::sqrt(variance);
      const double s = score.score(bound, double{offered[i].tokens});
      if (best == n || s > best_score) {
        best = i;
        best_score = s;
        best_bound = score.score(mean[i] + 2.0 * std::sqrt(variance), double{offered[i].tokens});
      }
    }
    if (best == n) break;
    const double per_unit = params_.cost == Cost::tokens ? 1000.0 : 1.0;
    if (params_.stop_value > 0 && observed_ >= params_.stop_after && per_unit * best_bound < params_.stop_value) break;
    gone[best] = true;
    if (near_duplicate(offered[best], chosen)) {
      first_copy = std::min(first_copy, best);
      continue;
    }
    for (auto& m : members) m.joint.pretend(best);
    chosen.push_back(std::move(offered[best]));
  }
  // Nothing but copies is left: ask one of them rather than end.
  if (chosen.empty() && first_copy < n) chosen.push_back(std::move(offered[first_copy]));
  return chosen;
}

bool Pooled::near_duplicate(const Candidate& c, std::span<const Candidate> chosen) const {
  const auto close = [&](const Candidate& other) { return cosine(c, other) > params_.near_duplicate; };
  const auto at = last_asked_.find(c.arm);
  return std::any_of(chosen.begin(), chosen.end(), close) ||
         (at != last_asked_.end() && std::any_of(at->second.begin(), at->second.end(), close));
}

void Pooled::asked(std::span<const Candidate> decision) {
  for (const Candidate& c : decision) {
    pending_.emplace(c.number, c);
    auto& ring = last_asked_[c.arm];
    if (ring.size() < kRemembered) {
      ring.push_back(c);
    } else {
      ring[static_cast<std::size_t>(asked_ % kRemembered)] = c;
    }
    ++asked_;
  }
  ++rounds_;
}

void Pooled::observe(std::span<const Outcome> outcomes, std::span<const Pull>) {
  std::vector<double> f(models_.front().dimension());
  for (const Outcome& o : outcomes) {
    pending_.erase(o.document.number);
    if (!o.answered) continue;
    features(o.document, f);
    for (auto& m : models_) m.observe(o.document.arm, f, o.reward);
    billed_beyond_text_ += o.tokens > 0 ? o.tokens - double{o.document.tokens} : kTokensBeyondText;
    ++observed_;
  }
}

std::vector<Term> Pooled::explain(const Candidate& c) const {
  const LinearScore score = mean_score();
  const double similarity = score.similarity * double{c.similarity}, cluster = score.offsets[c.arm];
  const double value = score.value(c.arm, double{c.similarity}, c.embedding);
  std::vector<double> f(models_.front().dimension());
  features(c, f);
  const auto w = weights();
  double variance = 0.0;
  for (std::size_t m = 0; m < models_.size(); ++m) {
    if (w[m] < kNegligible) continue;
    const auto joint = models_[m].predict({&c.arm, 1}, {f.data(), 1, f.size()});
    variance += w[m] * (models_[m].noise_variance() * joint.covariance(0, 0) + (joint.mean[0] - value) * (joint.mean[0] - value));
  }
  return {{"cluster", cluster},
          {"similarity to the guide", similarity},
          {"embedding", value - cluster - similarity},
          {"standard deviation", std::sqrt(variance)}};
}

std::vector<Term> Pooled::state() const {
  const auto w = weights();
  double noise = 0.0, z = 0.0, arm = 0.0, believed = 0.0;
  for (std::size_t m = 0; m < models_.size(); ++m) {
    noise += w[m] * models_[m].noise_variance();
    z += w[m] * models_[m].coefficients()[kZ];
    arm += w[m] * models_[m].coefficients()[kArmZ];
    believed += w[m] * kBeliefs[m / std::size(kEmbeddingVariances)];
  }
  return {{"observed", static_cast<double>(observed_)},
          {"noise variance", noise},
          {"reward per deviation of similarity", z},
          {"reward per deviation of the cluster's similarity", arm},
          {"belief in similarity", believed}};
}

}  // namespace equal::bandit
