// Files damaged at random places: refused with the file's name, or (where the damage hit no content) read as they were.
#include <random>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"

#include "array_samples.hpp"
#include "support/scratch.hpp"

namespace equal::store {
namespace {

namespace fs = std::filesystem;
using test::Content;
using test::content_of_embeddings;
using test::write_samples;

std::string damaged(std::string bytes, std::mt19937_64& random) {
  const std::size_t at = random() % bytes.size();
  switch (random() % 5) {
    case 0:
      bytes.resize(at);
      break;
    case 1:
      bytes[at] = static_cast<char>(random());
      break;
    case 2:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      break;
    case 3: {  // a hole, as a lost page leaves it
      const std::size_t size = std::min<std::size_t>(bytes.size() - at, 1 + random() % 4096);
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, '\0');
      break;
    }
    default: {  // a piece of the file over another one
      const std::size_t from = random() % bytes.size(),
                        size = std::min({bytes.size() - at, bytes.size() - from, std::size_t{64}});
      bytes.replace(at, size, bytes.substr(from, size));
    }
  }
  return bytes;
}

TEST(Damage, IsNeverReadAsContent) {
  const equal::test::ScratchFolder folder("damage");
  int refused = 0, harmless = 0;
  for (const auto& [name, content] : write_samples(folder.path())) {
    const fs::path path = folder / name;
    const std::string whole = read_file(path), expected = content(path);
    std::mt19937_64 random(keyed_hash(3, name, {}));
    for (int round = 0; round < 250; ++round) {
      const std::string bytes = damaged(whole, random);
      test::overwrite(path, bytes);
      try {
        ASSERT_EQ(content(path), expected) << name << " round " << round << ": damage was read as content";
        ++harmless;
      } catch (const DataError& e) {
        ASSERT_NE(std::string(e.what()).find(name), std::string::npos) << e.what();
        ++refused;
      }
    }
  }
  RecordProperty("refused", refused);
  RecordProperty("harmless", harmless);
  EXPECT_GE(refused, 600) << "the damage misses the content: make more of it";
}

TEST(Damage, EveryByteOfTheHeaderMatters) {
  const equal::test::ScratchFolder folder("damage_header");
  write_samples(folder.path());
  const fs::path path = folder / "embeddings.h5";
  const std::string whole = read_file(path), expected = content_of_embeddings(path);
  for (std::size_t at = 0; at < std::min<std::size_t>(whole.size(), 1200); at += 3) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x41);
    test::overwrite(path, bytes);
    try {
      ASSERT_EQ(content_of_embeddings(path), expected) << "byte " << at;
    } catch (const DataError&) {
    }
  }
}

TEST(Damage, OnlyVerifyingEverythingReadsAll) {
  const equal::test::ScratchFolder folder("damage_verify");
  const auto documents = test::sample_documents(200, 4000);
  test::write_sample(folder / "p.h5", documents);
  std::string bytes = read_file(folder / "p.h5");
  const std::size_t at = bytes.find(documents[150].text);
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  test::overwrite(folder / "p.h5", bytes);
  const PartitionReader reader(folder / "p.h5");
  EXPECT_EQ(reader.text(0), documents[0].text) << "an intact block can still be read";
  EXPECT_THROW(reader.text(150), DataError);
  EXPECT_THROW(reader.text(150), DataError) << "also the second time";
  EXPECT_THROW(PartitionReader(folder / "p.h5", Verify::everything), DataError);
}

}  // namespace
}  // namespace equal::store
