// bench_round [ARMS 16384] [OPEN 50000] [DIM 384] [OUT 0]: how long `pooled` takes to decide one round and to learn
// from it, on random unit vectors, after 400 answers. One process holds all documents, so the time includes scoring
// every open document. OUT > 0: as answers arrive, with so many documents out beside the eighth of OUT that is decided.
// Prints one JSON line.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <deque>
#include <numeric>
#include <string>
#include <vector>

#include "equal/bandit/document_pool.hpp"
#include "equal/bandit/policy.hpp"
#include "equal/base/json.hpp"
#include "equal/base/random.hpp"
#include "equal/linalg/gemm.hpp"

int main(int argc, char** argv) {
  using namespace equal;
  linalg::use_one_blas_thread();
  const auto argument = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::stoull(argv[i])) : otherwise;
  };
  const std::size_t arms = argument(1, 16384), open = argument(2, 50000), dim = argument(3, 384), held = argument(4, 0),
                    n = std::max(4 * arms, 2 * open);
  RandomStream random(1, "round");
  linalg::Matrix<float> x(n, dim);
  bandit::Facts facts;
  facts.arms.resize(arms);
  facts.centroids = linalg::Matrix<float>(arms, dim);
  bandit::PoolRows rows;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t arm = i * arms / n;
    double norm = 0;
    for (float& v : x.row(i)) {
      v = static_cast<float>(random.normal());
      norm += double{v} * double{v};
    }
    for (std::size_t j = 0; j < dim; ++j) {
      x(i, j) = static_cast<float>(double{x(i, j)} / std::sqrt(norm));
      facts.centroids(arm, j) += x(i, j);
    }
    ++facts.arms[arm].documents;
    rows.number.push_back(i);
    rows.hash.push_back(mix64(i));
    rows.arm.push_back(static_cast<std::uint32_t>(arm));
    rows.similarity.push_back(x(i, 0));
    rows.tokens.push_back(300.0F);
  }
  for (std::size_t a = 0; a < arms; ++a) {
    for (float& v : facts.centroids.row(a)) v /= static_cast<float>(facts.arms[a].documents);
    facts.arms[a].variance = facts.arms[a].radius = 0.9;
  }
  facts.similarity_sd = 1.0 / std::sqrt(static_cast<double>(dim));
  rows.dimension = dim;
  rows.read = [&x](std::size_t first, linalg::MatrixView<float> out) {
    const auto from = x.values().subspan(first * out.columns, out.rows * out.columns);
    std::copy(from.begin(), from.end(), out.data);
  };
  bandit::DocumentPool pool(std::move(rows), arms);
  bandit::PolicyParams params;
  params.open_documents = open;
  if (held > 0) params.round_min = std::max<std::size_t>(1, held / 8);
  const auto policy = bandit::make_policy("pooled", params, std::move(facts));
  std::vector<double> seconds, cpu;  // of a decision: wall and processor time
  double learn_seconds = 0.0;
  std::size_t asked = 0, timed = 0;
  std::deque<bandit::Candidate> unanswered;
  const auto since = [](auto start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  while (asked < 600 + held) {
    const std::clock_t cpu_start = std::clock();
    auto start = std::chrono::steady_clock::now();
    const auto decision = policy->decide(pool, held > 0 ? held / 8 : 100);
    const bool count = asked >= 400 + held;
    if (count) {
      seconds.push_back(since(start));
      cpu.push_back(static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
      timed += decision.size();
    }
    std::vector<std::uint64_t> numbers;
    for (const auto& c : decision) numbers.push_back(c.number);
    pool.mark(numbers);
    policy->asked(decision);
    asked += decision.size();
    unanswered.insert(unanswered.end(), decision.begin(), decision.end());
    std::vector<bandit::Outcome> outcomes;
    while (unanswered.size() > held) {
      const double reward = std::max(0.0, 5.0 * double{unanswered.front().embedding[1]});
      outcomes.push_back({.document = std::move(unanswered.front()), .reward = reward});
      unanswered.pop_front();
    }
    start = std::chrono::steady_clock::now();
    policy->observe(outcomes, {});
    if (count) learn_seconds += since(start);
  }
  const double decide_seconds = std::accumulate(seconds.begin(), seconds.end(), 0.0),
               n_timed = static_cast<double>(timed);
  std::sort(seconds.begin(), seconds.end());
  std::sort(cpu.begin(), cpu.end());
  std::printf("%s\n", dump_json(Json{{"arms", arms},
                                     {"open_documents", open},
                                     {"dim", dim},
                                     {"out", held},
                                     {"rounds", seconds.size()},
                                     {"least_ms", 1e3 * seconds.front()},
                                     {"median_ms", 1e3 * seconds[seconds.size() / 2]},
                                     {"cpu_median_ms", 1e3 * cpu[cpu.size() / 2]},
                                     {"documents", timed},
                                     {"decide_ms_per_document", 1e3 * decide_seconds / n_timed},
                                     {"learn_ms_per_document", 1e3 * learn_seconds / n_timed}})
                          .c_str());
}
