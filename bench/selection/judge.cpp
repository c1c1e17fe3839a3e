#include "judge.hpp"

#include <algorithm>
#include <numeric>

#include "equal/linalg/gemm.hpp"
#include "equal/transport/rewards.hpp"

namespace equal::bench {
namespace {

constexpr float kUseful = 0.6F, kCovered = 0.75F;

linalg::Matrix<float> rows_of(const linalg::Matrix<float>& from, std::span<const std::size_t> which) {
  linalg::Matrix<float> out(which.size(), from.columns());
  for (std::size_t r = 0; r < which.size(); ++r)
    std::copy(from.row(which[r]).begin(), from.row(which[r]).end(), out.row(r).begin());
  return out;
}

}  // namespace

std::vector<int> useful_pairs(const ReplayCorpus& corpus, const ReplayTarget& target) {
  std::vector<int> out(corpus.documents.rows(), 0);
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t p = corpus.first_pair[i]; p < corpus.first_pair[i + 1]; ++p)
      out[i] += target.nearest_test[p] > kUseful;
  }
  return out;
}

Verdict judge(const View& view, const ReplayTarget& target, const linalg::Matrix<float>& judge_pairs, const Run& run,
              const transport::MarginalParams& marginal, bool with_transport, const LanguageJudge* language) {
  const ReplayCorpus& corpus = *view.corpus;
  Verdict v;
  transport::MarginalReward credit(view.guide.view(), marginal);
  std::vector<std::pair<double, std::size_t>> by_credit;
  for (const auto d : run.documents) {
    const auto earned = credit.credit(corpus.pairs_of(d));
    for (std::size_t i = 0; i < earned.pairs.size(); ++i) {
      const std::size_t p = corpus.first_pair[d] + i;
      by_credit.emplace_back(-earned.pairs[i], p);
      v.useful += target.nearest_test[p] > kUseful;
      if (!target.nearest_beside.empty()) v.useful_beside += target.nearest_beside[p] > kUseful;
    }
    v.on_target += std::count(target.domains.begin(), target.domains.end(), corpus.domain[d]) > 0;
  }
  v.pairs = static_cast<double>(by_credit.size());
  v.on_target /= std::max<double>(1.0, static_cast<double>(run.documents.size()));
  v.calls_per_useful = static_cast<double>(run.documents.size()) / std::max(1.0, v.useful);
  if (by_credit.empty()) return v;
  std::sort(by_credit.begin(), by_credit.end());
  std::vector<std::size_t> pairs;
  for (const auto& [c, p] : by_credit) pairs.push_back(p);
  // Coverage, a block of test items at a time.
  const auto selected = rows_of(judge_pairs, pairs);
  constexpr std::size_t kBlock = 64;
  linalg::Matrix<float> cosines(kBlock, selected.rows());
  const std::size_t tests = target.judge_tests.rows();
  for (std::size_t first = 0; first < tests; first += kBlock) {
    const std::size_t n = std::min(kBlock, tests - first);
    linalg::gemm_nt(1.0F, target.judge_tests.view().slice(first, n), selected.view(), 0.0F, cosines.view().slice(0, n));
    for (std::size_t r = 0; r < n; ++r) {
      const float nearest = *std::max_element(cosines.row(r).begin(), cosines.row(r).end());
      v.covered += (nearest > kCovered) / static_cast<double>(tests);
      v.mean_nearest += double{nearest} / static_cast<double>(tests);
    }
  }
  if (language != nullptr) {
    KneserNey model(4, 0.75, language->vocabulary);
    for (const std::size_t p : pairs) model.add(language->pairs.text(corpus.pair_id[p]));
    std::vector<std::span<const Word>> texts;
    for (std::size_t i = 0; i < language->tests.size(); ++i) texts.push_back(language->tests.text(i));
    v.cross_entropy = model.cross_entropy(texts);
  }
  if (with_transport) {
    pairs.resize(std::min(pairs.size(), kTransportPairs));
    const auto best = rows_of(judge_pairs, pairs);
    std::vector<std::size_t> sample;  // evenly spaced: the test sets are in random order
    for (std::size_t j = 0; j < std::min(tests, kTransportPairs); ++j)
      sample.push_back(j * tests / std::min(tests, kTransportPairs));
    const auto holdout = rows_of(target.judge_tests, sample);
    v.transport = transport::TransportReward(holdout.view(), {}).distance(best.view());
  }
  return v;
}

}  // namespace equal::bench
