#include <gtest/gtest.h>

#include "equal/base/bytes.hpp"
#include "equal/base/checked.hpp"
#include "equal/base/json.hpp"
#include "equal/base/json_lines.hpp"
#include "equal/base/log.hpp"
#include "equal/base/sorted_json.hpp"

namespace equal {
namespace {

TEST(Text, HumanNumbers) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_seconds(3.204), "3.20 s");
  EXPECT_EQ(human_seconds(245), "4 m 05 s");
  EXPECT_EQ(human_seconds(7380), "2 h 03 m");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(30100), "30,100");
  EXPECT_EQ(human_count(-1234567), "-1,234,567");
}

TEST(Text, UnknownLogLevelIsAUsageError) { EXPECT_THROW(log::configure("loud", 0, 1), UsageError); }

TEST(Text, NarrowAndMultiplyRefuse) {
  EXPECT_EQ(narrow<std::uint8_t>(255), 255);
  EXPECT_THROW(narrow<std::uint8_t>(256), InternalError);
  EXPECT_THROW(narrow<std::uint32_t>(-1), InternalError);
  EXPECT_THROW(checked_multiply(std::uint64_t{1} << 40, std::uint64_t{1} << 30, "rows * columns"), DataError);
}

TEST(Text, StringsBecomeJsonThatReadsBackTheSame) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "\xC3\xA9\xE6\xBC\xA2\xF0\x9F\x98\x80";
  for (const std::string& text : {all, std::string(), std::string("\r\n\t\"\\\x1f"), std::string(5, '\0')}) {
    std::string json = "before";
    append_json_string(json, text);
    EXPECT_EQ(parse_json(json.substr(6), "what was written"), Json(text)) << json;
    EXPECT_EQ(json.find_first_of(std::string_view("\0\n\r", 3)), std::string::npos);  // it stays on its line
  }
}

TEST(Text, JsonLinesTellTheirKinds) {
  std::string line = R"({"a":[1],"b":{},"c":-1,"d":18446744073709551615,"e":0.5,"f":"x","g":true,"h":null})";
  const std::size_t size = line.size();
  line.resize(size + JsonLineParser::kPadding);
  JsonLineParser parser;
  ASSERT_EQ(parser.parse(std::string_view(line).substr(0, size)), "");
  std::vector<JsonKind> kinds;
  for (const auto& [name, value] : parser.root().fields()) kinds.push_back(value.kind());
  EXPECT_EQ(kinds, (std::vector{JsonKind::array, JsonKind::object, JsonKind::number, JsonKind::number, JsonKind::number,
                                JsonKind::string, JsonKind::boolean, JsonKind::null}));
}

TEST(Text, JsonErrorsNameThePlaceAndDumpNeverThrows) {
  try {
    parse_json("{\"a\":", "x.json:3");
    FAIL() << "broken JSON was accepted";
  } catch (const DataError& e) {
    EXPECT_NE(std::string(e.what()).find("x.json:3"), std::string::npos);
  }
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(dump_json(parse_json(nested(200), "deep")), nested(200));
  EXPECT_THROW(parse_json(nested(201), "deep"), DataError);
  EXPECT_THROW(parse_sorted_json(nested(3'000'000), "deep"), DataError);
  EXPECT_EQ(parse_json(R"(["\"[[[", "\\", []])", "brackets in texts").size(), 3U);
  EXPECT_EQ(dump_json(Json{{"a", "\xff"}}), "{\"a\":\"\xEF\xBF\xBD\"}");
}

TEST(Text, BytesRoundTripAndRefuseTruncation) {
  ByteWriter w;
  const std::vector<double> v = {1.5, -2};
  const std::string bytes = w.put(std::uint32_t{7}).put_string("hi").put_span(std::span<const double>(v)).take();
  ByteReader r(bytes);
  EXPECT_EQ(r.get<std::uint32_t>(), 7U);
  EXPECT_EQ(r.get_string(), "hi");
  EXPECT_EQ(r.get_vector<double>(), v);
  EXPECT_TRUE(r.done());
  for (std::size_t n = 0; n < sizeof(std::uint32_t); ++n) {
    EXPECT_THROW(ByteReader(std::string_view(bytes).substr(0, n)).get<std::uint32_t>(), InternalError) << n;
  }
  ByteReader cut(std::string_view(bytes).substr(0, bytes.size() - 1));
  cut.get<std::uint32_t>();
  cut.get_string();
  EXPECT_THROW(cut.get_vector<double>(), InternalError);
}

}  // namespace
}  // namespace equal
