// Operations that fail midway: the error names the file, what was published before stays valid, nothing half-written is
// ever taken for whole, and what was reported durable is there.
#include <functional>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/store/block_file.hpp"
#include "equal/store/embeddings.hpp"
#include "equal/store/journal.hpp"
#include "equal/store/partition.hpp"

#include "sample.hpp"
#include "support/faults.hpp"
#include "support/scratch.hpp"

namespace equal::store {
namespace {

using equal::test::Faults;
using equal::test::ScratchFolder;
using ::testing::HasSubstr;

struct Fault {
  const char *operation, *effect;
};

/// Calls prepare(), attempt() with the fault, check(message) without, for a fault at the first matching call of files
/// in `folder`, at the second, ... until it is no longer reached. `message`: of attempt's EnvironmentError, empty
/// without one. Returns how many places there were.
int at_every_place(const Fault& fault, const ScratchFolder& folder, const std::function<void()>& prepare,
                   const std::function<void()>& attempt, const std::function<void(const std::string&)>& check) {
  for (int place = 1; place < 1000; ++place) {
    prepare();
    std::string message;
    bool reached = false;
    {
      const Faults faults(std::string(fault.operation) + ":" + std::to_string(place) + ":" + fault.effect + ":" +
                          folder.path().filename().string());
      try {
        attempt();
      } catch (const EnvironmentError& e) {
        message = e.what();
      }
      reached = equal::test::matched_calls() >= place;
    }
    SCOPED_TRACE(std::string(fault.operation) + " " + fault.effect + " at call " + std::to_string(place));
    EXPECT_EQ(reached, !message.empty()) << message;
    if (reached) {
      EXPECT_THAT(message, HasSubstr(folder.path().filename().string()));
    }
    check(message);
    if (!reached) return place - 1;
  }
  ADD_FAILURE() << "the fault is reached for ever";
  return 0;
}

std::string name_of_fault(const ::testing::TestParamInfo<Fault>& info) {
  return std::string(info.param.operation) + "_" + info.param.effect;
}

class ArrayFileFault : public ::testing::TestWithParam<Fault> {};

TEST_P(ArrayFileFault, LeavesTheOldFileOrTheNewOne) {
  const ScratchFolder folder("fault_array");
  const auto old_documents = test::sample_documents(5), new_documents = test::sample_documents(60, 3000);
  const std::string new_digest = test::write_sample(folder / "p.h5", new_documents);
  std::string old_digest;
  const int places = at_every_place(
      GetParam(), folder, [&] { old_digest = test::write_sample(folder / "p.h5", old_documents); },
      [&] { test::write_sample(folder / "p.h5", new_documents); },
      [&](const std::string& message) {
        const std::string found = PartitionReader(folder / "p.h5", Verify::everything).header().content_digest;
        EXPECT_TRUE(found == new_digest || (!message.empty() && found == old_digest));
      });
  EXPECT_GE(places, 1);
}

INSTANTIATE_TEST_SUITE_P(All, ArrayFileFault,
                         ::testing::Values(Fault{"write", "ENOSPC"}, Fault{"write", "EIO"}, Fault{"sync", "EIO"},
                                           Fault{"rename", "EIO"}, Fault{"truncate", "ENOSPC"}),
                         name_of_fault);

TEST(ArrayFileFault, ReadErrorsAreNamed) {
  const ScratchFolder folder("fault_read");
  test::write_sample(folder / "p.h5", test::sample_documents(30));
  for (int place = 1; place < 1000; ++place) {
    const Faults faults("read:" + std::to_string(place) + ":EIO:p.h5");
    std::string message;
    try {
      PartitionReader(folder / "p.h5", Verify::everything).document(3);
    } catch (const Error& e) {
      message = e.what();
    }
    if (equal::test::matched_calls() < place) {
      EXPECT_TRUE(message.empty()) << message;
      EXPECT_GT(place, 5);
      return;
    }
    ASSERT_THAT(message, HasSubstr("p.h5")) << "read " << place;
  }
  ADD_FAILURE() << "never read through";
}

TEST(ArrayFileFault, ShortTransfersAreCompleted) {
  const ScratchFolder folder("fault_short");
  const auto documents = test::sample_documents(60, 3000);
  const std::string expected = test::write_sample(folder / "a.h5", documents);
  {
    const Faults faults("write:1:SHORT:b.h5");
    EXPECT_EQ(test::write_sample(folder / "b.h5", documents), expected);
    EXPECT_GT(equal::test::matched_calls(), 100);
  }
  EXPECT_EQ(read_file(folder / "a.h5"), read_file(folder / "b.h5"));
  const Faults faults("read:1:SHORT:b.h5");
  EXPECT_EQ(PartitionReader(folder / "b.h5", Verify::everything).text(59), documents[59].text);
}

std::vector<std::string> records_of(const std::filesystem::path& folder) {
  std::vector<std::string> out;
  read_journal(folder, [&](const JournalRecord& record) { out.emplace_back(record.json); });
  return out;
}

class JournalFault : public ::testing::TestWithParam<Fault> {};

TEST_P(JournalFault, KeepsWhatWasDurable) {
  const ScratchFolder folder("fault_journal");
  const auto path = folder / "journal";
  std::vector<std::string> durable, appended;
  at_every_place(
      GetParam(), folder, [&] { std::filesystem::remove_all(path), durable.clear(), appended.clear(); },
      [&] {
        JournalWriter writer(path, 1, 0);
        for (int group = 0; group < 4; ++group) {
          for (int i = 0; i < 5; ++i)
            writer.append(appended.emplace_back("{\"n\":" + std::to_string(appended.size()) + "}"));
          try {
            writer.sync();
          } catch (const EnvironmentError&) {
            EXPECT_THROW(writer.append("{}"), EnvironmentError) << "a broken journal takes nothing more";
            EXPECT_THROW(writer.sync(), EnvironmentError);
            throw;
          }
          durable = appended;
        }
      },
      [&](const std::string& message) {
        const auto found = records_of(path);
        ASSERT_GE(found.size(), durable.size()) << "a durable record was lost";
        EXPECT_TRUE(std::equal(found.begin(), found.end(), appended.begin()));
        EXPECT_TRUE(!message.empty() || found == appended);
        JournalWriter next(path, 1, next_generation(path));
        next.append("{\"next\":1}");
        next.sync();
        EXPECT_EQ(records_of(path).size(), found.size() + 1) << "the next start must go on";
      });
}

INSTANTIATE_TEST_SUITE_P(All, JournalFault, ::testing::Values(Fault{"write", "ENOSPC"}, Fault{"sync", "EIO"}),
                         name_of_fault);

TEST(JournalFault, AFullDiskThatCannotEvenBeCutBackLeavesATornEnd) {
  const ScratchFolder folder("fault_journal_torn");
  JournalWriter writer(folder / "journal", 0, 0);
  writer.append("{\"n\":1}");
  writer.sync();
  writer.append("{\"n\":2}");
  {
    const Faults faults("write:1:ENOSPC:journal");
    EXPECT_THROW(writer.sync(), EnvironmentError);
  }
  EXPECT_EQ(records_of(folder / "journal"), (std::vector<std::string>{"{\"n\":1}"}));
}

class BlockFileFault : public ::testing::TestWithParam<Fault> {};

TEST_P(BlockFileFault, GoesOnAfterTheFault) {
  const ScratchFolder folder("fault_blocks");
  const std::string source = sha256_hex("source");
  std::uint64_t done = 0;
  at_every_place(
      GetParam(), folder,
      [&] {
        std::filesystem::remove(folder / "b");
        done = 0;
      },
      [&] {
        BlockFile file(folder / "b", source);
        while (done < 4) {
          file.append(std::string(1000, static_cast<char>('a' + done)));
          ++done;
        }
      },
      [&](const std::string&) {
        BlockFile file(folder / "b", source);
        ASSERT_GE(file.next_block(), done) << "a durable block was lost";
        file.append("more");
        std::uint64_t seen = 0;
        file.for_each([&](std::uint64_t number, std::string_view payload) {
          if (number + 1 < file.next_block()) {
            EXPECT_EQ(payload, std::string(1000, static_cast<char>('a' + number)));
          }
          ++seen;
        });
        EXPECT_EQ(seen, file.next_block());
      });
}

INSTANTIATE_TEST_SUITE_P(All, BlockFileFault, ::testing::Values(Fault{"write", "ENOSPC"}, Fault{"sync", "EIO"}),
                         name_of_fault);

TEST(PublishFault, AFileAppearsWholeOrNotAtAll) {
  for (const Fault& fault : {Fault{"write", "ENOSPC"}, Fault{"sync", "EIO"}, Fault{"rename", "EIO"}}) {
    const ScratchFolder folder("fault_publish");
    at_every_place(
        fault, folder, [&] { write_file_atomically(folder / "f", "old"); },
        [&] { write_file_atomically(folder / "f", "new content"); },
        [&](const std::string& message) {
          const std::string found = read_file(folder / "f");
          EXPECT_TRUE(found == "new content" || (!message.empty() && found == "old")) << found;
        });
  }
}

}  // namespace
}  // namespace equal::store
