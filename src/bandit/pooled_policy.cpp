#include "pooled_policy.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace equal::bandit {
namespace {

// Places in the feature vector.
constexpr std::size_t kOne = 0, kZ = 1, kArmZ = 2, kEmbedding = 3;

double cosine(std::span<const float> a, std::span<const float> b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

}  // namespace

Pooled::Pooled(const PolicyParams& params, Facts facts, Choice choice)
    : params_(params), facts_(std::move(facts)), choice_(choice) {
  const std::size_t dim = facts_.centroids.columns();
  center_.assign(dim, 0.0);
  double documents = 0.0, spread = 0.0;
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
  spread = std::max(1e-6, 1.0 - norm);  // documents are unit vectors
  scale_ = 1.0 / std::sqrt(spread);
  for (const double belief : {0.0, 0.5, 1.0}) {
    for (const double embedding : {0.5, 4.0}) {
      LinearPrior prior;
      prior.mean.assign(kEmbedding + dim, 0.0);
      prior.variance.assign(kEmbedding + dim, embedding);
      prior.mean[kOne] = 0.05;
      prior.mean[kZ] = 0.1 * belief;
      prior.mean[kArmZ] = 0.1 * belief;
      prior.variance[kOne] = 0.1;
      prior.variance[kZ] = prior.variance[kArmZ] = 0.05;
      prior.arm_variance = 0.5;
      models_.emplace_back(std::move(prior));
    }
  }
}

std::vector<double> Pooled::features(std::uint32_t arm, double similarity, std::span<const float> embedding) const {
  std::vector<double> f(kEmbedding + center_.size());
  f[kOne] = 1.0;
  f[kZ] = (similarity - facts_.similarity_mean) / facts_.similarity_sd;
  f[kArmZ] = (facts_.arms[arm].similarity - facts_.similarity_mean) / facts_.similarity_sd;
  for (std::size_t i = 0; i < center_.size(); ++i) f[kEmbedding + i] = scale_ * (double{embedding[i]} - center_[i]);
  return f;
}

std::vector<double> Pooled::weights() const {
  double best = models_.front().log_evidence(), sum = 0.0;
  for (const auto& m : models_) best = std::max(best, m.log_evidence());
  std::vector<double> w;
  for (const auto& m : models_) sum += w.emplace_back(std::exp(m.log_evidence() - best));
  for (double& x : w) x /= sum;
  return w;
}

LinearScore Pooled::mean_score() const {
  const auto w = weights();
  std::vector<double> theta(models_.front().dimension(), 0.0);
  LinearScore score;
  score.offsets.assign(facts_.arms.size(), 0.0);
  for (std::size_t m = 0; m < models_.size(); ++m) {
    const auto c = models_[m].coefficients();
    for (std::size_t i = 0; i < theta.size(); ++i) theta[i] += w[m] * c[i];
    for (std::uint32_t a = 0; a < facts_.arms.size(); ++a) score.offsets[a] += w[m] * models_[m].intercept(a);
  }
  score.embedding.resize(center_.size());
  double constant = theta[kOne] - theta[kZ] * facts_.similarity_mean / facts_.similarity_sd;
  for (std::size_t i = 0; i < center_.size(); ++i) {
    score.embedding[i] = static_cast<float>(scale_ * theta[kEmbedding + i]);
    constant -= double{score.embedding[i]} * center_[i];
  }
  score.similarity = theta[kZ] / facts_.similarity_sd;
  for (std::size_t a = 0; a < facts_.arms.size(); ++a) {
    score.offsets[a] += constant + theta[kArmZ] * (facts_.arms[a].similarity - facts_.similarity_mean) / facts_.similarity_sd;
  }
  return score;
}

std::size_t Pooled::round_size(std::size_t room) const {
  const auto grown = static_cast<std::size_t>(params_.round_growth * static_cast<double>(observed_));
  return std::min(room, std::max(params_.round_min, grown));
}

std::vector<Candidate> Pooled::decide(Documents& documents, std::size_t room) {
  const std::size_t wanted = round_size(room);
  std::vector<std::uint32_t> arms;
  for (std::uint32_t a = 0; a < facts_.arms.size(); ++a) {
    if (documents.remaining(a) > 0) arms.push_back(a);
  }
  std::vector<Candidate> offered = documents.best(mean_score(), arms, 4 * wanted + 64);
  const auto w = weights();
  std::vector<LinearModel> models = models_;
  for (const auto& [number, c] : pending_) {
    for (auto& m : models) m.pretend(c.arm, features(c.arm, c.similarity, c.embedding));
  }
  std::vector<Candidate> chosen;
  std::vector<bool> used(offered.size(), false);
  while (chosen.size() < wanted) {
    std::size_t best = offered.size();
    double best_value = 0.0;
    for (std::size_t i = 0; i < offered.size(); ++i) {
      if (used[i]) continue;
      const auto f = features(offered[i].arm, offered[i].similarity, offered[i].embedding);
      double value = 0.0;
      for (std::size_t m = 0; m < models.size(); ++m) {
        if (w[m] < 0.01) continue;
        const auto p = models[m].predict(offered[i].arm, f);
        value += w[m] * (p.mean + 0.5 * std::sqrt(p.variance));
      }
      if (best == offered.size() || value > best_value) best = i, best_value = value;
    }
    if (best == offered.size()) break;
    used[best] = true;
    const bool copy = std::any_of(chosen.begin(), chosen.end(), [&](const Candidate& c) {
      return cosine(c.embedding, offered[best].embedding) > params_.near_duplicate;
    });
    if (copy) continue;
    chosen.push_back(offered[best]);
    for (std::size_t m = 0; m < models.size(); ++m) {
      if (w[m] >= 0.01) models[m].pretend(chosen.back().arm, features(chosen.back().arm, chosen.back().similarity, chosen.back().embedding));
    }
  }
  return chosen;
}

void Pooled::asked(std::span<const Candidate> decision) {
  for (const Candidate& c : decision) pending_.emplace(c.number, c);
  ++rounds_;
}

void Pooled::observe(std::span<const Outcome> outcomes, std::span<const Pull>) {
  for (const Outcome& o : outcomes) {
    pending_.erase(o.document.number);
    if (!o.answered) continue;
    const auto f = features(o.document.arm, o.document.similarity, o.document.embedding);
    for (auto& m : models_) m.observe(o.document.arm, f, o.reward);
    ++observed_;
  }
}

std::vector<Term> Pooled::explain(const Candidate& c) const {
  const LinearScore score = mean_score();
  return {{"cluster", score.offsets[c.arm]},
          {"similarity to the guide", score.similarity * double{c.similarity}},
          {"embedding", score.value(c.arm, c.similarity, c.embedding) - score.offsets[c.arm] - score.similarity * double{c.similarity}}};
}

std::vector<Term> Pooled::state() const {
  const auto w = weights();
  double noise = 0.0, z = 0.0;
  for (std::size_t m = 0; m < models_.size(); ++m) {
    noise += w[m] * models_[m].noise_variance();
    z += w[m] * models_[m].coefficients()[kZ];
  }
  return {{"observed", static_cast<double>(observed_)}, {"noise variance", noise}, {"weight of similarity", z}};
}

}  // namespace equal::bandit
