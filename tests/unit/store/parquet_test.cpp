#include <cstdlib>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/store/corpus_reader.hpp"

#include "sample.hpp"
#include "support/scratch.hpp"

namespace equal::store {
namespace {

using equal::test::ScratchFolder;
using ::testing::HasSubstr;

constexpr int kRows = 1000;

/// Row i: id i, text (missing in every 100th, blank in every 101st), a pair in every 3rd, a label, a score.
void write_parquet(const std::string& path, const std::string& ids, int rows_a_group = 90) {
  const char* program = std::getenv("EQUAL_PARQUET_SAMPLES");
  ASSERT_NE(program, nullptr) << "run this test through ctest";
  ASSERT_EQ(std::system((std::string(program) + " '" + path + "' " + ids + " " + std::to_string(rows_a_group)).c_str()),
            0);
}

std::vector<Document> read_chunks(CorpusReader& reader, std::vector<ChunkTally>& tallies, std::size_t most = 1000) {
  std::vector<Document> out, block;
  while (tallies.size() < most && reader.next_chunk()) {
    while (reader.next(block)) std::move(block.begin(), block.end(), std::back_inserter(out));
    tallies.push_back(reader.tally());
  }
  return out;
}

TEST(Parquet, RowsBecomeDocuments) {
  const ScratchFolder folder("parquet");
  write_parquet(folder / "a.parquet", "number");
  const Input input = list_inputs({folder / "a.parquet"}).at(0);
  EXPECT_TRUE(input.splittable());
  EXPECT_EQ(input.row_group_bytes.size(), 12u);
  CorpusParams params;
  params.partition_bytes = 2 * input.row_group_bytes[0];
  std::vector<ChunkTally> tallies;
  ThreadPool pool(3);
  CorpusReader reader(params, input, 0, &pool);
  const auto documents = read_chunks(reader, tallies);
  EXPECT_EQ(tallies.size(), *input.chunks(params));
  EXPECT_GE(tallies.size(), 4u);
  std::uint64_t rows = 0, no_text = 0, blank = 0;
  for (const ChunkTally& tally : tallies) {
    rows += tally.lines;
    no_text += tally.bad[static_cast<std::size_t>(BadReason::no_text)];
    blank += tally.bad[static_cast<std::size_t>(BadReason::blank_text)];
  }
  EXPECT_EQ(rows, static_cast<std::uint64_t>(kRows));
  EXPECT_EQ(no_text, 10u);
  EXPECT_EQ(blank, 9u);
  ASSERT_EQ(documents.size(), kRows - 19u);
  std::size_t at = 0;
  for (int i = 0; i < kRows; ++i) {
    if (i % 100 == 0 || i % 101 == 0) continue;
    const Document& d = documents[at++];
    ASSERT_EQ(d.id, std::to_string(i));
    EXPECT_EQ(d.text, "Text of row " + std::to_string(i) + " ü");
    EXPECT_EQ(d.position, static_cast<std::uint64_t>(i));
    EXPECT_EQ(d.digest, digest128(d.id));
    EXPECT_EQ(d.pairs.size(), i % 3 == 0 ? 1u : 0u);
    if (i % 3 == 0) {
      EXPECT_EQ(d.pairs[0].answer, "a \"" + std::to_string(i));
    }
  }
  EXPECT_EQ(documents[0].metadata, R"({"label":"odd","score":0.25})");
  EXPECT_EQ(documents[6].metadata, R"({"label":"odd","score":null})");

  CorpusReader late(params, input, 3);
  std::vector<ChunkTally> one;
  const auto chunk = read_chunks(late, one, 1);
  const std::uint64_t before = tallies[0].documents + tallies[1].documents + tallies[2].documents;
  ASSERT_EQ(chunk.size(), tallies[3].documents);
  EXPECT_EQ(chunk[0].id, documents[before].id);
  EXPECT_EQ(chunk[0].position, documents[before].position);
}

TEST(Parquet, ColumnsAreSettings) {
  const ScratchFolder folder("parquet_columns");
  write_parquet(folder / "a.parquet", "text");
  const Input input = list_inputs({folder / "a.parquet"}).at(0);
  CorpusParams params;
  params.keep_metadata = false;
  params.text_field = "label";
  params.pairs_field = "none";
  CorpusReader reader(params, input);
  std::vector<ChunkTally> tallies;
  const auto documents = read_chunks(reader, tallies);
  ASSERT_EQ(documents.size(), static_cast<std::size_t>(kRows));
  EXPECT_EQ(documents[5].id, "row-5");
  EXPECT_EQ(documents[5].text, "odd");
  EXPECT_TRUE(documents[5].metadata.empty());
  params.text_field = "body";
  try {
    std::vector<ChunkTally> none;
    CorpusReader wrong(params, input);
    read_chunks(wrong, none);
    FAIL() << "a missing column was accepted";
  } catch (const DataError& e) {
    EXPECT_THAT(e.what(), HasSubstr("no column 'body'"));
    EXPECT_THAT(e.what(), HasSubstr("id, label, text, qas, score"));
  }
}

TEST(Parquet, DamageIsNamedAndNeverACrash) {
  const ScratchFolder folder("parquet_damage");
  write_parquet(folder / "a.parquet", "number", 200);
  const std::string whole = read_file(folder / "a.parquet");
  std::mt19937 random(9);
  int refused = 0;
  for (int round = 0; round < 150; ++round) {
    std::string bytes = whole;
    const std::size_t at = random() % bytes.size();
    if (round % 5 == 0) {
      bytes.resize(at);
    } else {
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    }
    test::overwrite(folder / "a.parquet", bytes);
    try {
      std::vector<ChunkTally> tallies;
      CorpusReader reader({}, list_inputs({folder / "a.parquet"}).at(0));
      read_chunks(reader, tallies);
    } catch (const DataError& e) {
      EXPECT_THAT(e.what(), HasSubstr("a.parquet"));
      ++refused;
    }
  }
  EXPECT_GE(refused, 30);
}

}  // namespace
}  // namespace equal::store
