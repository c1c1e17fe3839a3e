#include <gtest/gtest.h>

#include "equal/report/dataset_card.hpp"
#include "equal/report/page.hpp"

namespace equal::report {
namespace {

std::string data_of(const std::string& html) {
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const auto begin = html.find(open) + open.size();
  return html.substr(begin, html.find("</script>", begin) - begin);
}

TEST(Page, DataComeBackAndCannotEndTheirBlock) {
  const Json data = {{"name", "</script><script>alert(1)</script>"},
                     {"other", "<!-- & @@JS@@ \xe2\x80\xa8 \xff \" \\"}};
  const std::string html = page(data), block = data_of(html);
  EXPECT_EQ(block.find('<'), std::string::npos);
  EXPECT_EQ(block.find('>'), std::string::npos);
  const Json back = parse_json(block, "page");
  EXPECT_EQ(back.at("name"), data.at("name"));
  EXPECT_EQ(back.at("other").get<std::string>().substr(0, 14), "<!-- & @@JS@@ ");
}

TEST(Page, LoadsNothing) {
  const std::string html = page(Json::object());
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(html.find("src=\""), std::string::npos);
  EXPECT_EQ(html.find("@import"), std::string::npos);
  EXPECT_EQ(html.find("url("), std::string::npos);
  EXPECT_EQ(html.find("@@"), std::string::npos) << "a part of the template was not filled in";
  EXPECT_EQ(html.find("innerHTML"), std::string::npos) << "texts must reach the page as text";
}

TEST(Card, HeaderHoldsWhateverTheNamesAre) {
  DatasetCard card;
  card.name = "a: \"b\"\n---\nlicense: evil";
  card.licence = "cc-by-4.0";
  card.form = "messages";
  card.splits["train"] = {"train-*.parquet", 1234};
  card.sources = {{"a|b<i>.jsonl", 1234}};
  card.left_out = {{"near_duplicate", 5}};
  const std::string text = to_markdown(card);
  ASSERT_EQ(text.substr(0, 4), "---\n");
  const std::string header = text.substr(4, text.find("\n---\n", 4) - 4);
  EXPECT_NE(header.find("pretty_name: \"a: \\\"b\\\"\\n---\\nlicense: evil\"\n"), std::string::npos) << header;
  EXPECT_NE(header.find("license: \"cc-by-4.0\""), std::string::npos);
  EXPECT_NE(header.find("path: \"train-*.parquet\""), std::string::npos);
  EXPECT_NE(header.find("\"1K<n<10K\""), std::string::npos);
  EXPECT_NE(text.find("a\\|b&lt;i>.jsonl"), std::string::npos);
  EXPECT_EQ(text.find("Of a run that was not complete"), std::string::npos);
}

}  // namespace
}  // namespace equal::report
