#include "equal/text/wordpiece.hpp"

#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"

#include "support/scratch.hpp"

namespace equal::text {
namespace {

using testing::HasSubstr;

std::vector<TokenId> ids_of(const WordPiece& tokenizer, std::string_view text,
                            std::size_t max_ids = static_cast<std::size_t>(-1)) {
  std::vector<TokenId> ids;
  tokenizer.append_ids(text, ids, max_ids);
  return ids;
}

WordPiece tiny() { return WordPiece(load_wordpiece(test::fixture("bert/tiny"))); }

TEST(WordPiece, GivesTheIdsOfTheOriginalOnNastyUnicode) {
  const Json cases = parse_json(read_file(test::fixture("bert/token_ids.json")), "token_ids.json");
  ASSERT_GT(cases.size(), 50U);
  const WordPiece tokenizer = tiny();
  for (const Json& c : cases) {
    EXPECT_EQ(ids_of(tokenizer, c.at("text").get<std::string>()), c.at("ids").get<std::vector<TokenId>>())
        << dump_json(c.at("text"));
  }
}

TEST(WordPiece, AVocabularyFileGivesTheSameModel) {
  const test::ScratchFolder folder("vocabulary");
  std::filesystem::copy(test::fixture("bert/tiny/vocab.txt"), folder / "vocab.txt");
  const WordPieceModel from_text = load_wordpiece(folder.path()),
                       from_json = load_wordpiece(test::fixture("bert/tiny"));
  EXPECT_EQ(from_text.vocabulary, from_json.vocabulary);
  EXPECT_EQ(from_text.special, from_json.special);
  write_file_atomically(folder / "tokenizer_config.json",
                        R"({"do_lower_case": false, "unk_token": {"content": "[MASK]"}})");
  const WordPieceModel cased = load_wordpiece(folder.path());
  EXPECT_FALSE(cased.normalizing.lowercase);
  EXPECT_FALSE(cased.normalizing.strip_accents);
  EXPECT_EQ(cased.unknown, "[MASK]");
}

TEST(WordPiece, ALimitGivesAPrefixOfAllIds) {
  const WordPiece tokenizer = tiny();
  const std::string text = "unaffable workers going [MASK] to work, caf\xc3\xa9 \xe4\xb8\xad\xe5\x9b\xbd tokenizes!";
  const auto all = ids_of(tokenizer, text);
  for (std::size_t n = 0; n <= all.size() + 1; ++n) {
    const auto some = ids_of(tokenizer, text, n);
    EXPECT_EQ(some,
              std::vector<TokenId>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(n, all.size()))))
        << n;
  }
}

TEST(WordPiece, AppendsAfterWhatIsThere) {
  std::vector<TokenId> ids = {7};
  tiny().append_ids("the", ids, 1);
  ASSERT_EQ(ids.size(), 2U);
  EXPECT_EQ(ids[0], 7U);
}

TEST(WordPiece, RandomBytesNeverFailAndTextsBesideBlanksAreIndependent) {
  const WordPiece tokenizer = tiny();
  RandomStream random(1, "wordpiece_test");
  for (int round = 0; round < 300; ++round) {
    std::string a, b;
    for (int i = 0; i < 40; ++i) {
      a.push_back(static_cast<char>(random.below(256)));
      b.push_back(static_cast<char>(random.below(2) == 0 ? 'a' + random.below(26) : random.below(256)));
    }
    auto both = ids_of(tokenizer, a);
    for (const TokenId id : both) ASSERT_LT(id, tokenizer.vocabulary_size());
    const auto second = ids_of(tokenizer, b);
    both.insert(both.end(), second.begin(), second.end());
    // Truncated sequences at the end of a must not swallow the blank.
    EXPECT_EQ(ids_of(tokenizer, a + " " + b), both);
  }
}

TEST(WordPiece, RefusesWhatIsNoBertTokenizer) {
  const std::string good = read_file(test::fixture("bert/tiny/tokenizer.json"));
  const test::ScratchFolder folder("refused");
  const auto refused = [&](const std::function<void(Json&)>& change, const std::string& text) {
    Json json = parse_json(good, "good");
    change(json);
    write_file_atomically(folder / "tokenizer.json", dump_json(json));
    try {
      const WordPiece tokenizer(load_wordpiece(folder.path()));
      ADD_FAILURE() << "accepted; expected: " << text;
    } catch (const DataError& e) {
      EXPECT_THAT(e.what(), HasSubstr(text));
    }
  };
  refused([](Json& j) { j["model"]["type"] = "BPE"; }, "model.type: is \"BPE\"; only \"WordPiece\" is supported");
  refused([](Json& j) { j["normalizer"]["type"] = "NFKC"; }, "normalizer.type");
  refused([](Json& j) { j["normalizer"] = nullptr; }, "normalizer: an object is expected");
  refused([](Json& j) { j["pre_tokenizer"]["type"] = "Whitespace"; }, "pre_tokenizer.type");
  refused([](Json& j) { j["post_processor"]["single"].erase(0); }, "post_processor.single");
  refused([](Json& j) { j["post_processor"]["type"] = "ByteLevel"; }, "post_processor.type: is \"ByteLevel\"");
  refused(
      [](Json& j) {
        j["post_processor"] = {{"type", "BertProcessing"}, {"cls", "[CLS]"}};
      },
      "post_processor.cls: a pair");
  refused([](Json& j) { j["added_tokens"][2]["lstrip"] = true; }, "added_tokens[2].lstrip: of \"[CLS]\" is true");
  refused([](Json& j) { j["added_tokens"][0]["id"] = 7; }, "belongs to");
  refused([](Json& j) { j["model"]["vocab"]["the"] = -1; }, "model.vocab.the: an id");
  refused([](Json& j) { j["model"]["vocab"]["the"] = 4'000'000'000U; }, "model.vocab.the: an id");
  refused([](Json& j) { j["model"]["vocab"]["the"] = "7"; }, "model.vocab.the: an id");
  refused([](Json& j) { j["model"]["max_input_chars_per_word"] = "many"; }, "max_input_chars_per_word: is string");
  refused([](Json& j) { j["model"]["unk_token"] = "<unk>"; }, "lacks \"<unk>\"");
  refused([](Json& j) { j["model"]["vocab"][std::string(300, 'x')] = 200; }, "has 300 bytes");
  // Were exceptions of the JSON library, which name neither file nor key.
  refused([](Json& j) { j["added_tokens"] = {{"a", 1}}; }, "added_tokens: a list");
  refused([](Json& j) { j["post_processor"]["single"][0]["SpecialToken"]["id"] = 7; }, "post_processor.single");
  refused([](Json& j) { j["post_processor"]["single"][0]["SpecialToken"] = {"id", 7}; }, "post_processor.single");
  write_file_atomically(folder / "tokenizer.json", "{\"model\":" + std::string(100'000, '['));  // took the whole stack
  EXPECT_THROW(load_wordpiece(folder.path()), DataError);
  write_file_atomically(folder / "tokenizer.json", good.substr(0, good.size() / 2));
  EXPECT_THROW(load_wordpiece(folder.path()), DataError);
  const test::ScratchFolder empty("empty");
  EXPECT_THROW(load_wordpiece(empty.path()), DataError);
}

TEST(WordPiece, RefusesATokenThatIsThereTwice) {
  WordPieceModel model;
  model.vocabulary = {"[UNK]", "[CLS]", "[SEP]", "a", "##a", "a"};
  EXPECT_THROW(WordPiece tokenizer(model), DataError);
}

}  // namespace
}  // namespace equal::text
