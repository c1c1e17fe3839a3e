// `released` and `paper` step by step: every number below was worked out by hand from the rules in
// src/bandit/published_policies.hpp.
#include <cmath>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"

#include "support/message.hpp"
#include "toy.hpp"

namespace equal::bandit {
namespace {

// Five arms with 4, 3, 6, 2 and 1 documents, numbered in corpus order across arms.
Toy five_arms() {
  Toy toy;
  toy.arms = 5;
  toy.arm = {0, 1, 2, 3, 2, 0, 1, 2, 4, 0, 2, 3, 1, 2, 0, 2};
  toy.embedding = linalg::Matrix<float>(toy.arm.size(), 2, 0.5F);
  toy.similarity.assign(toy.arm.size(), 0.0F);
  toy.tokens.assign(toy.arm.size(), 1.0F);
  return toy;
}

struct Step {
  std::vector<std::uint64_t> documents;  // expected decision
  std::vector<Pull> pulls;               // what is then observed
};

void replay(std::string_view name, const PolicyParams& params, Facts facts, const std::vector<Step>& steps) {
  const Toy toy = five_arms();
  const auto pool = toy.pool();
  const auto policy = make_policy(name, params, std::move(facts));
  for (std::size_t t = 0; t < steps.size(); ++t) {
    const auto decision = policy->decide(*pool, 100);
    EXPECT_EQ(numbers(decision), steps[t].documents) << "round " << t;
    pool->mark(numbers(decision));
    policy->asked(decision);
    std::vector<Outcome> outcomes;
    for (const auto& c : decision) outcomes.push_back({.document = c});
    policy->observe(outcomes, steps[t].pulls);
  }
}

TEST(Released, StepByStep) {
  Facts facts = make_facts(five_arms());
  facts.arms[1].neighbours = {1, 2};  // a pull of 1 is credited to 1 and 2
  facts.arms[3].neighbours = {3, 4};
  const PolicyParams params{.pull_documents = 2, .round_arms = 2, .alpha = 0.001};
  replay("released", params, facts,
         {
             // Round 0: arms 0 and 1, documents in corpus order.
             {{0, 5, 1, 6}, {{.arm = 0, .documents = 2, .reward = -0.4}, {.arm = 1, .documents = 2, .reward = 0.3}}},
             // Credits 1, 1, 1, 0, 0 (sum 3). Means -0.4, 0.3, 0.3, 0, 0. Bonus 0.001 sqrt(2 ln 3 / 2) = 0.00105 where
             // one credit, 0.00148 where none. Arm 1 has 1 document left (< 2) and arm 4 ever had 1: both are out.
             // Best: 2 (0.30105), then 3 (0.00148).
             {{2, 4, 3, 11}, {{.arm = 2, .documents = 2, .reward = 0.1}, {.arm = 3, .documents = 2, .reward = -0.2}}},
             // Credits 1, 1, 2, 1, 1 (sum 6). Means -0.4, 0.3, 0.2, -0.2, -0.2. Arm 3 is empty. Best: 2, then 0.
             {{7, 10, 9, 14}, {{.arm = 2, .documents = 2, .reward = -0.9}, {.arm = 0, .documents = 2, .reward = 0.0}}},
             // Credits 2, 1, 3, 1, 1. Means -0.2, 0.3, -0.1667: only arm 2 has 2 left; a round may be short.
             {{13, 15}, {{.arm = 2, .documents = 2, .reward = 0.0}}},
             // Remainders of arms 1 and 4 are discarded: the end.
             {{}, {}},
         });
}

TEST(Released, TheBonusDecidesBetweenEqualMeans) {
  // After round 0 all means are 0: arm 2 and 3, never credited, have the larger bonus; ties go to the lower arm.
  Facts facts = make_facts(five_arms());
  replay("released", {.pull_documents = 1, .round_arms = 2}, facts,
         {{{0, 1}, {{.arm = 0, .reward = 0.0}, {.arm = 1, .reward = 0.0}}}, {{2, 3}, {}}});
}

TEST(Released, RoundsAreFiftyOfNineHundredArms) {
  Facts facts;
  facts.arms.resize(173);
  facts.centroids = linalg::Matrix<float>(173, 2);
  Toy toy = five_arms();
  toy.arms = 173;
  toy.arm.clear();
  for (std::uint32_t i = 0; i < 1730; ++i) toy.arm.push_back(i % 173);
  toy.embedding = linalg::Matrix<float>(1730, 2);
  toy.similarity.assign(1730, 0.0F);
  toy.tokens.assign(1730, 1.0F);
  const auto pool = toy.pool();
  const auto policy = make_policy("released", {}, facts);
  EXPECT_EQ(policy->decide(*pool, 1000).size(), 100U);  // round(50 x 173 / 900) = 10 arms of 10 documents
  EXPECT_EQ(policy->decide(*pool, 57).size(), 50U);     // the budget ends on whole pulls
  EXPECT_EQ(policy->decide(*pool, 9).size(), 0U);
}

TEST(Paper, StepByStep) {
  const PolicyParams params{.pull_documents = 2, .round_arms = 3};
  replay("paper", params, make_facts(five_arms()),
         {
             // Unvisited arms first, by id.
             {{0, 5, 1, 6, 2, 4}, {{.arm = 0, .reward = 0.10}, {.arm = 1, .reward = 0.50}, {.arm = 2, .reward = 0.45}}},
             // 3 and 4 are unvisited; then the best score: sum T = 3, bonus (1/4) sqrt(2 ln 3) = 0.3706 for each:
             // arm 1. Arm 1 has one document left: a short pull is taken here.
             {{3, 11, 8, 12}, {{.arm = 3, .reward = 0.0}, {.arm = 4, .reward = 0.9}, {.arm = 1, .reward = 0.2}}},
             // Left: arm 0 (0.10, T 1) and 2 (0.45, T 1).
             {{7, 10, 9, 14}, {{.arm = 2, .reward = 0.0}, {.arm = 0, .reward = 0.0}}},
             {{13, 15}, {{.arm = 2, .reward = 0.0}}},
             {{}, {}},
         });
}

TEST(Paper, AnArmWithAPendingPullWaits) {
  const Toy toy = five_arms();
  const auto pool = toy.pool();
  const auto policy = make_policy("paper", {.pull_documents = 1, .round_arms = 3}, make_facts(toy));
  const auto first = policy->decide(*pool, 100);
  pool->mark(numbers(first));
  policy->asked(first);
  EXPECT_EQ(numbers(policy->decide(*pool, 100)), (std::vector<std::uint64_t>{3, 8}));
}

TEST(SimplePolicies, TakeTheirOrder) {
  const Toy toy = make_toy(60, 4, 5, 9);
  const auto pool = toy.pool();
  const Facts facts = make_facts(toy);
  const auto nearest = make_policy("nearest", {}, facts)->decide(*pool, 60);
  for (std::size_t i = 1; i < 60; ++i) EXPECT_GE(nearest[i - 1].similarity, nearest[i].similarity);
  const auto random = make_policy("random", {}, facts)->decide(*pool, 60);
  for (std::size_t i = 1; i < 60; ++i) EXPECT_LT(random[i - 1].hash, random[i].hash);
  const auto full = make_policy("full", {}, facts)->decide(*pool, 1000);
  for (std::size_t i = 0; i < 60; ++i) EXPECT_EQ(full[i].number, i);
  const auto chosen = make_policy("static", {}, facts)->decide(*pool, 60);
  ASSERT_EQ(chosen.size(), 60U);
  for (std::size_t i = 1; i < 60; ++i) {
    EXPECT_GE(facts.arms[chosen[i - 1].arm].similarity, facts.arms[chosen[i].arm].similarity);
  }
}

TEST(MakePolicy, NamesWhatItKnows) {
  const auto said = test::message_of<UsageError>([] { make_policy("greedy", {}, make_facts(make_toy(10, 2, 3, 1))); });
  EXPECT_NE(said.find("released"), std::string::npos) << said;
}

TEST(MakePolicy, RefusesParametersOutOfRangeAndNamesThem) {
  const auto said = [](const PolicyParams& params) {
    return test::message_of<UsageError>([&] { make_policy("pooled", params, make_facts(make_toy(10, 2, 3, 1))); });
  };
  EXPECT_EQ(said({.arm_variance = 0}), "nothing was thrown");
  EXPECT_NE(said({.arm_variance = -0.1}).find("arm variance = -0.1"), std::string::npos);
  EXPECT_NE(said({.noise_weight = 0}).find("noise weight = 0"), std::string::npos);
  EXPECT_NE(said({.round_min = 0}).find("documents a round = 0"), std::string::npos);
  EXPECT_NE(said({.beliefs = {}}).find("at least one belief"), std::string::npos);
}

}  // namespace
}  // namespace equal::bandit
