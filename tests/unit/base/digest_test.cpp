#include "equal/base/digest.hpp"

#include <gtest/gtest.h>

#include "equal/base/error.hpp"

namespace equal {
namespace {

TEST(Digest, Sha256MatchesPublishedVector) {
  // FIPS 180-2, appendix B.1
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().update("a").update("bc").hex(), sha256_hex("abc"));
}

TEST(Digest, ShortDigestIsThePrefixAndSurvivesHex) {
  const Digest128 d = digest128("abc");
  EXPECT_EQ(d.hex(), "ba7816bf8f01cfea414140de5dae2223");
  EXPECT_EQ(Digest128::from_hex(d.hex()), d);
  EXPECT_THROW(Digest128::from_hex("12"), DataError);
  EXPECT_THROW(Digest128::from_hex("zz7816bf8f01cfea414140de5dae2223"), DataError);
}

TEST(Digest, CrcMatchesPublishedVectorAndContinues) {
  EXPECT_EQ(crc32(std::string_view("123456789")), 0xCBF43926U);
  EXPECT_EQ(crc32(std::string_view("6789"), crc32(std::string_view("12345"))), 0xCBF43926U);
}

}  // namespace
}  // namespace equal
