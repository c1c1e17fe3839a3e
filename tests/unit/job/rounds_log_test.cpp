#include "rounds_log.hpp"

#include <fstream>
#include <numeric>

#include <gmock/gmock.h>

#include "equal/base/error.hpp"

#include "support/scratch.hpp"

namespace equal::job {
namespace {

/// A line of some megabytes: more than what is read at once.
RoundEvent asked(std::uint64_t round) {
  RoundEvent e;
  e.round = round;
  e.asked.resize(300000 + round);
  std::iota(e.asked.begin(), e.asked.end(), 1000000 * round);
  return e;
}

std::vector<std::uint64_t> rounds_in(const RoundsLog& log) {
  std::vector<std::uint64_t> out;
  log.for_each([&](const RoundEvent& e) {
    EXPECT_EQ(e.asked, asked(e.round).asked);
    out.push_back(e.round);
  });
  return out;
}

void write_rounds(const std::filesystem::path& path, std::uint64_t n) {
  RoundsLog log(path);
  EXPECT_TRUE(log.empty());
  for (std::uint64_t i = 0; i < n; ++i) log.append(asked(i));
  EXPECT_TRUE(rounds_in(log).empty()) << "only what was there when it was opened";
}

TEST(RoundsLog, GivesEventsBackOneByOne) {
  const test::ScratchFolder folder("rounds");
  write_rounds(folder / "r", 5);
  const RoundsLog log(folder / "r");
  EXPECT_FALSE(log.empty());
  EXPECT_EQ(rounds_in(log), (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(read_rounds(folder / "r").size(), 5U);
}

TEST(RoundsLog, CutsATornLastLineAndRefusesDamageBeforeIt) {
  const test::ScratchFolder folder("torn");
  const auto path = folder / "r";
  write_rounds(path, 3);
  const auto whole = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, whole - 10);
  EXPECT_GT(torn_bytes(path), 1000000U);
  EXPECT_THROW(for_each_whole_round(path, {{"rounds_bytes", whole}}), DataError);
  {
    const RoundsLog log(path);
    EXPECT_EQ(rounds_in(log), (std::vector<std::uint64_t>{0, 1}));
  }
  EXPECT_EQ(torn_bytes(path), 0U);
  EXPECT_NO_THROW(for_each_whole_round(path, {{"rounds_bytes", std::filesystem::file_size(path)}}));
  std::fstream(path, std::ios::in | std::ios::out).seekp(100) << '#';  // in the first line
  try {
    const RoundsLog log(path);
    FAIL();
  } catch (const DataError& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("r:1: the checksum does not fit"));
  }
}

}  // namespace
}  // namespace equal::job
