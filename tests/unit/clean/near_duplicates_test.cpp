#include "equal/clean/near_duplicates.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"
#include "equal/text/tokens.hpp"

namespace equal::clean {
namespace {

struct Text {
  std::string question, answer;
};

std::vector<NearDuplicate> duplicates_of(const NearDuplicateParams& params, const std::vector<Text>& texts,
                                         std::size_t threads = 1) {
  NearDuplicates finder(params);
  for (const Text& t : texts) finder.add(t.question, t.answer);
  const auto comm = comm::make_single();
  ThreadPool pool(threads);
  return finder.find(*comm, pool);
}

/// What duplicates_of() promises, by comparing every pair with every kept one before it.
std::vector<NearDuplicate> brute_force(const NearDuplicateParams& params, const std::vector<Text>& texts) {
  std::vector<PairSketch> sketches;
  std::vector<NearDuplicate> out;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    sketches.push_back(sketch(params, texts[i].question, texts[i].answer));
    NearDuplicate best{i, 0, 0};
    for (const std::size_t j : kept) {
      const double s = similarity(params, sketches[j], sketches[i]);
      if (s > best.similarity) best = {i, j, s};
    }
    if (best.similarity >= params.threshold) {
      out.push_back(best);
    } else {
      kept.push_back(i);
    }
  }
  return out;
}

std::string word(RandomStream& random, std::uint64_t vocabulary) {
  std::string out;
  for (std::uint64_t n = random.below(vocabulary) + 26; n > 0; n /= 26) out += static_cast<char>('a' + n % 26);
  return out;
}

/// Texts of which many are another one with some words exchanged.
std::vector<Text> random_texts(std::size_t n, std::uint64_t seed) {
  RandomStream random(seed, "near duplicates test");
  std::vector<Text> out;
  for (std::size_t i = 0; i < n; ++i) {
    if (i > 0 && random.below(2) == 0) {
      Text copy = out[random.below(out.size())];
      for (std::uint64_t edits = random.below(4); edits > 0; --edits) {
        const auto at = copy.answer.find(' ', random.below(copy.answer.size()));
        if (at != std::string::npos) copy.answer.insert(at, " " + word(random, 500));
      }
      out.push_back(copy);
      continue;
    }
    Text text;
    for (std::uint64_t w = 4 + random.below(8); w > 0; --w) text.question += word(random, 500) + " ";
    for (std::uint64_t w = 5 + random.below(60); w > 0; --w) text.answer += word(random, 500) + " ";
    out.push_back(text);
  }
  return out;
}

TEST(NearDuplicates, BandsFindWhatBruteForceFinds) {
  std::size_t expected = 0, found = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto texts = random_texts(400, seed);
    for (const double threshold : {0.5, 0.7, 0.8, 0.95}) {
      NearDuplicateParams params;
      params.threshold = threshold;
      const auto truth = brute_force(params, texts), ours = duplicates_of(params, texts);
      expected += truth.size(), found += ours.size();
      for (const auto& d : ours) {
        ASSERT_LT(d.of, d.item);
        EXPECT_GE(d.similarity, threshold);
        EXPECT_DOUBLE_EQ(d.similarity, similarity(params, sketch(params, texts[d.item].question, texts[d.item].answer),
                                                  sketch(params, texts[d.of].question, texts[d.of].answer)));
      }
    }
  }
  ASSERT_GT(expected, 1000U);
  EXPECT_NEAR(static_cast<double>(found), static_cast<double>(expected), 0.003 * static_cast<double>(expected));
}

TEST(NearDuplicates, TheEarliestStaysAndThreadsDoNotMatter) {
  const auto texts = random_texts(3000, 9);
  const auto one = duplicates_of({}, texts, 1), three = duplicates_of({}, texts, 3);
  ASSERT_FALSE(one.empty());
  ASSERT_EQ(one.size(), three.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].item, three[i].item);
    EXPECT_EQ(one[i].of, three[i].of);
  }
  for (const auto& d : one) {
    EXPECT_TRUE(std::none_of(one.begin(), one.end(), [&](const NearDuplicate& o) { return o.item == d.of; }))
        << d.of << " stands for " << d.item << " though it was dropped itself";
  }
}

TEST(NearDuplicates, SpellingDoesNotMatterNumbersDo) {
  const std::string rule =
      "Multiply both sides of the equation by the same number and then collect the terms on the left";
  EXPECT_EQ(duplicates_of({}, {{"How do I solve it?", rule}, {"how do I solve it", rule + "!"}}).size(), 1U);
  EXPECT_EQ(duplicates_of({}, {{"How do I solve it?", rule + " 4"}, {"how do I solve it", rule + " 5"}}).size(), 0U);
  NearDuplicateParams careless;
  careless.numbers_must_agree = false;
  EXPECT_EQ(duplicates_of(careless, {{"How do I solve it?", rule + " 4"}, {"how do I solve it", rule + " 5"}}).size(),
            1U);
  EXPECT_EQ(duplicates_of({}, {{"Solve: x + 7", "y"}, {"Solve: x - 7", "y"}}).size(), 0U)
      << "signs of arithmetic are tokens";
}

TEST(NearDuplicates, TheLastWordWeighsAsMuchAsOthers) {
  const NearDuplicateParams params;
  const auto alike = [&](const char* a, const char* b) {
    return similarity(params, sketch(params, a, ""), sketch(params, b, ""));
  };
  const double last = alike("what does the law say about the contract", "what does the law say about the appeal");
  EXPECT_DOUBLE_EQ(last,
                   alike("what does the law say about the contract", "what does the statute say about the contract"));
  EXPECT_DOUBLE_EQ(last, 7.0 / 13.0);
}

TEST(NearDuplicates, HardCases) {
  EXPECT_TRUE(duplicates_of({}, {}).empty());
  EXPECT_EQ(duplicates_of({}, {{"", ""}, {"?", "!"}}).size(), 1U);
  EXPECT_EQ(duplicates_of({}, std::vector<Text>(1000, {"Why?", "Because"})).size(), 999U)
      << "one bucket larger than its links";
  EXPECT_TRUE(duplicates_of({}, {{"\xff\xfe", "a"}, {"b", "\xc3"}}).empty());
  NearDuplicateParams params;
  params.threshold = 0;
  EXPECT_THROW(NearDuplicates{params}, UsageError);
  params.threshold = 1;
  EXPECT_EQ(duplicates_of(params, {{"a b c", "d"}, {"A b c.", "d"}, {"a b c", "e"}}).size(), 1U);
}

TEST(Tokens, WordsNumbersSignsAndScripts) {
  const auto tokens = [](const char* text, text::Signs signs = text::Signs::skip) {
    std::vector<std::uint64_t> out;
    text::append_tokens(text, signs, out);
    return out;
  };
  EXPECT_EQ(tokens("Don't stop."), tokens("dont  STOP"));
  EXPECT_EQ(tokens("don\xe2\x80\x99t"), tokens("dont"));
  EXPECT_EQ(tokens("well-known"), tokens("well known"));
  EXPECT_EQ(tokens("well-known", text::Signs::keep), tokens("well known"));
  EXPECT_EQ(tokens("x - 1", text::Signs::keep).size(), 3U);
  EXPECT_EQ(tokens("\xc3\x89t\xc3\xa9"), tokens("\xc3\xa9t\xc3\xa9"));
  EXPECT_EQ(tokens("\xe4\xb8\xad\xe6\x96\x87").size(), 2U);
  std::vector<std::uint64_t> unused;
  const auto numbers = [&](const char* text) { return text::append_tokens(text, text::Signs::skip, unused); };
  EXPECT_EQ(numbers("no digits"), 0U);
  EXPECT_EQ(numbers("3 apples, 12 pears"), numbers("12 plums and 3 figs"));
  EXPECT_NE(numbers("3 3"), numbers("3"));
  EXPECT_NE(numbers("12 3"), numbers("1 23"));
}

}  // namespace
}  // namespace equal::clean
