#include <gtest/gtest.h>

#include "equal/encode/distil.hpp"
#include "equal/encode/lsa.hpp"

#include "memory_source.hpp"
#include "support/topics.hpp"
#include "support/world.hpp"

namespace equal::encode {
namespace {

using test::MemorySource;
using test::world;

/// Document i belongs to `owner(i)`; this rank's part.
template <class Owner>
MemorySource part(const test::TopicCorpus& corpus, const Owner& owner) {
  std::vector<std::string> texts;
  std::vector<Digest128> digests;
  for (std::size_t i = 0; i < corpus.texts.size(); ++i) {
    if (owner(i) != world().rank()) continue;
    texts.push_back(corpus.texts[i]);
    digests.push_back(corpus.digests[i]);
  }
  return {texts, digests, 50};
}

TEST(LsaRanks, ModelIsThatOfOneProcessBitForBit) {
  const auto corpus = test::make_topics(400, 5, 11);
  for (const std::uint64_t sample : {250U, 100000U}) {
    const LsaParams params{.dim = 32, .fit_sample = sample, .seed = 5};
    ThreadPool one(1), two(2);
    const auto alone = comm::make_single();
    MemorySource everything(corpus.texts, corpus.digests, 64);
    const std::string expected = static_table_digest(fit_lsa(*alone, everything, params, one).table);
    const int ranks = world().size();
    // Dealt out evenly, and all on the last rank (the others have no document).
    auto even = part(corpus, [&](std::size_t i) { return static_cast<int>(i) % ranks; });
    auto last = part(corpus, [&](std::size_t) { return ranks - 1; });
    const auto model = fit_lsa(world(), even, params, two);
    EXPECT_EQ(model.documents, std::min<std::uint64_t>(sample, 400));
    const auto of_last = fit_lsa(world(), last, params, one);
    if (!world().is_root()) continue;
    EXPECT_EQ(static_table_digest(model.table), expected) << ranks << " ranks";
    EXPECT_EQ(static_table_digest(of_last.table), expected) << ranks << " ranks, all on the last";
  }
}

TEST(LsaRanks, CorpusWeightsOfTokensAreThoseOfOneProcess) {
  const auto corpus = test::make_topics(300, 3, 12);
  text::WordPieceModel vocabulary;
  vocabulary.vocabulary = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "common",
                           "topic", "##1",   "##2",   "##3",   "##word"};
  ThreadPool two(2);
  const auto alone = comm::make_single();
  MemorySource everything(corpus.texts, corpus.digests, 64);
  const auto expected = corpus_weights(*alone, everything, vocabulary, 200, 1, two);
  auto even = part(corpus, [&](std::size_t i) { return static_cast<int>(i) % world().size(); });
  EXPECT_EQ(corpus_weights(world(), even, vocabulary, 200, 1, two), expected);
}

TEST(LsaRanks, NoDocumentAnywhereGivesAnEmptyTable) {
  MemorySource empty({}, {}, 10);
  ThreadPool pool(1);
  EXPECT_TRUE(fit_lsa(world(), empty, {.dim = 8}, pool).table.features.empty());
}

}  // namespace
}  // namespace equal::encode
