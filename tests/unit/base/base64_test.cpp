#include "equal/base/base64.hpp"

#include <gtest/gtest.h>

namespace equal {
namespace {

TEST(Base64, DecodesThePublishedVectors) {
  // RFC 4648, section 10
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("Zg=="), "f");
  EXPECT_EQ(decode_base64("Zm8="), "fo");
  EXPECT_EQ(decode_base64("Zm9v"), "foo");
  EXPECT_EQ(decode_base64("Zm9vYg=="), "foob");
  EXPECT_EQ(decode_base64("Zm9vYmE="), "fooba");
  EXPECT_EQ(decode_base64("Zm9vYmFy"), "foobar");
}

TEST(Base64, RefusesWhatIsNotWhole) {
  for (const char* text :
       {"Z", "Zg", "Zg=", "Zg===", "=Zg=", "Z=g=", "Z===", "====", "Zm9v Zg=", "Zm\n=", " m9v", "Zm9-", "Zm8=Zm8="})
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace equal
