#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "equal/base/random.hpp"
#include "equal/clean/near_duplicates.hpp"

#include "support/world.hpp"

namespace equal::clean {
namespace {

using test::world;

std::vector<std::string> answers(std::size_t n) {
  RandomStream random(3, "near duplicates over ranks");
  std::vector<std::string> out;
  for (std::size_t i = 0; i < n; ++i) {
    std::string text;
    if (i > 0 && random.below(3) > 0) {
      text = out[random.below(out.size())];
      text.resize(text.size() - random.below(4));
    } else {
      for (int w = 0; w < 30; ++w)
        text += "w" + std::string(1, static_cast<char>('a' + random.below(26))) +
                static_cast<char>('a' + random.below(26)) + " ";
    }
    out.push_back(text);
  }
  return out;
}

TEST(NearDuplicatesRanks, AnyDivisionGivesTheSameAnswer) {
  const auto texts = answers(900);
  ThreadPool pool(1);
  NearDuplicates alone((NearDuplicateParams()));
  for (const auto& t : texts) alone.add("Why?", t);
  const auto single = comm::make_single();
  const auto expected = alone.find(*single, pool);
  EXPECT_GT(expected.size(), 300U);

  const auto ranks = static_cast<std::size_t>(world().size()), rank = static_cast<std::size_t>(world().rank());
  // Evenly, and with all pairs on the last rank.
  for (const bool even : {true, false}) {
    const std::size_t begin = even ? texts.size() * rank / ranks : 0;
    const std::size_t end = even ? texts.size() * (rank + 1) / ranks : (rank + 1 == ranks ? texts.size() : 0);
    NearDuplicates mine((NearDuplicateParams()));
    for (std::size_t i = begin; i < end; ++i) mine.add("Why?", texts[i]);
    const auto found = mine.find(world(), pool);
    EXPECT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < std::min(found.size(), expected.size()); ++i) {
      EXPECT_EQ(found[i].item, expected[i].item);
      EXPECT_EQ(found[i].of, expected[i].of);
      EXPECT_EQ(found[i].similarity, expected[i].similarity);
    }
  }
}

TEST(NearDuplicatesRanks, NobodyHasAny) {
  ThreadPool pool(1);
  EXPECT_TRUE(NearDuplicates(NearDuplicateParams()).find(world(), pool).empty());
}

}  // namespace
}  // namespace equal::clean
