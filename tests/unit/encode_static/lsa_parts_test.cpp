#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "equal/base/random.hpp"

#include "lsa_rows.hpp"
#include "lsa_sample.hpp"
#include "static_terms.hpp"

namespace equal::encode {
namespace {

TEST(LsaRows, EachRowsPartIsRoundedByItself) {
  RandomStream r(1, "lsa-rows");
  constexpr std::size_t kFeatures = 50;
  SparseRows rows;
  for (int i = 0; i < 40; ++i) {
    for (std::uint64_t n = r.below(30); n > 0; --n) {
      rows.entries.push_back({static_cast<std::uint32_t>(r.below(kFeatures)), static_cast<float>(r.normal() / 8)});
    }
    rows.start.push_back(rows.entries.size());
  }
  std::vector<float> v(kFeatures * kLsaGroup);
  for (auto& x : v) x = static_cast<float>(r.normal() / 10);
  std::vector<std::int64_t> z(v.size(), 5), expected(v.size(), 5);
  const double scale = lsa_scale(rows.rows());
  lsa_accumulate(rows, v.data(), scale, z.data());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t c = 0; c < kLsaGroup; ++c) {
      float y = 0;
      for (auto k = rows.start[i]; k < rows.start[i + 1]; ++k) {
        y += rows.entries[k].weight * v[rows.entries[k].feature * kLsaGroup + c];
      }
      for (auto k = rows.start[i]; k < rows.start[i + 1]; ++k) {
        const float part = rows.entries[k].weight * y;
        expected[rows.entries[k].feature * kLsaGroup + c] += std::llrint(static_cast<double>(part) * scale);
      }
    }
  }
  EXPECT_EQ(z, expected);
}

TEST(LsaRows, ScaleLeavesRoomForEveryDocumentAtTheLargestPart) {
  EXPECT_EQ(lsa_scale(0), 0x1p43);
  EXPECT_EQ(lsa_scale(262144), 0x1p43);
  EXPECT_EQ(lsa_scale(262145), 0x1p42);
  EXPECT_EQ(lsa_scale(std::uint64_t{1} << 24), 0x1p37);
  for (std::uint64_t n = 1; n <= std::uint64_t{1} << 24; n = n * 3 / 2 + 1) {
    EXPECT_LE(static_cast<double>(n) * lsa_scale(n), 0x1p61) << n;
  }
}

TEST(LowestValues, AreTheLowest) {
  RandomStream r(2, "lowest");
  for (const std::size_t count : {1U, 10U, 3000U}) {
    LowestValues lowest(count);
    std::vector<std::uint64_t> all;
    for (int i = 0; i < 20000; ++i) {
      all.push_back(r.below(30000));
      lowest.offer(all.back());
    }
    EXPECT_EQ(lowest.offered(), 20000U);
    auto got = lowest.take();
    std::sort(got.begin(), got.end());
    std::sort(all.begin(), all.end());
    EXPECT_TRUE(std::equal(got.begin(), got.end(), all.begin()));
    EXPECT_EQ(got.size(), count);
  }
}

TEST(NthValue, IsThatOfTheSortedUnion) {
  const auto alone = comm::make_single();
  RandomStream r(3, "nth");
  std::vector<std::uint64_t> values(500);
  for (auto& v : values) v = r.below(4) == 0 ? r.below(9) : r();
  auto sorted = values;
  std::sort(sorted.begin(), sorted.end());
  for (const std::size_t n : {0U, 1U, 7U, 130U, 499U}) EXPECT_EQ(nth_value(*alone, values, n), sorted[n]);
}

TEST(TermCounter, CountsEachFeatureOnceInOrderOfFirstOccurrence) {
  TermCounter counter;
  RandomStream r(4, "terms");
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint64_t> hashes(r.below(400));
    for (auto& h : hashes) h = (r.below(40) << 60) | (r() >> 8);  // few features in the top 4 bits, all low bits differ
    const auto terms = counter.count(hashes, 60);
    std::vector<std::uint64_t> seen;
    std::uint64_t total = 0;
    for (const auto h : hashes) {
      if (std::find(seen.begin(), seen.end(), h >> 60) == seen.end()) seen.push_back(h >> 60);
    }
    ASSERT_EQ(terms.size(), seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      EXPECT_EQ(terms[i].feature, seen[i]);
      total += terms[i].count;
    }
    EXPECT_EQ(total, hashes.size());
  }
}

}  // namespace
}  // namespace equal::encode
