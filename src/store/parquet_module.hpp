// The border between the program and its Parquet module, a shared library of its own that is loaded when a Parquet file
// is met. Why not simply linked: the Arrow libraries that Python's pyarrow carries export their own OpenSSL and
// simdjson, which would take the place of the program's. The module is loaded with its symbols kept to itself, and uses
// nothing of the program but this header. No exception crosses the border: functions return an error text, empty on
// success.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "equal/store/parquet_writer.hpp"

namespace equal::store {

struct ParquetFields {
  std::string id, text, pairs;
  bool keep_metadata = true;
};

/// A row as it stands in the file; texts are not checked for UTF-8.
struct ParquetRow {
  enum class Cell { missing, text, other };
  Cell id_cell = Cell::missing, text_cell = Cell::missing;
  bool has_pairs = false;
  std::string id, text;  // an id of whole numbers is written out
  std::string pairs;     // JSON
  std::string metadata;  // JSON object of all other columns, or empty
};

class ParquetFile {
 public:
  virtual ~ParquetFile() = default;
  /// Uncompressed bytes and rows of each row group.
  virtual std::string row_groups(std::vector<std::uint64_t>& bytes, std::vector<std::uint64_t>& rows) = 0;
  /// Goes to the start of a row group and chooses columns.
  virtual std::string start(std::uint64_t row_group, const ParquetFields& fields) = 0;
  /// Replaces `rows` by the next ones of the row group, some MiB; none at its end.
  virtual std::string next(std::vector<ParquetRow>& rows) = 0;
};

/// A file that is being written.
class ParquetSink {
 public:
  virtual ~ParquetSink() = default;
  virtual std::string append(const std::vector<ParquetColumn>& columns, std::uint64_t rows) = 0;
  virtual std::string finish() = 0;
};

// The module's functions: nullptr and `error` when the file cannot be opened or created.
inline constexpr const char* kOpenParquet = "equal_open_parquet_1";
using OpenParquet = ParquetFile* (*)(const char* path, std::string* error);
inline constexpr const char* kCreateParquet = "equal_create_parquet_1";
using CreateParquet = ParquetSink* (*)(const char* path, const std::vector<ParquetColumn>* schema, std::string* error);

/// A function of the module by its name; nullptr where there is no module. It is loaded once and never unloaded.
void* parquet_module_function(const char* name);
/// What to do where there is none.
std::string no_parquet_module();

}  // namespace equal::store
