#include "equal/bandit/documents.hpp"

#include "equal/linalg/gemm.hpp"

namespace equal::bandit {

double LinearScore::value(std::uint32_t arm, double sim, std::span<const float> x) const noexcept {
  double v = (offsets.empty() ? 0.0 : offsets[arm]) + similarity * sim;
  if (!embedding.empty()) v += linalg::dot_fixed_order(embedding, x);
  return v;
}

bool drawn_before(const Candidate& a, const Candidate& b, Order order) noexcept {
  if (order == Order::hash && a.hash != b.hash) return a.hash < b.hash;
  if (order == Order::similarity && a.similarity != b.similarity) return a.similarity > b.similarity;
  return a.number < b.number;
}

}  // namespace equal::bandit
