#include "equal/contrast/info_nce.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "equal/contrast/train.hpp"

#include "slopes.hpp"

namespace equal::contrast::test {
namespace {

using linalg::Matrix;

struct Case {
  Matrix<float> queries{4, 6}, candidates{7, 6}, query_grad{4, 6}, candidate_grad{7, 6};
  // 5 has the text of the positive of query 0; 6 comes from the document of query 2.
  std::vector<Candidate> names = {{0, 10}, {1, 11}, {2, 12}, {3, 13}, {9, 14}, {8, 10}, {2, 15}};
  InfoNceParams params;
  Case() {
    fill(queries.values(), "queries", 0.4);
    fill(candidates.values(), "candidates", 0.4);
    params.temperature = 0.5;
  }
  double loss() {
    return info_nce(queries.view(), candidates.view(), names, params, query_grad.view(), candidate_grad.view());
  }
};

TEST(InfoNce, IsTheCrossEntropyOfTheAllowedCandidates) {
  Case c;
  double expected = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    double sum = 0, own = 0;
    for (std::size_t j = 0; j < 7; ++j) {
      if ((i == 0 && j == 5) || (i == 2 && j == 6)) continue;
      double s = 0;
      for (std::size_t k = 0; k < 6; ++k) s += double{c.queries(i, k)} * double{c.candidates(j, k)};
      sum += std::exp(s / 0.5);
      if (i == j) own = s / 0.5;
    }
    expected += (std::log(sum) - own) / 4;
  }
  EXPECT_NEAR(c.loss(), expected, 1e-6);
}

TEST(InfoNce, GradientsInBothDirections) {
  for (const double back : {0.0, 0.5}) {
    Case c;
    c.params.backward_share = back;
    c.loss();
    const Matrix<float> q = c.query_grad, d = c.candidate_grad;
    expect_slopes(c.queries.values(), q.values(), [&] { return c.loss(); });
    expect_slopes(c.candidates.values(), d.values(), [&] { return c.loss(); });
  }
}

TEST(InfoNce, ALowTemperatureDoesNotOverflow) {
  Case c;
  c.params.temperature = 1e-4;
  EXPECT_TRUE(std::isfinite(c.loss()));
  for (const float g : c.query_grad.values()) EXPECT_TRUE(std::isfinite(g));
}

}  // namespace
}  // namespace equal::contrast::test
