#include "equal/contrast/train.hpp"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"

#include "support/scratch.hpp"
#include "toy.hpp"

namespace equal::contrast::test {
namespace {

TrainParams toy_params() {
  TrainParams p;
  p.batch = 16;
  p.epochs = 6;
  p.hard_negatives = 3;
  p.learning_rate = 0.01;
  p.patience = 0;
  return p;
}

struct Trained {
  std::unique_ptr<Trainable> model = make_trainable_static(toy_table());
  TrainResult result;
};

Trained train_toy(const TrainParams& params, const TrainHooks& hooks = {}, std::size_t threads = 2) {
  Trained run;
  const auto comm = comm::make_single();
  ThreadPool pool(threads);
  auto examples = Toy(80).add_to(*run.model, pool);
  mine_hard_negatives(*comm, *run.model, examples, {}, 512, pool);
  run.result = train(*comm, *run.model, examples, params, pool, hooks);
  return run;
}

bool same_values(const Trained& a, const Trained& b) {
  for (std::size_t t = 0; t < a.model->parameters().size(); ++t) {
    const auto x = a.model->parameters()[t].values.values(), y = b.model->parameters()[t].values.values();
    if (!std::equal(x.begin(), x.end(), y.begin(), y.end())) return false;
  }
  return true;
}

TEST(Train, HeldOutDocumentsFindTheirPairsBetter) {
  const Trained run = train_toy(toy_params());
  const auto& curve = run.result.curve;
  ASSERT_EQ(curve.size(), 7U);
  double best = 0;
  for (const auto& point : curve) best = std::max(best, point.mrr);
  EXPECT_GT(best, 1.5 * curve.front().mrr);
  EXPECT_LT(curve.back().loss, curve[1].loss);
  EXPECT_GT(run.result.best_step, 0U);
}

TEST(Train, TheCurveIsTheRankOfEveryHeldOutPairAmongThoseOfOtherDocuments) {
  TrainParams params = toy_params();
  params.epochs = 0;
  const auto comm = comm::make_single();
  const auto model = make_trainable_static(toy_table());
  ThreadPool pool(1);
  auto examples = Toy(30).add_to(*model, pool);
  examples[0].pair_keys[1] = examples[5].pair_keys[0];  // equal texts do not compete
  const auto result = train(*comm, *model, examples, params, pool);

  std::vector<std::size_t> all(model->texts());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const auto vectors = embed(*comm, *model, all, params.part_tokens, pool);
  const auto score = [&](std::size_t document, std::size_t pair) {
    double sum = 0;
    for (std::size_t j = 0; j < vectors.columns(); ++j) sum += double{vectors(document, j)} * vectors(pair, j);
    return sum;
  };
  double expected = 0, held_out = 0;
  for (std::size_t e = 0; e < examples.size(); ++e) {
    if (!examples[e].held_out) continue;
    ++held_out;
    for (std::size_t i = 0; i < 2; ++i) {
      double rank = 1;
      for (std::size_t f = 0; f < examples.size(); ++f) {
        for (std::size_t k = 0; f != e && k < 2; ++k) {
          if (examples[f].pair_keys[k] != examples[e].pair_keys[i] &&
              score(e, examples[f].pairs[k]) >= score(e, examples[e].pairs[i]))
            ++rank;
        }
      }
      expected += 0.5 / rank;
    }
  }
  EXPECT_NEAR(result.curve.front().mrr, expected / held_out, 1e-9);
}

TEST(Train, TheModelThatComesOutIsTheBestOneSeen) {
  TrainParams bad = toy_params();
  bad.learning_rate = -0.01;  // uphill: the stock encoder must be left
  bad.patience = 2;
  const Trained run = train_toy(bad);
  EXPECT_EQ(run.result.best_step, 0U);
  EXPECT_EQ(run.result.curve.size(), 3U) << "two epochs without gain end it";
  Trained stock;
  ThreadPool pool(1);
  Toy(80).add_to(*stock.model, pool);
  EXPECT_TRUE(same_values(run, stock));
}

TEST(Train, StoppedAndResumedGivesTheSameBits) {
  const Trained whole = train_toy(toy_params());
  const equal::test::ScratchFolder scratch("contrast");
  TrainHooks hooks;
  hooks.checkpoint = scratch.path() / "training";
  hooks.identity = "toy";
  int steps = 0;
  hooks.stop = [&] { return ++steps > 10; };  // in the middle of the third epoch
  EXPECT_FALSE(train_toy(toy_params(), hooks, 1).result.complete);
  hooks.stop = {};
  const Trained resumed = train_toy(toy_params(), hooks, 3);
  EXPECT_TRUE(resumed.result.complete);
  ASSERT_EQ(resumed.result.curve.size(), whole.result.curve.size());
  EXPECT_EQ(resumed.result.curve.back().mrr, whole.result.curve.back().mrr);
  EXPECT_TRUE(same_values(whole, resumed));
}

TEST(Train, ADamagedOrForeignCheckpointIsNotTaken) {
  const Trained whole = train_toy(toy_params());
  const equal::test::ScratchFolder scratch("contrast");
  TrainHooks hooks;
  hooks.checkpoint = scratch.path() / "training";
  hooks.identity = "toy";
  train_toy(toy_params(), hooks);
  std::string bytes = read_file(hooks.checkpoint);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file_atomically(hooks.checkpoint, bytes);
  EXPECT_TRUE(same_values(whole, train_toy(toy_params(), hooks)));
  hooks.identity = "another";
  EXPECT_TRUE(same_values(whole, train_toy(toy_params(), hooks)));
}

TEST(Train, NothingToLearnFromLeavesTheModelAlone) {
  const auto comm = comm::make_single();
  ThreadPool pool(1);
  const auto model = make_trainable_static(toy_table());
  auto examples = Toy(1).add_to(*model, pool, 0);
  const auto result = train(*comm, *model, examples, toy_params(), pool);
  EXPECT_EQ(result.steps, 0U);
  EXPECT_EQ(result.best_step, 0U);
}

TEST(GradientSum, RefusesWhatIsNotFinite) {
  Parameters parameters;
  parameters.push_back({"w", linalg::Matrix<float>(1, 3), Updates::dense, true});
  GradientSum sum(parameters);
  const std::vector<float> bad = {0.0F, std::nanf(""), 0.0F};
  EXPECT_THROW(sum.add(0, bad), DataError);
}

// Two steps of PyTorch's AdamW (lr 0.1, betas 0.9 0.999, eps 1e-8, weight_decay 0.01) from x = 1 with gradients 0.5,
// -0.25.
TEST(AdamW, StepsAsPyTorchDoes) {
  const auto comm = comm::make_single();
  Parameters parameters;
  parameters.push_back({"w", linalg::Matrix<float>(1, 1, 1.0F), Updates::dense, true});
  AdamWParams params;
  params.clip_norm = 0;
  AdamW optimiser(parameters, params);
  double x = 1, m = 0, v = 0;
  int step = 0;
  for (const float g : {0.5F, -0.25F}) {
    GradientSum sum(parameters);
    sum.add(0, std::span(&g, 1));
    sum.reduce(*comm);
    optimiser.step(parameters, sum, 0.1);
    ++step;
    m = 0.9 * m + 0.1 * double{g};
    v = 0.999 * v + 0.001 * double{g} * double{g};
    x -= 0.1 * 0.01 * x;
    x -= 0.1 * (m / (1 - std::pow(0.9, step))) / (std::sqrt(v / (1 - std::pow(0.999, step))) + 1e-8);
    EXPECT_NEAR(parameters[0].values(0, 0), x, 1e-6);
  }
}

}  // namespace
}  // namespace equal::contrast::test
