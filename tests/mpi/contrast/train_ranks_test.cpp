// Training is the same, bit for bit, on any number of ranks: the digests of the trained parameters on one rank are the
// expected ones on all.
#include <gtest/gtest.h>

#include "equal/contrast/train.hpp"

#include "support/scratch.hpp"
#include "support/world.hpp"
#include "toy.hpp"

namespace equal::contrast::test {
namespace {

std::string trained(comm::Communicator& comm, Trainable& model, std::size_t threads, double rate) {
  ThreadPool pool(threads);
  auto examples = Toy(20).add_to(model, pool);
  HardNegativeParams mining;
  mining.count = 4;
  mine_hard_negatives(comm, model, examples, mining, 100, pool);
  TrainParams params;
  params.batch = 8;
  params.epochs = 3;
  params.hard_negatives = 2;
  params.learning_rate = rate;
  params.patience = 0;
  params.part_tokens = 60;
  train(comm, model, examples, params, pool);
  Sha256 sha;
  for (const Tensor& t : model.parameters()) sha.update(std::as_bytes(t.values.values()));
  return sha.hex();
}

std::unique_ptr<Trainable> tiny_bert() { return make_trainable_bert(equal::test::fixture("bert/tiny"), {}); }

TEST(TrainRanks, AStaticTableIsTheSameOnAnyNumberOfRanks) {
  const auto alone = comm::make_single();
  const auto one = make_trainable_static(toy_table()), many = make_trainable_static(toy_table());
  EXPECT_EQ(trained(*alone, *one, 1, 0.01), trained(equal::test::world(), *many, 2, 0.01));
}

TEST(TrainRanks, ATransformerIsTheSameOnAnyNumberOfRanks) {
  const auto alone = comm::make_single();
  const auto one = tiny_bert(), many = tiny_bert();
  EXPECT_EQ(trained(*alone, *one, 1, 1e-3), trained(equal::test::world(), *many, 2, 1e-3));
}

}  // namespace
}  // namespace equal::contrast::test
