#include "equal/encode/safetensors.hpp"

#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/random.hpp"

#include "support/scratch.hpp"

namespace equal::encode {
namespace {

using testing::HasSubstr;

std::string file_of(std::uint64_t header_bytes, const std::string& header, const std::string& data) {
  std::string out(8, '\0');
  std::memcpy(out.data(), &header_bytes, 8);
  return out + header + data;
}
std::string file_of(const std::string& header, const std::string& data) { return file_of(header.size(), header, data); }

class SafeTensorsTest : public testing::Test {
 protected:
  SafeTensorsTest() : folder_("safetensors") {}
  SafeTensors load(const std::string& bytes) {
    write_file_atomically(folder_ / "t.safetensors", bytes);
    return SafeTensors(folder_ / "t.safetensors");
  }
  void refused(const std::string& bytes, const std::string& text) {
    try {
      load(bytes);
      ADD_FAILURE() << "accepted; expected: " << text;
    } catch (const DataError& e) {
      EXPECT_THAT(e.what(), HasSubstr(text));
    }
  }
  test::ScratchFolder folder_;
};

TEST_F(SafeTensorsTest, ReadsThreeFormats) {
  const std::string data("\x00\x00\x80\x3f\x00\x00\x00\xc0\x00\x3c\x00\xc0\x80\x3f\x00\xc0", 16);
  const SafeTensors t = load(file_of(
      R"({"__metadata__":{"a":"b"},"f":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
      R"("h":{"dtype":"F16","shape":[2],"data_offsets":[8,12]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[12,16]}})",
      data));
  EXPECT_EQ(t.matrix("f", 1, 2)(0, 1), -2.0F);
  EXPECT_EQ(t.vector("h", 2), (std::vector<float>{1, -2}));
  EXPECT_EQ(t.vector("b", 2), (std::vector<float>{1, -2}));
  EXPECT_THROW(t.vector("f", 2), DataError);
  EXPECT_THROW(t.vector("h", 3), DataError);
  EXPECT_THROW(t.vector("missing", 3), DataError);
}

TEST_F(SafeTensorsTest, RefusesHostileHeaders) {
  const auto entry = [](const std::string& inner) { return file_of("{\"t\":{" + inner + "}}", std::string(16, '\0')); };
  refused("1234567", "shorter than 8 bytes");
  refused(file_of(1ULL << 40U, "{}", ""), "a header of 1099511627776 bytes");
  refused(file_of(3, "{}", ""), "a header of 3 bytes in a file of 10; at most 2");
  refused(file_of("[]", ""), "the header is no JSON object");
  refused(file_of("{\"t\":", ""), "the header is no JSON object");
  refused(file_of("{\"t\":7}", ""), "tensor \"t\": an object");
  refused(entry(R"("dtype":"F8","shape":[4],"data_offsets":[0,16])"), "dtype F8 is not known");
  refused(entry(R"("dtype":"F32","shape":[-4],"data_offsets":[0,16])"), "shape: sizes are expected");
  refused(entry(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16])"), "its shape overflows");
  refused(entry(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,4],"data_offsets":[0,16])"), "at most 8 sizes");
  refused(entry(R"("dtype":"F32","shape":[4],"data_offsets":[0,20])"), "bytes 0 to 20 lie outside the 16 bytes");
  refused(entry(R"("dtype":"F32","shape":[4],"data_offsets":[16,0])"), "lie outside");
  refused(entry(R"("dtype":"F32","shape":[4],"data_offsets":[0,12])"),
          "12 bytes for the shape [4] of F32; 16 are expected");
  refused(entry(R"("dtype":"F32","shape":[4],"data_offsets":[0])"), "data_offsets");
  refused(
      file_of(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
          std::string(16, '\0')),
      "tensor \"b\": its bytes overlap those of \"a\"");
}

TEST_F(SafeTensorsTest, RefusesIntegersAndNaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::string data(8, '\0');
  std::memcpy(data.data() + 4, &nan, 4);
  const SafeTensors t = load(file_of(
      R"({"f":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"i":{"dtype":"I32","shape":[2],"data_offsets":[8,16]}})",
      data + std::string(8, '\0')));
  EXPECT_THROW(t.vector("f", 2), DataError);
  EXPECT_THROW(t.vector("i", 2), DataError);
}

TEST_F(SafeTensorsTest, FlippedBytesAreReadOrRefusedButNeverWorse) {
  const std::string good = read_file(test::fixture("bert/tiny/model.safetensors"));
  RandomStream random(5, "safetensors_test");
  for (int round = 0; round < 300; ++round) {
    std::string bad = good;
    for (int i = 0; i < 3; ++i)
      bad[random.below(std::min<std::size_t>(bad.size(), 4000))] = static_cast<char>(random.below(256));
    try {
      load(bad).vector("embeddings.LayerNorm.weight", 12);
    } catch (const DataError&) {
    }
  }
}

}  // namespace
}  // namespace equal::encode
