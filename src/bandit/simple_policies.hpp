// Policies that learn nothing: random, full, nearest, static.
#pragma once

#include <cmath>

#include "equal/bandit/policy.hpp"

namespace equal::bandit {

/// The whole corpus in one order: random (hash), full (corpus), nearest (similarity).
class InOrder final : public Policy {
 public:
  explicit InOrder(Order order) : order_(order) {}
  std::vector<Candidate> decide(Documents& documents, std::size_t room) override;
  void asked(std::span<const Candidate>) override {}
  void observe(std::span<const Outcome>, std::span<const Pull>) override {}
  std::vector<Term> explain(const Candidate& candidate) const override;
  std::vector<Term> state() const override { return {}; }

 private:
  Order order_;
};

/// Arms by similarity of their centroid to the guide, each emptied before the next; inside an arm in random order.
class Static final : public Policy {
 public:
  explicit Static(Facts facts);
  std::vector<Candidate> decide(Documents& documents, std::size_t room) override;
  void asked(std::span<const Candidate>) override {}
  void observe(std::span<const Outcome>, std::span<const Pull>) override {}
  std::vector<Term> explain(const Candidate& candidate) const override;
  std::vector<Term> state() const override { return {}; }

 private:
  Facts facts_;
  std::vector<std::uint32_t> ranking_;
};

}  // namespace equal::bandit
