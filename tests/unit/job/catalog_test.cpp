#include "equal/job/catalog.hpp"

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"

#include "support/scratch.hpp"

namespace equal::job {
namespace {

Catalog example() {
  Catalog c;
  std::uint64_t first = 0;
  const std::uint64_t documents[] = {10, 0, 5, 7, 1};
  for (std::uint32_t i = 0; i < 5; ++i) {
    c.partitions.push_back({PartitionId(i), first, documents[i], documents[i] * 100, "d" + std::to_string(i)});
    first += documents[i];
  }
  return c;
}

TEST(Catalog, FindsThePartitionOfEachDocumentAcrossEmptyOnes) {
  const Catalog c = example();
  EXPECT_EQ(c.documents(), 23U);
  EXPECT_EQ(c.partition_of(0).id.value, 0U);
  EXPECT_EQ(c.partition_of(9).id.value, 0U);
  EXPECT_EQ(c.partition_of(10).id.value, 2U);
  EXPECT_EQ(c.partition_of(15).id.value, 3U);
  EXPECT_EQ(c.partition_of(22).id.value, 4U);
  EXPECT_THROW(c.partition_of(23), InternalError);
}

TEST(Catalog, EachPartitionHasOneOwnerAndLoadIsBalanced) {
  const Catalog c = example();
  for (const int workers : {1, 2, 3, 7}) {
    std::vector<int> times(5, 0);
    for (int w = 0; w < workers; ++w) {
      for (const PartitionId p : c.owned_by(w, workers)) ++times[p.value];
    }
    EXPECT_EQ(times, std::vector<int>(5, 1)) << workers;
  }
  EXPECT_EQ(c.owners(2), (std::vector<int>{0, 0, 1, 1, 0}));  // 1000 | 700 500 -> then 100 and 0 to the lighter one
}

TEST(Catalog, SurvivesTheFileAndRefusesAlteredOnes) {
  const test::ScratchFolder folder("catalog");
  const Workspace workspace(folder.path());
  std::filesystem::create_directories(workspace.corpus());
  write_catalog(workspace, example());
  EXPECT_EQ(read_catalog(workspace).digest(), example().digest());
  std::string text = read_file(workspace.corpus() / "catalog.json");
  text.replace(text.find("\"d3\""), 4, "\"dX\"");
  write_file_atomically(workspace.corpus() / "catalog.json", text);
  EXPECT_THROW(read_catalog(workspace), DataError);
}

}  // namespace
}  // namespace equal::job
