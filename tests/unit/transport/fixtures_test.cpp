// Against POT and the published IPOT loop: tools/make_transport_fixtures.py made the file, which names their versions.
#include <cmath>

#include <gtest/gtest.h>

#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/transport/cost.hpp"
#include "equal/transport/emd.hpp"
#include "equal/transport/ipot.hpp"
#include "equal/transport/sinkhorn.hpp"

#include "support/scratch.hpp"

namespace equal::transport {
namespace {

template <class T>
linalg::Matrix<T> matrix(const Json& rows) {
  linalg::Matrix<T> out(rows.size(), rows.at(0).size());
  for (std::size_t i = 0; i < out.rows(); ++i)
    for (std::size_t j = 0; j < out.columns(); ++j) out(i, j) = rows.at(i).at(j).get<T>();
  return out;
}

void expect_relative(double ours, double theirs, double tolerance, const std::string& what) {
  EXPECT_NEAR(ours, theirs, tolerance * std::abs(theirs)) << what;
}

TEST(Fixtures, AgreeWithThePeers) {
  const auto path = equal::test::fixture("transport/fixtures.json");
  const Json fixtures = parse_json(read_file(path), path.string());
  ASSERT_GE(fixtures.at("problems").size(), 5U);
  for (const Json& problem : fixtures.at("problems")) {
    SCOPED_TRACE(problem.at("name").get<std::string>());
    const auto x = matrix<float>(problem.at("x")), y = matrix<float>(problem.at("y"));
    const auto cost = matrix<double>(problem.at("cost"));
    const auto a = problem.at("a").get<std::vector<double>>(), b = problem.at("b").get<std::vector<double>>();
    const auto ours = cost_matrix(x.view(), y.view(), CostKind::euclidean);
    for (std::size_t k = 0; k < ours.values().size(); ++k) EXPECT_NEAR(ours.values()[k], cost.values()[k], 4e-7);

    expect_relative(emd(cost.view(), a, b).value, problem.at("emd").get<double>(), 1e-9, "emd");
    for (const Json& expected : problem.at("ipot")) {
      const IpotParams params{.beta = expected.at("beta").get<double>()};
      expect_relative(ipot(cost.view(), a, b, params).value, expected.at("value").get<double>(), 1e-6, "ipot");
    }
    const auto xx = cost_matrix(x.view(), x.view(), CostKind::euclidean),
               yy = cost_matrix(y.view(), y.view(), CostKind::euclidean);
    for (const Json& expected : problem.at("sinkhorn")) {
      SinkhornParams params{
          .epsilon = expected.at("epsilon").get<double>(), .tolerance = 1e-9, .max_iterations = 200000};
      const DivergenceResult result = sinkhorn_divergence(cost.view(), xx.view(), yy.view(), a, b, params);
      ASSERT_TRUE(result.converged());
      expect_relative(result.xy.value, expected.at("value").get<double>(), 1e-6, "sinkhorn value");
      expect_relative(result.xy.objective, expected.at("objective").get<double>(), 1e-6, "sinkhorn objective");
      EXPECT_NEAR(result.value, expected.at("divergence").get<double>(), 1e-6) << "divergence";
    }
  }
}

}  // namespace
}  // namespace equal::transport
