// Which pairs are exported: what rounds.jsonl observed, with the places of their texts in the journal; and what
// cleaning leaves out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "equal/clean/decontamination.hpp"
#include "equal/extract/extractor.hpp"
#include "equal/job/job.hpp"

#include "answers.hpp"

namespace equal::job {

/// One pair on its way out, by reference: its text is read when it is needed. Plain bytes, to be sent to ranks.
struct ExportItem {
  std::uint64_t document = 0, round = 0, offset = 0;  ///< offset of its record in the journal file
  double credit = 0;
  std::uint32_t arm = 0, pair = 0, file = 0, bytes = 0;
};

struct ExportList {
  std::vector<std::filesystem::path> files;  ///< of the journal
  std::vector<ExportItem> items;             ///< in the order in which the run credited them, exact duplicates left out
};

/// Local. Pairs with at least export.min_credit. Throws DataError when the journal lacks a record that was observed.
ExportList export_list(const Workspace& workspace, const settings::Settings& settings, const std::string& extractor);

/// Reads records; consecutive items of one document cost one read. Local.
class RecordReader {
 public:
  explicit RecordReader(const std::vector<std::filesystem::path>& files) : files_(files) {}
  const JournalAnswer& answer(const ExportItem& item);
  const extract::Pair& pair(const ExportItem& item);  ///< throws DataError when the record has fewer pairs

 private:
  const std::vector<std::filesystem::path>& files_;
  std::uint64_t document_ = ~std::uint64_t{0};
  JournalAnswer answer_;
};

struct Reject {
  enum class Reason { contaminated, near_duplicate };
  Reason reason{};
  std::uint64_t item = 0;   ///< index in ExportList::items
  std::uint64_t other = 0;  ///< the benchmark item, or the kept pair
  clean::ContaminationRule rule{};
  double similarity = 0;  ///< of near-duplicates
};

/// Collective. `list` counts on rank 0, whose pairs are dealt out over the ranks; the rejects, by item, are returned
/// there, empty elsewhere. Equal on any number of ranks.
std::vector<Reject> clean_pairs(Job& job, const ExportList& list, const clean::Decontaminator* benchmark);

/// Local. Keeps the `top` items with the highest credit (0: all); of equal credit the earlier ones.
void keep_top(std::vector<std::uint64_t>& kept, const std::vector<ExportItem>& items, std::uint64_t top);

}  // namespace equal::job
