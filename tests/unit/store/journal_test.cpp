#include "equal/store/journal.hpp"

#include <random>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"

#include "sample.hpp"
#include "support/scratch.hpp"

namespace equal::store {
namespace {

using equal::test::ScratchFolder;

std::vector<std::string> records_of(const std::filesystem::path& folder, JournalReport* report = nullptr) {
  std::vector<std::string> out;
  JournalReport r = read_journal(folder, [&](const JournalRecord& record) { out.emplace_back(record.json); });
  EXPECT_EQ(r.records, out.size());
  if (report != nullptr) *report = std::move(r);
  return out;
}

TEST(Journal, ReadsByGenerationThenRankThenLine) {
  const ScratchFolder folder("journal");
  const auto path = folder / "journal";
  EXPECT_EQ(next_generation(path), 0u);
  {
    JournalWriter late(path, 0, 1), second(path, 10, 0), first(path, 2, 0);
    late.append(R"({"n":4})");
    second.append(R"({"n":3})");
    first.append(R"({"n":1})");
    first.append(R"({"n":2})");
    EXPECT_EQ(first.durable(), 0u);
    EXPECT_EQ(first.sync(), 2u);
  }
  EXPECT_EQ(next_generation(path), 2u);
  EXPECT_EQ(records_of(path), (std::vector<std::string>{R"({"n":1})", R"({"n":2})", R"({"n":3})", R"({"n":4})"}));
  EXPECT_THROW(JournalWriter(path, 2, 0), EnvironmentError) << "an existing file must never be written again";
  EXPECT_EQ(records_of(folder / "missing").size(), 0u);
}

TEST(Journal, ARecordIsFoundAgainByItsPlace) {
  const ScratchFolder folder("journal_places");
  std::vector<std::string> records;
  {
    JournalWriter writer(folder.path(), 0, 0);
    for (int i = 0; i < 2000; ++i) {  // several read buffers
      records.push_back(R"({"n":")" + std::string(static_cast<std::size_t>(i % 700), 'x') + "\"}");
      writer.append(records.back());
    }
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
  std::filesystem::path file;
  read_journal(folder.path(), [&](const JournalRecord& r) {
    places.emplace_back(r.offset, r.json.size());
    file = r.file;
  });
  ASSERT_EQ(places.size(), records.size());
  for (std::size_t i = 0; i < records.size(); ++i)
    ASSERT_EQ(read_journal_record(file, places[i].first, places[i].second), records[i]);
  EXPECT_THROW(read_journal_record(file, places[3].first + 1, places[3].second), DataError);
  EXPECT_THROW(read_journal_record(file, places.back().first, places.back().second + 100), DataError);
}

TEST(Journal, RecordsAreDurableOnceTheyAreSynced) {
  const ScratchFolder folder("journal_sync");
  JournalWriter writer(folder.path(), 0, 0);
  EXPECT_EQ(writer.append("{}"), 1u);
  EXPECT_EQ(writer.append("{}"), 2u);
  EXPECT_TRUE(writer.pending());
  EXPECT_EQ(writer.durable(), 0u);
  EXPECT_TRUE(records_of(folder.path()).empty());
  EXPECT_EQ(writer.sync(), 2u);
  EXPECT_FALSE(writer.pending());
  EXPECT_EQ(records_of(folder.path()).size(), 2u);
  EXPECT_THROW(writer.append("{\n}"), InternalError);
}

TEST(Journal, ATornEndIsDroppedWithAWarning) {
  const ScratchFolder folder("journal_torn");
  std::vector<std::string> records;
  {
    JournalWriter writer(folder.path(), 3, 7);
    for (int i = 0; i < 20; ++i) writer.append(records.emplace_back("{\"number\":" + std::to_string(i * i) + "}"));
  }
  const auto file = folder / "rank-00003.g0007.jsonl";
  const std::string whole = read_file(file);
  for (std::size_t size = 0; size < whole.size(); size += 3) {
    test::overwrite(file, whole.substr(0, size));
    JournalReport report;
    const auto kept = records_of(folder.path(), &report);
    ASSERT_TRUE(std::equal(kept.begin(), kept.end(), records.begin()));
    const bool at_line_end = size == 0 || whole[size - 1] == '\n';
    ASSERT_EQ(report.warnings.size(), at_line_end ? 0u : 1u);
    if (!at_line_end) {
      EXPECT_NE(report.warnings[0].find("g0007.jsonl:" + std::to_string(kept.size() + 1)), std::string::npos)
          << report.warnings[0];
    }
  }
}

TEST(Journal, DamageBeforeAnIntactRecordIsRefused) {
  const ScratchFolder folder("journal_damage");
  {
    JournalWriter writer(folder.path(), 0, 0);
    for (int i = 0; i < 50; ++i) writer.append("{\"pair\":\"text of a pair\",\"number\":" + std::to_string(i) + "}");
  }
  const auto file = folder / "rank-00000.g0000.jsonl";
  const std::string whole = read_file(file);
  const std::size_t last_line = whole.rfind('\n', whole.size() - 2) + 1;
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = whole;
    const std::size_t at = random() % whole.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    test::overwrite(file, damaged);
    if (at >= last_line) {
      EXPECT_EQ(records_of(folder.path()).size(), 49u);
      continue;
    }
    try {
      records_of(folder.path());
      // Without the break between the last two lines both belong to the torn end.
      EXPECT_EQ(at, last_line - 1) << "a flipped bit at " << at << " was accepted";
    } catch (const DataError& e) {
      const auto line = 1 + std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      EXPECT_NE(std::string(e.what()).find("g0000.jsonl:" + std::to_string(line)), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace equal::store
