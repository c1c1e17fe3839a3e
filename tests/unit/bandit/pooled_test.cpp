#include <set>

#include <gtest/gtest.h>

#include "toy.hpp"

namespace equal::bandit {
namespace {

using Reward = std::function<double(const Toy&, std::size_t)>;

struct Played {
  std::vector<std::uint64_t> documents;
  double earned = 0.0;
};

struct Loop {
  const Toy& toy;
  Facts facts;
  PolicyParams params;
  std::string name = "pooled";

  Played play(const Reward& reward, std::size_t budget) const {
    const auto pool = toy.pool();
    const auto policy = make_policy(name, params, facts);
    Played out;
    while (out.documents.size() < budget) {
      const auto decision = policy->decide(*pool, budget - out.documents.size());
      if (decision.empty()) break;
      EXPECT_LE(decision.size(), budget - out.documents.size());
      pool->mark(numbers(decision));
      policy->asked(decision);
      std::vector<Outcome> outcomes;
      for (const auto& c : decision) {
        outcomes.push_back({.document = c, .reward = reward(toy, c.number)});
        out.earned += outcomes.back().reward;
        out.documents.push_back(c.number);
      }
      policy->observe(outcomes, {});
    }
    return out;
  }
};

// Documents of arm 3 pay, whatever the similarity says.
double arm_three(const Toy& toy, std::size_t i) { return toy.arm[i] == 3 ? 1.0 : 0.0; }

class Learning : public testing::TestWithParam<const char*> {};

TEST_P(Learning, FindsThePayingArmWhenSimilarityMisleads) {
  Toy toy = make_toy(600, 12, 16, 1);
  for (std::size_t i = 0; i < 600; ++i) toy.similarity[i] = static_cast<float>(mix64(i) % 1000) / 1000.0F;
  const Loop loop{toy, make_facts(toy), {}, GetParam()};
  const double holds = static_cast<double>(std::count(toy.arm.begin(), toy.arm.end(), 3U));
  const Played played = loop.play(arm_three, 150);
  EXPECT_GT(played.earned, 0.8 * holds) << "of " << holds;
  // By chance a quarter of them would have been asked.
}

TEST_P(Learning, FollowsSimilarityWhenItIsRight) {
  const Toy toy = make_toy(600, 12, 16, 2);
  const Loop loop{toy, make_facts(toy), {}, GetParam()};
  const auto reward = [](const Toy& t, std::size_t i) { return std::max(0.0, 2.0 * (double{t.similarity[i]} - 0.3)); };
  Loop nearest = loop;
  nearest.name = "nearest";
  const double share = loop.name == "thompson" ? 0.8 : 0.9;  // sampling pays for its curiosity
  EXPECT_GT(loop.play(reward, 60).earned, share * nearest.play(reward, 60).earned);
}

TEST_P(Learning, AsksEveryDocumentOnceWhenTheBudgetAllows) {
  const Toy toy = make_toy(90, 5, 6, 3);
  for (const double ranked_share : {0.0, 0.5}) {
    // Nearly all count as copies of each other.
    const PolicyParams params{.ranked_share = ranked_share, .near_duplicate = 0.5};
    const Played played = (Loop{toy, make_facts(toy), params, GetParam()}).play(arm_three, 1000);
    EXPECT_EQ(std::set<std::uint64_t>(played.documents.begin(), played.documents.end()).size(), 90U);
    EXPECT_EQ(played.documents.size(), 90U);
  }
}

TEST_P(Learning, OneArmOneDocumentAndAConstantSimilarityAreNoSpecialCases) {
  Toy toy = make_toy(1, 1, 4, 4);
  EXPECT_EQ((Loop{toy, make_facts(toy), {}, GetParam()}).play(arm_three, 5).documents.size(), 1U);
  toy = make_toy(30, 1, 4, 4);
  toy.similarity.assign(30, 0.5F);
  EXPECT_EQ((Loop{toy, make_facts(toy), {}, GetParam()}).play(arm_three, 20).documents.size(), 20U);
}

TEST_P(Learning, IsAFunctionOfSeedAndObservations) {
  const Toy toy = make_toy(300, 6, 8, 5);
  const Loop loop{toy, make_facts(toy), {.seed = 3}, GetParam()};
  EXPECT_EQ(loop.play(arm_three, 80).documents, loop.play(arm_three, 80).documents);
}

TEST_P(Learning, ReplayedObservationsGiveTheSameNextDecision) {
  const Toy toy = make_toy(300, 6, 8, 6);
  const auto pool = toy.pool();
  const auto lived = make_policy(GetParam(), {}, make_facts(toy)),
             replayed = make_policy(GetParam(), {}, make_facts(toy));
  for (int t = 0; t < 5; ++t) {
    const auto decision = lived->decide(*pool, 100);
    pool->mark(numbers(decision));
    std::vector<Outcome> outcomes;
    for (const auto& c : decision) outcomes.push_back({.document = c, .reward = arm_three(toy, c.number)});
    for (Policy* p : {lived.get(), replayed.get()}) {
      p->asked(decision);
      if (t < 4) p->observe(outcomes, {});  // the last round is still out
    }
  }
  EXPECT_EQ(numbers(lived->decide(*pool, 100)), numbers(replayed->decide(*pool, 100)));
}

INSTANTIATE_TEST_SUITE_P(Policies, Learning, testing::Values("pooled", "thompson"));

TEST(Pooled, WithAnswersOutItDoesNotAskNeighboursOfWhatIsOut) {
  // Five pairs of almost equal documents, all with the same expected value.
  Toy toy = make_toy(10, 1, 32, 7);
  for (std::size_t i = 0; i < 10; ++i) {
    toy.similarity[i] = 0.5F;
    if (i % 2 == 1)
      std::copy(toy.embedding.row(i - 1).begin(), toy.embedding.row(i - 1).end(), toy.embedding.row(i).begin());
  }
  const auto pool = toy.pool();
  const auto policy = make_policy("pooled", {.round_min = 5, .near_duplicate = 2.0}, make_facts(toy));
  const auto first = policy->decide(*pool, 2);
  pool->mark(numbers(first));
  policy->asked(first);
  std::set<std::uint64_t> twins;
  for (const auto& c : first) twins.insert(c.number / 2);
  for (const auto& c : policy->decide(*pool, 3)) twins.insert(c.number / 2);
  EXPECT_EQ(twins.size(), 5U);
}

TEST(Pooled, ARoundOfCopiesIsAWholeRound) {
  // Every document resembles those asked before: rounds of one document each would leave a server idle.
  const Toy toy = make_toy(90, 5, 6, 3);
  const auto pool = toy.pool();
  const auto policy = make_policy("pooled", {.round_min = 8, .near_duplicate = -2.0}, make_facts(toy));
  const auto first = policy->decide(*pool, 8);
  EXPECT_EQ(first.size(), 8U);
  pool->mark(numbers(first));
  policy->asked(first);
  EXPECT_EQ(policy->decide(*pool, 8).size(), 8U);
}

TEST(Pooled, StopsWhenNothingIsWorthIt) {
  const Toy toy = make_toy(400, 6, 8, 8);
  const Loop loop{toy, make_facts(toy), {.stop_value = 0.3, .stop_after = 50}};
  const auto nothing = loop.play([](const Toy&, std::size_t) { return 0.0; }, 400);
  EXPECT_GE(nothing.documents.size(), 50U);
  EXPECT_LT(nothing.documents.size(), 120U);
  EXPECT_EQ(loop.play([](const Toy&, std::size_t) { return 1.0; }, 400).documents.size(), 400U);
}

TEST(Pooled, CountedInTokensItPrefersShortDocumentsOfEqualValue) {
  Toy toy = make_toy(200, 1, 8, 9);
  toy.similarity.assign(200, 0.5F);
  for (std::size_t i = 0; i < 200; ++i) {
    toy.tokens[i] = i % 2 == 0 ? 100.0F : 4000.0F;
    std::copy(toy.embedding.row(0).begin(), toy.embedding.row(0).end(), toy.embedding.row(i).begin());
  }
  Loop loop{toy, make_facts(toy), {.cost = Cost::tokens, .near_duplicate = 2.0}};
  std::size_t longs = 0;
  for (const auto d : loop.play([](const Toy&, std::size_t) { return 1.0; }, 60).documents) longs += d % 2;
  EXPECT_EQ(longs, 0U);
}

TEST(Pooled, AShareOfARoundCanFollowSimilarity) {
  // What was learned speaks against similarity; the only prior believes in it all the same.
  const Toy toy = make_toy(400, 8, 16, 12);
  const auto pool = toy.pool();
  const auto ranked = pool->draw_any(4, Order::similarity);
  const auto first_four = [&](double share) {
    const auto policy =
        make_policy("pooled", {.round_min = 20, .beliefs = {1.0}, .ranked_share = share}, make_facts(toy));
    std::vector<Outcome> outcomes;
    for (std::uint64_t i = 0; i < 400; ++i) {
      const auto document = pool->lookup({&i, 1}).front();
      const bool top = std::any_of(ranked.begin(), ranked.end(), [&](const auto& r) { return r.number == i; });
      if (!top && i % 10 == 0)
        outcomes.push_back({.document = document, .reward = 1.0 - 2.0 * double{document.similarity}});
    }
    policy->observe(outcomes, {});
    const auto chosen = numbers(policy->decide(*pool, 20));
    return std::count_if(ranked.begin(), ranked.end(),
                         [&](const auto& r) { return std::count(chosen.begin(), chosen.end(), r.number) > 0; });
  };
  EXPECT_EQ(first_four(0.2), 4);
  EXPECT_LT(first_four(0.0), 4);
}

TEST(Pooled, OpensOnlyAsManyArmsAsItWasAllowed) {
  const Toy toy = make_toy(500, 10, 8, 10);
  Facts facts = make_facts(toy);
  const auto pool = toy.pool();
  struct Watch final : Documents {
    explicit Watch(DocumentPool& p) : pool(p) {}
    std::uint64_t remaining(std::uint32_t arm) const override { return pool.remaining(arm); }
    std::vector<Candidate> draw(std::span<const Draw> d, Order o) override { return pool.draw(d, o); }
    std::vector<Candidate> draw_any(std::size_t n, Order o) override { return pool.draw_any(n, o); }
    std::vector<std::vector<Candidate>> best(std::span<const Ranking> rankings,
                                             std::span<const std::uint32_t> arms) override {
      std::uint64_t documents = 0;
      for (const auto a : arms) documents += pool.remaining(a);
      most = std::max(most, documents);
      return pool.best(rankings, arms);
    }
    DocumentPool& pool;
    std::uint64_t most = 0;
  } watch(*pool);
  EXPECT_EQ(make_policy("pooled", {.open_documents = 60}, facts)->decide(watch, 10).size(), 10U);
  EXPECT_GE(watch.most, 60U);
  EXPECT_LT(watch.most, 180U);  // the last arm may overshoot
}

TEST(Pooled, ExplainsAValueByTermsThatAddUp) {
  const Toy toy = make_toy(200, 4, 8, 11);
  const auto pool = toy.pool();
  const auto policy = make_policy("pooled", {}, make_facts(toy));
  const auto decision = policy->decide(*pool, 10);
  std::vector<Outcome> outcomes;
  for (const auto& c : decision) outcomes.push_back({.document = c, .reward = 0.7});
  policy->asked(decision);
  policy->observe(outcomes, {});
  const auto next = policy->decide(*pool, 1);
  const auto terms = policy->explain(next.front());
  ASSERT_EQ(terms.size(), 4U);
  EXPECT_EQ(terms[3].name, "standard deviation");
  EXPECT_GT(terms[3].value, 0.0);
  const auto before = make_policy("pooled", {}, make_facts(toy))->explain(next.front());
  const double raised =
      terms[0].value + terms[1].value + terms[2].value - before[0].value - before[1].value - before[2].value;
  EXPECT_GT(raised, 0.2);  // ten documents earned 0.7 each
  EXPECT_LT(terms[3].value, before[3].value);
}

}  // namespace
}  // namespace equal::bandit
