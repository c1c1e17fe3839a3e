// Rows of a data set to files: JSON Lines (plain, .gz, .zst) or Parquet, one file a split or shards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "equal/extract/extractor.hpp"
#include "equal/store/parquet_writer.hpp"
#include "equal/store/text_writer.hpp"

namespace equal::job {

/// A pair with where it came from. Every field is in every row, empty or 0 where there is nothing to say, so that
/// readers that infer a schema from the first rows are right about the others.
struct DataRow {
  extract::Pair pair;
  std::string document, source, parent, metadata;  ///< ids; the input file; the user's other fields as JSON text
  std::string extractor, model, prompt;            ///< digest of the extractor; SHA-256 of the prompt
  std::uint64_t number = 0, position = 0, parent_offset = 0, pair_index = 0, arm = 0, round = 0;
  std::uint64_t prompt_tokens = 0, completion_tokens = 0;  ///< of the document's calls
  double credit = 0;
};

struct DataFile {
  std::string split;
  std::filesystem::path path;
  std::uint64_t pairs = 0;
  std::string sha256;
};

class DataSetWriter {
 public:
  /// format, files: as the settings export.format and export.files. shard_bytes 0: one file. Throws UsageError for
  /// parquet without its module.
  DataSetWriter(std::filesystem::path folder, std::string split, std::string format, std::string files,
                std::uint64_t shard_bytes);
  ~DataSetWriter();
  DataSetWriter(DataSetWriter&&) noexcept;
  void add(const DataRow& row);
  /// Completes the files under hidden names; publish() gives them theirs, once all splits are written.
  void finish();
  /// <split>.<files>, or <split>-00000-of-00003.<files> with shard_bytes.
  std::vector<DataFile> publish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace equal::job
