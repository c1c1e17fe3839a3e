#include "pooled_policy.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "equal/base/random.hpp"

namespace equal::bandit {
namespace {

// Places in the feature vector.
constexpr std::size_t kOne = 0, kZ = 1, kArmZ = 2, kEmbedding = 3;

// Documents whose variance is looked at: so many for each that is wanted, and so many besides.
constexpr std::size_t kOfferedPerWanted = 3, kOfferedMore = 48, kOfferedMost = 1024;
// Priors below this share take no part in a decision.
constexpr double kNegligible = 1e-3;
// Asked documents an arm remembers, to skip near-duplicates.
constexpr std::size_t kRemembered = 16;
// Expected tokens of prompt and completion beyond the document's text, until bills come in.
constexpr double kTokensBeyondText = 400.0;
// The priors: mean weight of z and of the arm's z if similarity is believed in full, in reward per standard deviation
// (a document four deviations out is then expected to earn 0.8), and variances in units of the noise variance.
constexpr double kBelievedWeight = 0.1, kMeanReward = 0.05;
// `thompson`, in place of noise_weight: samples are as wide as the noise, and must narrow where all rewards are small.
constexpr double kSampledNoiseWeight = 4.0;

double cosine(const Candidate& a, const Candidate& b) {
  return std::inner_product(a.embedding.begin(), a.embedding.end(), b.embedding.begin(), 0.0);
}

}  // namespace

// One model's view of the documents on offer.
struct Pooled::Member {
  double weight;               // of its variances: sum over beliefs of share x noise variance
  std::vector<double> mean;    // (n), sum over beliefs of share x expected reward
  std::vector<double> square;  // (n), the same of the expected reward's square
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
  for (const double variance : params_.embedding_variances) {
    LinearPrior prior;
    prior.means = linalg::Matrix<double>(params_.beliefs.size(), kEmbedding + dim);
    for (std::size_t b = 0; b < params_.beliefs.size(); ++b) {
      prior.means(b, kOne) = kMeanReward;
      prior.means(b, kZ) = prior.means(b, kArmZ) = kBelievedWeight * params_.beliefs[b];
    }
    prior.variance.assign(kEmbedding + dim, variance);
    prior.variance[kOne] = 0.1;
    prior.variance[kZ] = prior.variance[kArmZ] = 0.03;
    prior.arm_variance = params_.arm_variance;
    prior.noise_weight = choice_ == Choice::sample ? kSampledNoiseWeight : params_.noise_weight;
    models_.emplace_back(std::move(prior));
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

linalg::Matrix<double> Pooled::shares() const {
  linalg::Matrix<double> out(models_.size(), params_.beliefs.size());
  for (std::size_t m = 0; m < out.rows(); ++m) {
    for (std::size_t b = 0; b < out.columns(); ++b) out(m, b) = models_[m].log_evidence(b);
  }
  const double best = *std::max_element(out.values().begin(), out.values().end());
  const auto scale = [&out] {
    const double sum = std::accumulate(out.values().begin(), out.values().end(), 0.0);
    for (double& x : out.values()) x /= sum;
  };
  for (double& x : out.values()) x = std::exp(x - best);
  scale();
  for (double& x : out.values()) x = x < kNegligible ? 0.0 : x;
  scale();
  return out;
}

std::vector<double> Pooled::mean_theta(const linalg::Matrix<double>& shares) const {
  std::vector<double> theta(models_.front().dimension(), 0.0);
  for (std::size_t m = 0; m < models_.size(); ++m) {
    for (std::size_t b = 0; b < shares.columns(); ++b) {
      const auto c = models_[m].coefficients(b);
      for (std::size_t i = 0; i < theta.size(); ++i) theta[i] += shares(m, b) * c[i];
    }
  }
  return theta;
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
    score.cost_fixed =
        observed_ == 0 ? kTokensBeyondText : std::max(1.0, billed_beyond_text_ / static_cast<double>(observed_));
    score.cost_per_token = 1.0;
  }
  return score;
}

LinearScore Pooled::mean_score() const {
  // Intercepts are linear in theta, and all models have the same prior of them: those of the mean are the mean.
  const auto theta = mean_theta(shares());
  std::vector<double> intercepts(facts_.arms.size());
  for (std::uint32_t a = 0; a < intercepts.size(); ++a) intercepts[a] = models_.front().intercept(a, theta);
  return score_under(theta, std::move(intercepts));
}

LinearScore Pooled::sampled_score(RandomStream& random) const {
  const auto w = shares();
  double place = random.uniform();
  std::size_t at = 0;
  while (at + 1 < w.values().size() && place >= w.values()[at]) place -= w.values()[at++];
  const LinearModel& model = models_[at / w.columns()];
  const std::size_t belief = at % w.columns();
  const auto theta = model.sample(belief, random);
  std::vector<double> intercepts(facts_.arms.size());
  for (std::uint32_t a = 0; a < intercepts.size(); ++a) {
    const double sd = std::sqrt(model.noise_variance(belief) * model.intercept_variance(a));
    intercepts[a] = model.intercept(a, theta) + sd * random.normal();
  }
  return score_under(theta, std::move(intercepts));
}

std::vector<std::uint32_t> Pooled::open_arms(const LinearScore& score, const Documents& documents) const {
  std::vector<std::pair<double, std::uint32_t>> bounds;
  std::uint64_t left = 0;
  const double length =
      std::sqrt(std::inner_product(score.embedding.begin(), score.embedding.end(), score.embedding.begin(), 0.0));
  for (std::uint32_t a = 0; a < facts_.arms.size(); ++a) {
    if (documents.remaining(a) == 0) continue;
    left += documents.remaining(a);
    const Arm& arm = facts_.arms[a];
    // The best of n documents spread around the centroid: mean + sqrt(2 ln n) deviations, at most what the radius
    // allows.
    const double n = 1.0 + static_cast<double>(documents.remaining(a));
    const double reach =
        std::min(arm.radius, std::sqrt(2.0 * std::log(n) * arm.variance / static_cast<double>(center_.size())));
    double variance = 0.0;
    for (const auto& m : models_) {
      for (std::size_t b = 0; b < m.beliefs(); ++b)
        variance = std::max(variance, m.noise_variance(b) * m.intercept_variance(a));
    }
    bounds.emplace_back(score.value(a, arm.similarity, facts_.centroids.row(a)) + length * reach +
                            params_.optimism * std::sqrt(variance),
                        a);
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

std::size_t Pooled::ranked_documents(std::size_t wanted) const {
  const auto w = shares();
  double belief = 0.0;
  for (std::size_t m = 0; m < w.rows(); ++m) {
    for (std::size_t b = 0; b < w.columns(); ++b) belief += w(m, b) * params_.beliefs[b];
  }
  return static_cast<std::size_t>(params_.ranked_share * belief * static_cast<double>(wanted));
}

std::vector<Candidate> Pooled::decide(Documents& documents, std::size_t room) {
  const std::size_t wanted = round_size(room);
  RandomStream random(params_.seed, "policy", {rounds_, asked_});
  const LinearScore score = mean_score();
  const auto arms = open_arms(score, documents);
  const std::size_t most = std::min(kOfferedMost, kOfferedPerWanted * wanted + kOfferedMore);
  // Documents that would be best if chance had it so: without them only what looks good already is ever compared.
  const std::size_t draws = choice_ == Choice::sample ? std::min<std::size_t>(wanted, 8) : 1;
  std::vector<Ranking> rankings;
  const std::size_t ranked = choice_ == Choice::sample ? 0 : ranked_documents(wanted);
  if (choice_ == Choice::upper_bound) {
    rankings.resize(2);
    rankings[0].score.similarity = 1.0;
    rankings[0].count = ranked;
    rankings[1] = {score, most};
  }
  for (std::size_t k = 0; k < draws; ++k) rankings.push_back({sampled_score(random), (wanted + draws - 1) / draws});
  std::vector<Candidate> offered;
  std::unordered_set<std::uint64_t> known;
  for (auto& best : documents.best(rankings, arms)) {
    for (Candidate& c : best) {
      if (known.insert(c.number).second) offered.push_back(std::move(c));
    }
  }
  if (choice_ == Choice::upper_bound) return choose(std::move(offered), ranked, wanted, score);
  std::vector<Candidate> chosen, copies;
  for (Candidate& c : offered) {
    if (chosen.size() < wanted) (near_duplicate(c, chosen) ? copies : chosen).push_back(std::move(c));
  }
  for (std::size_t i = 0; i < copies.size() && chosen.size() < wanted; ++i) chosen.push_back(std::move(copies[i]));
  return chosen;
}

std::vector<Pooled::Member> Pooled::members(std::span<const Candidate> offered) const {
  // Answers that are out are taken to come in as expected.
  const std::size_t given = std::min(pending_.size(), kOfferedMost), n = offered.size();
  std::vector<std::uint32_t> arms;
  linalg::Matrix<double> f(given + n, models_.front().dimension());
  const auto add = [&](const Candidate& c) {
    features(c, f.row(arms.size()));
    arms.push_back(c.arm);
  };
  for (auto at = pending_.begin(); arms.size() < given; ++at) add(at->second);
  for (const Candidate& c : offered) add(c);
  std::vector<Member> out;
  const auto w = shares();
  for (std::size_t m = 0; m < models_.size(); ++m) {
    double weight = 0.0;
    for (std::size_t b = 0; b < w.columns(); ++b) weight += w(m, b) * models_[m].noise_variance(b);
    if (weight == 0.0) continue;
    out.push_back(
        {weight, std::vector<double>(n, 0.0), std::vector<double>(n, 0.0), models_[m].predict(arms, f.view(), given)});
    Member& member = out.back();
    for (std::size_t b = 0; b < w.columns(); ++b) {
      for (std::size_t i = 0; i < n; ++i) {
        const double expected = member.joint.mean(b, i);
        member.mean[i] += w(m, b) * expected;
        member.square[i] += w(m, b) * expected * expected;
      }
    }
  }
  return out;
}

std::vector<Candidate> Pooled::choose(std::vector<Candidate> offered, std::size_t ranked, std::size_t wanted,
                                      const LinearScore& score) const {
  const std::size_t n = offered.size();
  auto members = this->members(offered);
  std::vector<double> mean(n, 0.0), between(n, 0.0);  // of the average; variance between the priors' means
  for (std::size_t i = 0; i < n; ++i) {
    for (const auto& m : members) {
      mean[i] += m.mean[i];
      between[i] += m.square[i];
    }
    between[i] = std::max(0.0, between[i] - mean[i] * mean[i]);
  }
  std::vector<Candidate> chosen;
  std::vector<bool> gone(n, false);
  std::vector<std::size_t> copies;  // passed over, best first
  for (std::size_t i = 0; i < std::min(ranked, n); ++i) {
    gone[i] = true;
    if (near_duplicate(offered[i], chosen)) {
      copies.push_back(i);
      continue;
    }
    for (auto& m : members) m.joint.pretend(i);
    chosen.push_back(std::move(offered[i]));
  }
  while (chosen.size() < wanted) {
    std::size_t best = n;
    double best_score = 0.0, best_bound = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      if (gone[i]) continue;
      double variance = between[i];
      for (const auto& m : members) variance += m.weight * std::max(0.0, m.joint.variance[i]);
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
      copies.push_back(best);
      continue;
    }
    for (auto& m : members) m.joint.pretend(best);
    chosen.push_back(std::move(offered[best]));
  }
  // A round is filled up with copies rather than left short: in a corpus of copies it would be one document at a time.
  for (std::size_t i = 0; i < copies.size() && chosen.size() < wanted; ++i)
    chosen.push_back(std::move(offered[copies[i]]));
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
  std::vector<std::uint32_t> arms;
  std::vector<double> rewards;
  linalg::Matrix<double> f(outcomes.size(), models_.front().dimension());
  for (const Outcome& o : outcomes) {
    pending_.erase(o.document.number);
    if (!o.answered) continue;
    features(o.document, f.row(arms.size()));
    arms.push_back(o.document.arm);
    rewards.push_back(o.reward);
    billed_beyond_text_ += o.tokens > 0 ? o.tokens - double{o.document.tokens} : kTokensBeyondText;
    ++observed_;
  }
  for (auto& m : models_) m.observe(arms, f.view().slice(0, arms.size()), rewards);
}

std::vector<Term> Pooled::explain(const Candidate& c) const {
  const LinearScore score = mean_score();
  const double similarity = score.similarity * double{c.similarity}, cluster = score.offsets[c.arm];
  const double value = score.value(c.arm, double{c.similarity}, c.embedding);
  std::vector<double> f(models_.front().dimension());
  features(c, f);
  const auto w = shares();
  double variance = 0.0;
  for (std::size_t m = 0; m < models_.size(); ++m) {
    const auto joint = models_[m].predict({&c.arm, 1}, {f.data(), 1, f.size()});
    for (std::size_t b = 0; b < w.columns(); ++b) {
      const double off = joint.mean(b, 0) - value;
      variance += w(m, b) * (models_[m].noise_variance(b) * joint.variance[0] + off * off);
    }
  }
  return {{"cluster", cluster},
          {"similarity to the guide", similarity},
          {"embedding", value - cluster - similarity},
          {"standard deviation", std::sqrt(variance)}};
}

std::vector<Term> Pooled::state() const {
  const auto w = shares();
  const auto theta = mean_theta(w);
  double noise = 0.0, believed = 0.0;
  for (std::size_t m = 0; m < models_.size(); ++m) {
    for (std::size_t b = 0; b < w.columns(); ++b) {
      noise += w(m, b) * models_[m].noise_variance(b);
      believed += w(m, b) * params_.beliefs[b];
    }
  }
  return {{"observed", static_cast<double>(observed_)},
          {"noise variance", noise},
          {"reward per deviation of similarity", theta[kZ]},
          {"reward per deviation of the cluster's similarity", theta[kArmZ]},
          {"belief in similarity", believed}};
}

std::unique_ptr<Policy> make_thompson_policy(const PolicyParams& params, Facts facts) {
  return std::make_unique<Pooled>(params, std::move(facts), Choice::sample);
}
std::unique_ptr<Policy> make_pooled_policy(const PolicyParams& params, Facts facts) {
  return std::make_unique<Pooled>(params, std::move(facts), Choice::upper_bound);
}

}  // namespace equal::bandit
