#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "equal/bandit/shared_documents.hpp"
#include "equal/bandit/similarity.hpp"
#include "equal/base/error.hpp"

#include "toy.hpp"

namespace equal::bandit {
namespace {

std::vector<std::uint32_t> all_arms(std::size_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

LinearScore some_score(std::size_t arms, std::size_t dim) {
  LinearScore score;
  RandomStream r(5, "score");
  for (std::size_t i = 0; i < dim; ++i) score.embedding.push_back(static_cast<float>(r.normal()));
  for (std::size_t a = 0; a < arms; ++a) score.offsets.push_back(0.1 * r.normal());
  score.similarity = 0.3;
  score.cost_fixed = 50;
  score.cost_per_token = 1;
  return score;
}

TEST(DocumentPool, BestAgreesWithScoringEveryDocument) {
  const Toy toy = make_toy(700, 9, 12, 1);
  const auto pool = toy.pool();
  const LinearScore score = some_score(9, 12);
  const std::vector<std::uint32_t> open{7, 2, 4};
  std::vector<std::pair<double, std::uint64_t>> expected;
  for (std::size_t i = 0; i < 700; ++i) {
    if (toy.arm[i] != 7 && toy.arm[i] != 2 && toy.arm[i] != 4) continue;
    const double value = score.value(toy.arm[i], double{toy.similarity[i]}, toy.embedding.row(i));
    expected.emplace_back(-score.score(value, double{toy.tokens[i]}), i);
  }
  std::sort(expected.begin(), expected.end());
  const std::vector<Ranking> rankings{{some_score(9, 12), 3}, {score, 25}, {score, 0}};
  const auto answers = pool->best(rankings, open);
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[0].size(), 3U);
  EXPECT_TRUE(answers[2].empty());
  const auto& best = answers[1];
  ASSERT_EQ(best.size(), 25U);
  for (std::size_t i = 0; i < 25; ++i) {
    EXPECT_EQ(best[i].number, expected[i].second);
    EXPECT_EQ(best[i].score, -expected[i].first);
    EXPECT_TRUE(
        std::equal(best[i].embedding.begin(), best[i].embedding.end(), toy.embedding.row(best[i].number).begin()));
  }
}

TEST(DocumentPool, MarkedDocumentsAreNeverOfferedAgain) {
  const Toy toy = make_toy(100, 3, 4, 2);
  const auto pool = toy.pool();
  const auto first = pool->draw_any(60, Order::hash);
  pool->mark(numbers(first));
  pool->mark(numbers(first));  // again: no effect
  const auto rest = pool->draw_any(1000, Order::corpus);
  EXPECT_EQ(rest.size(), 40U);
  EXPECT_TRUE(std::is_sorted(rest.begin(), rest.end(), [](auto& a, auto& b) { return a.number < b.number; }));
  std::uint64_t left = 0;
  for (std::uint32_t a = 0; a < 3; ++a) left += pool->remaining(a);
  EXPECT_EQ(left, 40U);
  const Ranking all{some_score(3, 4), 1000};
  const auto offered = pool->best({&all, 1}, all_arms(3));
  EXPECT_EQ(offered[0].size(), 40U);
  for (const auto& c : offered[0]) {
    EXPECT_TRUE(std::none_of(first.begin(), first.end(), [&](auto& f) { return f.number == c.number; }));
  }
  EXPECT_EQ(pool->lookup(numbers(first)).size(), 60U);
}

TEST(DocumentPool, RefusesWhatDoesNotFit) {
  Toy toy = make_toy(10, 2, 4, 2);
  toy.arms = 1;
  EXPECT_THROW(toy.pool(), InternalError);
}

// The same answers from one pool, from three, and from more pools than documents.
class Spread : public testing::TestWithParam<std::size_t> {};

TEST_P(Spread, MergedAnswersDoNotDependOnTheSpread) {
  const Toy toy = make_toy(120, 5, 6, 3);
  const std::size_t holders = GetParam();
  std::vector<std::unique_ptr<DocumentPool>> pools;
  for (std::size_t h = 0; h < holders; ++h) {
    pools.push_back(toy.pool([&](std::size_t i) { return mix64(i) % holders == h; }));
  }
  SharedDocuments shared(
      [&](const std::string& question) {
        std::vector<std::string> answers;
        for (auto& p : pools) answers.push_back(answer(*p, question));
        return answers;
      },
      5);
  const auto single = toy.pool();
  const std::vector<Draw> draws{{3, 4}, {0, 1000}, {1, 2}};
  for (int round = 0; round < 4; ++round) {
    for (const Order order : {Order::hash, Order::corpus, Order::similarity}) {
      EXPECT_EQ(numbers(shared.draw(draws, order)), numbers(single->draw(draws, order)));
      EXPECT_EQ(numbers(shared.draw_any(17, order)), numbers(single->draw_any(17, order)));
    }
    LinearScore other;
    other.similarity = -1.0;
    const std::vector<Ranking> rankings{{some_score(5, 6), 11}, {other, 4}};
    const auto best = single->best(rankings, all_arms(5)), merged = shared.best(rankings, all_arms(5));
    ASSERT_EQ(merged.size(), 2U);
    for (std::size_t q = 0; q < 2; ++q) {
      ASSERT_EQ(numbers(merged[q]), numbers(best[q]));
      for (std::size_t i = 0; i < best[q].size(); ++i) {
        EXPECT_EQ(merged[q][i].embedding, best[q][i].embedding);
        EXPECT_EQ(merged[q][i].score, best[q][i].score);
      }
    }
    const auto& taken = best[0];
    const auto drawn = shared.draw_any(17, Order::hash), expected = single->draw_any(17, Order::hash);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(drawn[i].embedding, expected[i].embedding);
    EXPECT_EQ(numbers(shared.lookup(numbers(taken))), numbers(taken));
    shared.mark(taken);
    single->mark(numbers(taken));
    for (std::uint32_t a = 0; a < 5; ++a) EXPECT_EQ(shared.remaining(a), single->remaining(a));
  }
}

INSTANTIATE_TEST_SUITE_P(Holders, Spread, testing::Values(1, 3, 200));

TEST(SharedDocuments, MalformedQuestionsAreRefused) {
  const auto pool = make_toy(5, 2, 3, 1).pool();
  const std::string none_marked(8, '\0');
  EXPECT_THROW(answer(*pool, ""), InternalError);
  EXPECT_THROW(answer(*pool, none_marked), InternalError);
  EXPECT_THROW(answer(*pool, none_marked + '\x7f'), InternalError);
  EXPECT_THROW(answer(*pool, none_marked + '\x01'), InternalError);
}

TEST(GuideSimilarity, IsTheMeanOfTheNearest) {
  linalg::Matrix<float> guide(3, 2), documents(1, 2);
  guide(0, 0) = 1.0F;
  guide(1, 1) = 1.0F;
  guide(2, 0) = -1.0F;
  documents(0, 0) = 0.75F;
  documents(0, 1) = 0.5F;
  float out = 0;
  GuideSimilarity(guide.view(), 2).compute(documents.view(), {&out, 1});
  EXPECT_EQ(out, 0.625F);
  GuideSimilarity(guide.view(), 10).compute(documents.view(), {&out, 1});
  EXPECT_FLOAT_EQ(out, 0.5F / 3);
}

TEST(GuideSimilarity, HasTheSameBitsForAnyBlocking) {
  const Toy guide = make_toy(57, 3, 100, 4), documents = make_toy(300, 3, 100, 5);
  const GuideSimilarity similarity(guide.embedding.view());
  std::vector<float> whole(300), single(300);
  similarity.compute(documents.embedding.view(), whole);
  for (std::size_t i = 0; i < 300; ++i) similarity.compute(documents.embedding.view().slice(i, 1), {&single[i], 1});
  EXPECT_EQ(whole, single);
}

}  // namespace
}  // namespace equal::bandit
