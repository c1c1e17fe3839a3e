// The Parquet module: Arrow C++ and nothing else (see parquet_module.hpp).
#include "parquet_module.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/util/utf8.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include "parquet_module_errors.hpp"

namespace equal::store {
namespace {

constexpr int kMaxDepth = 32;                  // of nested columns
constexpr std::int64_t kBatchBytes = 4 << 20;  // of rows decoded at a time, by the file's average

void append_json_text(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  if (arrow::util::ValidateUTF8(text)) {
    for (const char c : text) {
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        out.append("\\u00").append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
      } else {
        out += c;
      }
    }
  }
  out += '"';
}

template <class Array>
std::string_view view_in(const arrow::Array& array, std::int64_t row) {
  return static_cast<const Array&>(array).GetView(row);
}

/// The text in a cell; nothing if it holds none.
std::optional<std::string_view> text_of(const arrow::Array& array, std::int64_t row) {
  if (array.IsNull(row)) return std::nullopt;
  switch (array.type_id()) {
    case arrow::Type::STRING:
      return view_in<arrow::StringArray>(array, row);
    case arrow::Type::LARGE_STRING:
      return view_in<arrow::LargeStringArray>(array, row);
    case arrow::Type::STRING_VIEW:
      return view_in<arrow::StringViewArray>(array, row);
    case arrow::Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      return text_of(*coded.dictionary(), coded.GetValueIndex(row));
    }
    default:
      return std::nullopt;
  }
}

void append_json(const arrow::Array& array, std::int64_t row, int depth, std::string& out);

template <class Array>
void append_list(const arrow::Array& array, std::int64_t row, int depth, std::string& out) {
  const auto& list = static_cast<const Array&>(array);
  out += '[';
  for (std::int64_t i = 0; i < list.value_length(row); ++i) {
    if (i > 0) out += ',';
    append_json(*list.values(), list.value_offset(row) + i, depth + 1, out);
  }
  out += ']';
}

void append_scalar(const arrow::Array& array, std::int64_t row, std::string& out) {
  const auto scalar = array.GetScalar(row);
  const std::string text = scalar.ok() ? (*scalar)->ToString() : std::string{};
  const bool finite = text.find_first_of("naif") == std::string::npos;
  const auto type = array.type_id();
  if (type == arrow::Type::BOOL || arrow::is_integer(type) || (arrow::is_floating(type) && finite)) {
    out += text;
  } else {
    append_json_text(text, out);
  }
}

/// A cell as JSON; what JSON has no type for (times, decimals, infinity) as the text that Arrow prints.
void append_json(const arrow::Array& array, std::int64_t row, int depth, std::string& out) {
  if (array.IsNull(row) || depth > kMaxDepth) {
    out += "null";
    return;
  }
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      append_json_text(*text_of(array, row), out);
      break;
    case arrow::Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      append_json(*coded.dictionary(), coded.GetValueIndex(row), depth + 1, out);
      break;
    }
    case arrow::Type::LIST:
      append_list<arrow::ListArray>(array, row, depth, out);
      break;
    case arrow::Type::LARGE_LIST:
      append_list<arrow::LargeListArray>(array, row, depth, out);
      break;
    case arrow::Type::STRUCT: {
      const auto& cell = static_cast<const arrow::StructArray&>(array);
      out += '{';
      for (int i = 0; i < cell.num_fields(); ++i) {
        if (i > 0) out += ',';
        append_json_text(cell.struct_type()->field(i)->name(), out);
        out += ':';
        append_json(*cell.field(i), row, depth + 1, out);
      }
      out += '}';
      break;
    }
    default:
      append_scalar(array, row, out);
  }
}

class ArrowFile : public ParquetFile {
 public:
  explicit ArrowFile(const char* path) {
    parquet::arrow::FileReaderBuilder builder;
    check(builder.Open(value_of(arrow::io::ReadableFile::Open(path))));
    parquet::ArrowReaderProperties properties(false);  // one thread: the program has its own pool
    properties.set_pre_buffer(false);
    builder.properties(properties);
    check(builder.Build(&reader_));
    metadata_ = reader_->parquet_reader()->metadata();
  }

  std::string row_groups(std::vector<std::uint64_t>& bytes, std::vector<std::uint64_t>& rows) override {
    return error_of([&] {
      for (int i = 0; i < metadata_->num_row_groups(); ++i) {
        const auto group = metadata_->RowGroup(i);
        if (group->total_byte_size() < 0 || group->num_rows() < 0) throw Failure("a row group of negative size");
        bytes.push_back(static_cast<std::uint64_t>(group->total_byte_size()));
        rows.push_back(static_cast<std::uint64_t>(group->num_rows()));
      }
    });
  }

  std::string start(std::uint64_t row_group, const ParquetFields& fields) override {
    return error_of([&] {
      fields_ = fields;
      const auto group = metadata_->RowGroup(static_cast<int>(row_group));
      const std::int64_t average = group->total_byte_size() / std::max<std::int64_t>(1, group->num_rows());
      reader_->set_batch_size(std::clamp<std::int64_t>(kBatchBytes / std::max<std::int64_t>(average, 1), 1, 65536));
      batches_ = value_of(reader_->GetRecordBatchReader({static_cast<int>(row_group)}, wanted_leaves()));
    });
  }

  std::string next(std::vector<ParquetRow>& rows) override {
    rows.clear();
    return error_of([&] {
      std::shared_ptr<arrow::RecordBatch> batch;
      do {
        batch = value_of(batches_->Next());
      } while (batch && batch->num_rows() == 0);
      if (!batch) return;
      check(batch->Validate());  // offsets and lengths come from the file: checked before we follow them
      rows.resize(static_cast<std::size_t>(batch->num_rows()));
      take_columns(*batch, rows);
    });
  }

 private:
  /// Leaf columns of the chosen fields; a missing text field is an error that names those there are.
  std::vector<int> wanted_leaves() const {
    std::vector<int> out;
    std::string names;
    std::string last;
    bool has_text = false;
    const parquet::SchemaDescriptor* schema = metadata_->schema();
    for (int i = 0; i < schema->num_columns(); ++i) {
      const std::string name = schema->Column(i)->path()->ToDotVector().at(0);
      if (name != last || names.empty()) names += (names.empty() ? "" : ", ") + name;
      last = name;
      has_text |= name == fields_.text;
      if (fields_.keep_metadata || name == fields_.text || name == fields_.id || name == fields_.pairs)
        out.push_back(i);
    }
    if (!has_text) throw Failure("no column '" + fields_.text + "' that would hold the text; there are: " + names);
    return out;
  }

  void take_columns(const arrow::RecordBatch& batch, std::vector<ParquetRow>& rows) const {
    for (int c = 0; c < batch.num_columns(); ++c) {
      const std::string& name = batch.schema()->field(c)->name();
      const arrow::Array& column = *batch.column(c);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto row = static_cast<std::int64_t>(i);
        if (name == fields_.text) {
          rows[i].text_cell = take_text(column, row, rows[i].text);
        } else if (name == fields_.id) {
          rows[i].id_cell = take_text(column, row, rows[i].id);
          if (rows[i].id_cell == ParquetRow::Cell::other && arrow::is_integer(column.type_id())) {
            append_json(column, row, 0, rows[i].id);
            rows[i].id_cell = ParquetRow::Cell::text;
          }
        } else if (name == fields_.pairs) {
          rows[i].has_pairs = !column.IsNull(row);
          if (rows[i].has_pairs && take_text(column, row, rows[i].pairs) == ParquetRow::Cell::other) {
            append_json(column, row, 0, rows[i].pairs);
          }
        } else {
          std::string& metadata = rows[i].metadata;
          metadata += metadata.empty() ? '{' : ',';
          append_json_text(name, metadata);
          metadata += ':';
          append_json(column, row, 0, metadata);
        }
      }
    }
    for (ParquetRow& row : rows) {
      if (!row.metadata.empty()) row.metadata += '}';
    }
  }

  static ParquetRow::Cell take_text(const arrow::Array& column, std::int64_t row, std::string& out) {
    if (column.IsNull(row)) return ParquetRow::Cell::missing;
    const auto text = text_of(column, row);
    if (!text) return ParquetRow::Cell::other;
    out = *text;
    return ParquetRow::Cell::text;
  }

  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  ParquetFields fields_;
};

}  // namespace
}  // namespace equal::store

extern "C" __attribute__((visibility("default"))) equal::store::ParquetFile* equal_open_parquet_1(const char* path,
                                                                                                  std::string* error) {
  std::unique_ptr<equal::store::ParquetFile> file;
  *error = equal::store::error_of([&] { file = std::make_unique<equal::store::ArrowFile>(path); });
  return file.release();
}
