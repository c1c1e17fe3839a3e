// bench_round [ARMS 16384] [OPEN 50000] [DIM 384]: how long `pooled` takes to decide one round, on random unit vectors, after
// 400 answers. One process holds all documents, so the time includes scoring every open document. Prints one JSON line.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
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
  const auto argument = [&](int i, std::size_t otherwise) { return argc > i ? static_cast<std::size_t>(std::stoull(argv[i])) : otherwise; };
  const std::size_t arms = argument(1, 16384), open = argument(2, 50000), dim = argument(3, 384), n = std::max(4 * arms, 2 * open);
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
  const auto policy = bandit::make_policy("pooled", params, std::move(facts));
  std::vector<double> seconds, cpu;  // wall and processor time
  std::size_t asked = 0;
  while (asked < 600) {
    const std::clock_t cpu_start = std::clock();
    const auto start = std::chrono::steady_clock::now();
    const auto decision = policy->decide(pool, 100);
    if (asked >= 400) {
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      cpu.push_back(static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
    }
    std::vector<std::uint64_t> numbers;
    std::vector<bandit::Outcome> outcomes;
    for (const auto& c : decision) {
      numbers.push_back(c.number);
      outcomes.push_back({.document = c, .reward = std::max(0.0, 5.0 * double{c.embedding[1]})});
    }
    pool.mark(numbers);
    policy->asked(decision);
    policy->observe(outcomes, {});
    asked += decision.size();
  }
  std::sort(seconds.begin(), seconds.end());
  std::sort(cpu.begin(), cpu.end());
  std::printf("%s\n", dump_json(Json{{"arms", arms}, {"open_documents", open}, {"dim", dim}, {"rounds", seconds.size()},
                                     {"least_ms", 1e3 * seconds.front()}, {"median_ms", 1e3 * seconds[seconds.size() / 2]},
                                     {"cpu_median_ms", 1e3 * cpu[cpu.size() / 2]}}).c_str());
}
