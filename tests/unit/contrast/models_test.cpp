// Whole models: gradients of the loss against finite differences, GradCache, and what is saved against what encodes.
#include "equal/contrast/models.hpp"

#include <cstring>

#include <gtest/gtest.h>

#include "equal/contrast/train.hpp"
#include "equal/encode/projection.hpp"
#include "equal/encode/static.hpp"

#include "slopes.hpp"
#include "support/scratch.hpp"
#include "toy.hpp"

namespace equal::contrast::test {
namespace {

/// Every tensor's gradient of one batch, against slopes of the loss.
void expect_gradients(Trainable& model, std::span<const Example> examples, double h, double tolerance) {
  const auto comm = comm::make_single();
  ThreadPool pool(2);
  TrainParams params;
  params.loss.temperature = 0.2;  // gentle, so that differences of f32 losses say something
  params.hard_negatives = 2;
  params.part_tokens = 40;
  std::vector<std::size_t> batch(examples.size());
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i] = i;
  GradientSum sum(model.parameters()), other(model.parameters());
  batch_gradient(*comm, model, examples, batch, 0, params, pool, sum);
  for (std::size_t t = 0; t < model.parameters().size(); ++t) {
    Tensor& tensor = model.parameters()[t];
    std::vector<std::uint32_t> rows;
    std::vector<float> values, whole(tensor.values.values().size());
    sum.read(t, rows, values);
    if (tensor.updates == Updates::dense) whole = values;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * tensor.values.columns()), tensor.values.columns(),
                  whole.begin() + static_cast<std::ptrdiff_t>(rows[i] * tensor.values.columns()));
    }
    expect_slopes(
        tensor.values.values(), whole,
        [&] {
          other.clear();
          return batch_gradient(*comm, model, examples, batch, 0, params, pool, other);
        },
        h, tolerance, tensor.name.c_str());
  }
}

std::vector<Example> with_hard_negatives(Trainable& model, const Toy& toy) {
  const auto comm = comm::make_single();
  ThreadPool pool(1);
  auto examples = toy.add_to(model, pool, 0);
  HardNegativeParams params;
  params.count = 4;
  mine_hard_negatives(*comm, model, examples, params, 64, pool);
  for (const Example& e : examples) {
    EXPECT_EQ(e.hard_negatives.size(), 4U);
    for (const std::size_t pair : e.hard_negatives) EXPECT_EQ(std::count(e.pairs.begin(), e.pairs.end(), pair), 0);
  }
  return examples;
}

TEST(Models, StaticGradients) {
  const auto model = make_trainable_static(toy_table());
  expect_gradients(*model, with_hard_negatives(*model, Toy(6)), 1e-2, 3e-3);
}

TEST(Models, ProjectionGradients) {
  encode::StaticParams params;
  params.dim = 24;
  const auto base = encode::make_static_hash(params);
  const auto model = make_trainable_projection(*base);
  expect_gradients(*model, with_hard_negatives(*model, Toy(6)), 1e-2, 3e-3);
}

std::unique_ptr<Trainable> tiny_bert(encode::Pooling pooling = encode::Pooling::mean) {
  encode::BertParams params;
  params.pooling = pooling;
  return make_trainable_bert(equal::test::fixture("bert/tiny"), params);
}

TEST(Models, BertGradients) {
  for (const auto pooling : {encode::Pooling::mean, encode::Pooling::cls}) {
    const auto model = tiny_bert(pooling);
    expect_gradients(*model, with_hard_negatives(*model, Toy(6)), 3e-3, 2e-2);
  }
}

TEST(Models, AGradientDoesNotDependOnThreadsOrOnWhetherTapesAreKept) {
  const auto comm = comm::make_single();
  const auto model = tiny_bert();
  const auto examples = with_hard_negatives(*model, Toy(8));
  const std::vector<std::size_t> batch = {3, 1, 7, 5};
  const auto gradient = [&](std::size_t threads, std::size_t tape_bytes) {
    ThreadPool pool(threads);
    TrainParams params;
    params.part_tokens = 50;
    params.tape_bytes = tape_bytes;
    GradientSum sum(model->parameters());
    batch_gradient(*comm, *model, examples, batch, 1, params, pool, sum);
    std::vector<float> all, values;
    std::vector<std::uint32_t> rows;
    for (std::size_t t = 0; t < model->parameters().size(); ++t) {
      sum.reduce(*comm);
      sum.read(t, rows, values);
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  };
  const auto kept = gradient(1, std::size_t{1} << 40);
  EXPECT_EQ(kept, gradient(3, std::size_t{1} << 40));
  EXPECT_EQ(kept, gradient(2, 0));
}

linalg::Matrix<float> encoded(encode::Encoder& encoder, const std::vector<std::string>& texts, encode::Role role) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  linalg::Matrix<float> out(texts.size(), encoder.dim());
  ThreadPool pool(1);
  encoder.encode(views, role, out.view(), pool);
  return out;
}

/// Trains a little, saves, and compares what the loaded encoder gives with what the model gives.
void expect_saved_equals(Trainable& model,
                         const std::function<std::unique_ptr<encode::Encoder>(const std::filesystem::path&)>& load,
                         double tolerance) {
  const auto comm = comm::make_single();
  ThreadPool pool(2);
  const Toy toy(24);
  const auto examples = toy.add_to(model, pool);
  TrainParams params;
  params.batch = 8;
  params.epochs = 2;
  params.patience = 0;
  params.hard_negatives = 0;
  params.learning_rate = 0.01;
  train(*comm, model, examples, params, pool);
  const equal::test::ScratchFolder scratch("contrast");
  model.save(scratch.path() / "encoder");
  const auto encoder = load(scratch.path() / "encoder");
  std::vector<std::size_t> texts(toy.documents.size());
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = i;
  const auto ours = embed(*comm, model, texts, 64, pool),
             theirs = encoded(*encoder, toy.documents, encode::Role::document);
  for (std::size_t i = 0; i < ours.values().size(); ++i)
    ASSERT_NEAR(ours.values()[i], theirs.values()[i], tolerance) << i;
}

TEST(Models, ASavedTableEncodesAsTheModelDoes) {
  const auto model = make_trainable_static(toy_table());
  expect_saved_equals(
      *model, [](const auto& folder) { return encode::make_static_table(encode::load_static_table(folder)); },
      2e-3);  // rows are saved in half precision
}

TEST(Models, ASavedProjectionEncodesAsTheModelDoes) {
  encode::StaticParams params;
  params.dim = 24;
  const auto base = encode::make_static_hash(params);
  const auto model = make_trainable_projection(*base);
  expect_saved_equals(
      *model,
      [&](const auto& folder) {
        return encode::make_projected(encode::make_static_hash(params), encode::load_projection(folder, 24));
      },
      1e-5);
}

TEST(Models, ASavedTransformerEncodesAsTheModelDoes) {
  const auto model = tiny_bert();
  expect_saved_equals(
      *model,
      [](const auto& folder) {
        encode::BertParams params;
        params.pooling = encode::Pooling::mean;
        params.precision = encode::BertPrecision::f32;
        return encode::load_bert(folder, params);
      },
      1e-4);
}

}  // namespace
}  // namespace equal::contrast::test
