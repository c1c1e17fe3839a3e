#include "equal/store/block_file.hpp"

#include <random>

#include <gtest/gtest.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"

#include "sample.hpp"
#include "support/scratch.hpp"

namespace equal::store {
namespace {

const std::string kSource = sha256_hex("source"), kOther = sha256_hex("other");

std::vector<std::string> blocks_of(const BlockFile& file) {
  std::vector<std::string> out;
  file.for_each([&](std::uint64_t number, std::string_view payload) {
    EXPECT_EQ(number, out.size());
    out.emplace_back(payload);
  });
  return out;
}

TEST(BlockFile, GoesOnWhereItStopped) {
  const equal::test::ScratchFolder folder("blocks");
  {
    BlockFile file(folder / "b", kSource);
    EXPECT_EQ(file.next_block(), 0u);
    file.append("first");
    file.append("");
  }
  BlockFile file(folder / "b", kSource);
  EXPECT_EQ(file.next_block(), 2u);
  EXPECT_EQ(file.dropped_bytes(), 0u);
  file.append("third");
  EXPECT_EQ(blocks_of(file), (std::vector<std::string>{"first", "", "third"}));
  file.remove();
  EXPECT_FALSE(std::filesystem::exists(folder / "b"));
}

TEST(BlockFile, BlocksOfAnotherSourceAreDropped) {
  const equal::test::ScratchFolder folder("blocks_source");
  { BlockFile(folder / "b", kSource).append("first"); }
  BlockFile file(folder / "b", kOther);
  EXPECT_EQ(file.next_block(), 0u);
  EXPECT_GT(file.dropped_bytes(), 0u);
}

TEST(BlockFile, ReadBlocksLooksOnly) {
  const equal::test::ScratchFolder folder("blocks_read");
  {
    BlockFile file(folder / "b", kSource, BlockFile::Sync::scratch);
    file.append("first");
    file.append("second");
  }
  std::vector<std::string> seen;
  const auto visit = [&](std::uint64_t, std::string_view payload) { seen.emplace_back(payload); };
  EXPECT_EQ(read_blocks(folder / "b", kSource, visit), 2U);
  EXPECT_EQ(seen, (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(read_blocks(folder / "b", kOther, visit), 0U);
  std::string damaged = read_file(folder / "b");
  damaged[damaged.size() - 1] ^= 1;
  test::overwrite(folder / "b", damaged);
  EXPECT_EQ(read_blocks(folder / "b", kSource, visit), 1U);
  EXPECT_EQ(read_file(folder / "b"), damaged) << "reading cut the file";
  EXPECT_THROW(read_blocks(folder / "missing", kSource, visit), DataError);
}

TEST(BlockFile, AnyCutOrFlipLeavesAPrefixOfTheBlocks) {
  const equal::test::ScratchFolder folder("blocks_damage");
  std::vector<std::string> blocks;
  {
    BlockFile file(folder / "b", kSource);
    for (std::size_t i = 0; i < 12; ++i)
      file.append(blocks.emplace_back(std::string(37 * i, static_cast<char>('a' + i))));
  }
  const std::string whole = read_file(folder / "b");
  std::mt19937 random(5);
  for (int round = 0; round < 120; ++round) {
    std::string damaged = whole;
    const std::size_t at = random() % whole.size();
    if (round % 2 == 0) {
      damaged.resize(at);
    } else {
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    }
    test::overwrite(folder / "b", damaged);
    BlockFile file(folder / "b", kSource);
    const auto kept = blocks_of(file);
    ASSERT_LT(kept.size(), blocks.size()) << "damage at byte " << at << " was not noticed";
    ASSERT_TRUE(std::equal(kept.begin(), kept.end(), blocks.begin()));
    file.append("next");
    EXPECT_EQ(blocks_of(file).back(), "next");
  }
}

}  // namespace
}  // namespace equal::store
