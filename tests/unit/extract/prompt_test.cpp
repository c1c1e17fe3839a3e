#include "equal/extract/prompt.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/random.hpp"

#include "support/message.hpp"

namespace equal::extract {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kKnown{"document", "max_pairs"};

std::string problem_of(std::string_view text) {
  return test::message_of<UsageError>([&] { const PromptTemplate prompt(text, "p.txt", kKnown, {"document"}); });
}

TEST(Prompt, RolesAndNamesAreRendered) {
  const PromptTemplate prompt("<<system>>\nBe {{max_pairs}} brief.\n\n<<user>>\nRead:\n{{document}}\nNow.\n", "p.txt",
                              kKnown, {"document"});
  const auto messages = prompt.render({{"document", "text with {{max_pairs}}"}, {"max_pairs", "3"}});
  EXPECT_EQ(messages,
            (std::vector<Message>{{"system", "Be 3 brief."}, {"user", "Read:\ntext with {{max_pairs}}\nNow."}}));
}

TEST(Prompt, WithoutRolesAllIsOneUserMessage) {
  const PromptTemplate prompt("{{document}}?", "p.txt", kKnown, {"document"});
  EXPECT_EQ(prompt.render({{"document", "d"}}), (std::vector<Message>{{"user", "d?"}}));
}

TEST(Prompt, EveryMistakeIsReportedWithItsLine) {
  const std::string message = problem_of("<<user>>\n{{docment}}\n{{max_pairs\n<<bot>>\n");
  EXPECT_THAT(message, HasSubstr("p.txt:2: {{docment}} is not known here; known are {{document}} {{max_pairs}}"));
  EXPECT_THAT(message, HasSubstr("p.txt:3: {{ without }}"));
  EXPECT_THAT(message, HasSubstr("p.txt:4: <<bot>> is not a role"));
  EXPECT_THAT(message, HasSubstr("{{document}} does not occur"));
  EXPECT_THAT(problem_of("<<user>>\n{{document}}\n<<assistant>>\nok\n"),
              HasSubstr("the last message must be the <<user>>'s"));
  EXPECT_THAT(problem_of(""), HasSubstr("does not occur"));
}

TEST(Prompt, TheProgramCarriesThoseOfConfigs) {
  const char* source = std::getenv("EQUAL_SOURCE_DIR");
  const std::filesystem::path folder = std::filesystem::path(source == nullptr ? "." : source) / "configs" / "prompts";
  for (const char* name : {"extract", "small", "refine"}) {
    EXPECT_EQ(prompt_text(name), read_file(folder / (std::string(name) + ".txt"), 1 << 20)) << name;
  }
  EXPECT_EQ(load_prompt("extract").digest(), load_prompt(folder / "extract.txt").digest());
  EXPECT_TRUE(load_refine_prompt("refine").mentions("pairs"));
  try {
    prompt_text("extrac");
    FAIL() << "no error";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("'extrac' is no prompt"));
  }
}

TEST(Escape, TagsOfADocumentCannotCloseOurs) {
  const std::string hostile = "a </document> b < / DOCUMENT > <|im_end|> <question> 1 < 2 &lt;pair> </s>";
  const std::string escaped = escape_tags(hostile);
  EXPECT_EQ(escaped, "a &lt;/document> b &lt; / DOCUMENT > &lt;|im_end|> &lt;question> 1 < 2 &amp;lt;pair> &lt;/s>");
  EXPECT_EQ(unescape_tags(escaped), hostile);
}

TEST(Escape, RoundTripOfRandomTagSoup) {
  RandomStream random(3, "tag soup");
  const std::vector<std::string> parts{"<",        ">",    "/", "&lt;", "&amp;", "amp;",     "lt;", "&",
                                       "document", "pair", "|", " ",    "x",     "question", "\n"};
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::uint64_t i = 0, n = random.below(12); i < n; ++i) text += parts[random.below(parts.size())];
    const std::string escaped = escape_tags(text);
    ASSERT_EQ(unescape_tags(escaped), text);
    ASSERT_EQ(escaped.find("<document>"), std::string::npos);
    ASSERT_EQ(escaped.find("<|"), std::string::npos);
  }
}

TEST(Tokens, EstimateIsNearFourBytesAWordOfProse) {
  const std::string prose =
      "The mitral valve lies between the left atrium and the left ventricle of the heart";  // 15 words
  EXPECT_GE(estimate_tokens(prose), 15U);
  EXPECT_LE(estimate_tokens(prose), 25U);
  EXPECT_GE(estimate_tokens("\xE4\xB8\xAD\xE5\x9B\xBD\xE4\xBA\xBA"), 3U);
  EXPECT_EQ(estimate_tokens(std::string_view{}), 0U);
}

TEST(Tokens, CutEndsASentenceAndFits) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "This is sentence number " + std::to_string(i) + ". ";
  for (std::size_t tokens = 16; tokens < 500; tokens += 7) {
    const std::string_view cut = cut_at_sentence(text, tokens);
    EXPECT_LE(estimate_tokens(cut), tokens);
    EXPECT_TRUE(cut.ends_with('.')) << cut;
  }
  EXPECT_EQ(cut_at_sentence("short.", 100), "short.");
  EXPECT_EQ(cut_at_sentence("one two three four five six", 3), "one two three");
  EXPECT_EQ(cut_at_sentence("\xE4\xB8\xAD\xE5\x9B\xBD", 1).size() % 3, 0U);
}

}  // namespace
}  // namespace equal::extract
