// A small corpus with arms, for tests of pools and policies.
#pragma once

#include <cmath>
#include <memory>

#include "equal/bandit/document_pool.hpp"
#include "equal/bandit/policy.hpp"
#include "equal/base/random.hpp"

namespace equal::bandit {

struct Toy {
  std::vector<std::uint32_t> arm;
  linalg::Matrix<float> embedding;
  std::vector<float> similarity, tokens;
  std::size_t arms = 0;

  /// Documents number i; `member(i)` tells which of them a pool holds.
  template <class Member>
  std::unique_ptr<DocumentPool> pool(Member member) const {
    PoolRows rows;
    rows.dimension = embedding.columns();
    std::vector<std::size_t> at;
    for (std::size_t i = 0; i < arm.size(); ++i) {
      if (!member(i)) continue;
      at.push_back(i);
      rows.number.push_back(i);
      rows.hash.push_back(mix64(i + 1));
      rows.arm.push_back(arm[i]);
      rows.similarity.push_back(similarity[i]);
      rows.tokens.push_back(tokens[i]);
    }
    rows.read = [this, at](std::size_t first, linalg::MatrixView<float> out) {
      for (std::size_t r = 0; r < out.rows; ++r) {
        const auto row = embedding.row(at[first + r]);
        std::copy(row.begin(), row.end(), out.row(r).begin());
      }
    };
    return std::make_unique<DocumentPool>(std::move(rows), arms);
  }
  std::unique_ptr<DocumentPool> pool() const {
    return pool([](std::size_t) { return true; });
  }
};

/// n unit vectors around `arms` centres; similarity = first coordinate.
inline Toy make_toy(std::size_t n, std::size_t arms, std::size_t dim, std::uint64_t seed) {
  Toy toy;
  toy.arms = arms;
  toy.embedding = linalg::Matrix<float>(n, dim);
  RandomStream r(seed, "toy");
  linalg::Matrix<double> centre(arms, dim);
  for (double& x : centre.values()) x = r.normal();
  for (std::size_t i = 0; i < n; ++i) {
    const auto a = static_cast<std::uint32_t>(r.below(arms));
    double norm = 0;
    std::vector<double> x(dim);
    for (std::size_t j = 0; j < dim; ++j) {
      x[j] = centre(a, j) + 0.7 * r.normal();
      norm += x[j] * x[j];
    }
    for (std::size_t j = 0; j < dim; ++j) toy.embedding(i, j) = static_cast<float>(x[j] / std::sqrt(norm));
    toy.arm.push_back(a);
    toy.similarity.push_back(toy.embedding(i, 0));
    toy.tokens.push_back(static_cast<float>(100 + r.below(400)));
  }
  return toy;
}

/// Facts of the toy: centroids are the members' means.
inline Facts make_facts(const Toy& toy, std::uint64_t budget = 0) {
  Facts facts;
  facts.arms.resize(toy.arms);
  facts.centroids = linalg::Matrix<float>(toy.arms, toy.embedding.columns());
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < toy.arm.size(); ++i) {
    Arm& arm = facts.arms[toy.arm[i]];
    ++arm.documents;
    arm.similarity += double{toy.similarity[i]};
    for (std::size_t j = 0; j < toy.embedding.columns(); ++j) facts.centroids(toy.arm[i], j) += toy.embedding(i, j);
    sum += double{toy.similarity[i]};
    squares += double{toy.similarity[i]} * double{toy.similarity[i]};
    facts.tokens_mean += double{toy.tokens[i]} / static_cast<double>(toy.arm.size());
  }
  const double n = static_cast<double>(toy.arm.size());
  facts.similarity_mean = sum / n;
  facts.similarity_sd = std::sqrt(squares / n - facts.similarity_mean * facts.similarity_mean);
  for (std::uint32_t a = 0; a < toy.arms; ++a) {
    Arm& arm = facts.arms[a];
    const double count = std::max<double>(1.0, static_cast<double>(arm.documents));
    arm.similarity /= count;
    arm.neighbours = {a};
    for (float& x : facts.centroids.row(a)) x /= static_cast<float>(count);
  }
  facts.budget_documents = budget;
  return facts;
}

inline std::vector<std::uint64_t> numbers(const std::vector<Candidate>& candidates) {
  std::vector<std::uint64_t> out;
  for (const auto& c : candidates) out.push_back(c.number);
  return out;
}

}  // namespace equal::bandit
