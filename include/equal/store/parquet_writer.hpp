// Tables to Parquet, where the build has Arrow C++ (see corpus_reader.hpp).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace equal::store {

/// A column with the cells of the rows that are written next.
struct ParquetColumn {
  enum class Kind {
    text,   ///< one of `texts` a row, UTF-8
    whole,  ///< one of `wholes` a row
    real,   ///< one of `reals` a row
    turns   ///< a list of two structs {first, second} of texts: four of `texts` a row
  };
  std::string name;
  Kind kind = Kind::text;
  std::string group = {};               ///< the struct column that it is a field of; empty for a column of its own
  std::string first = {}, second = {};  ///< turns: names of the two fields
  std::vector<std::string> texts = {};
  std::vector<std::int64_t> wholes = {};
  std::vector<double> reals = {};
};

class ParquetWriter {
 public:
  /// `schema`: the columns, without cells; fields of one struct follow one another. Throws UsageError where the module
  /// is missing, EnvironmentError when the file cannot be created.
  ParquetWriter(std::filesystem::path path, const std::vector<ParquetColumn>& schema);
  ~ParquetWriter();  ///< without finish() nothing appears
  ParquetWriter(ParquetWriter&&) noexcept;
  ParquetWriter& operator=(ParquetWriter&&) noexcept;

  /// One row group. REQUIRES: the columns of the schema, each with cells for `rows` rows.
  void append(const std::vector<ParquetColumn>& columns, std::uint64_t rows);
  /// Writes the footer and publishes.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace equal::store
