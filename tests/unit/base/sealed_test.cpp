#include <cctype>

#include <gtest/gtest.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/sealed_lines.hpp"

#include "support/message.hpp"
#include "support/scratch.hpp"

namespace equal {
namespace {

TEST(SealedLines, EveryAlteredByteIsNoticed) {
  const std::string text = "[job]\nseed = 1\n", sealed = seal_lines(text);
  EXPECT_EQ(unseal_lines(sealed, "a.ini"), text);
  EXPECT_EQ(unseal_lines(seal_lines(""), "a.ini"), "");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string altered = sealed;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_NE(test::message_of<DataError>([&] { unseal_lines(altered, "a.ini"); }).find("a.ini: damaged or altered"),
              std::string::npos)
        << i;
    EXPECT_THROW(unseal_lines(sealed.substr(0, i), "a.ini"), DataError) << i;
  }
  EXPECT_THROW(unseal_lines(text, "a.ini"), DataError) << "without a seal";
}

TEST(SealedJson, EveryAlteredByteIsNoticed) {
  const Json object = {{"stage", "embed"}, {"rows", 12}};
  for (const int indent : {-1, 2}) {
    const std::string sealed = seal_json(object, indent);
    EXPECT_EQ(unseal_json(sealed, "a.json"), object);
    for (std::size_t i = 0; i < sealed.size(); ++i) {
      if (indent >= 0 && std::isspace(static_cast<unsigned char>(sealed[i])) != 0)
        continue;  // white space says nothing
      std::string altered = sealed;
      altered[i] = static_cast<char>(altered[i] ^ 1);
      EXPECT_NE(test::message_of<DataError>([&] { unseal_json(altered, "a.json"); }).find("a.json"), std::string::npos)
          << i;
    }
    EXPECT_THROW(unseal_json(sealed.substr(0, sealed.size() - 1), "a.json"), DataError);
  }
  EXPECT_THROW(unseal_json("{\"stage\":\"embed\"}\n", "a.json"), DataError) << "without a checksum";
  EXPECT_THROW(unseal_json("[1]\n", "a.json"), DataError);
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const test::ScratchFolder folder("sha256_file");
  const std::string bytes(3 << 20, 'x');  // several buffers
  write_file_atomically(folder / "a", bytes);
  EXPECT_EQ(sha256_file((folder / "a").string()), sha256_hex(bytes));
  EXPECT_NE(test::message_of<DataError>([&] { sha256_file((folder / "none").string()); }).find("none: cannot be read"),
            std::string::npos);
}

}  // namespace
}  // namespace equal
