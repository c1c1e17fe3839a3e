// The writing half of the Parquet module: Arrow C++ and nothing else (see parquet_module.hpp).
#include <memory>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include "parquet_module.hpp"
#include "parquet_module_errors.hpp"

namespace equal::store {
namespace {

using Kind = ParquetColumn::Kind;

std::shared_ptr<arrow::DataType> type_of(const ParquetColumn& c) {
  switch (c.kind) {
    case Kind::whole:
      return arrow::int64();
    case Kind::real:
      return arrow::float64();
    case Kind::turns:
      return arrow::list(arrow::struct_({arrow::field(c.first, arrow::utf8()), arrow::field(c.second, arrow::utf8())}));
    case Kind::text:
      break;
  }
  return arrow::utf8();
}

/// Every `step`-th of the texts, from `from` on.
std::shared_ptr<arrow::Array> texts_of(const ParquetColumn& c, std::size_t from, std::size_t step) {
  arrow::StringBuilder builder;
  for (std::size_t i = from; i < c.texts.size(); i += step) check(builder.Append(c.texts[i]));
  return value_of(builder.Finish());
}

std::shared_ptr<arrow::Array> array_of(const ParquetColumn& c, std::uint64_t rows) {
  switch (c.kind) {
    case Kind::whole: {
      arrow::Int64Builder builder;
      check(builder.AppendValues(c.wholes));
      return value_of(builder.Finish());
    }
    case Kind::real: {
      arrow::DoubleBuilder builder;
      check(builder.AppendValues(c.reals));
      return value_of(builder.Finish());
    }
    case Kind::turns: {
      const auto turns = value_of(arrow::StructArray::Make({texts_of(c, 0, 2), texts_of(c, 1, 2)},
                                                           std::vector<std::string>{c.first, c.second}));
      arrow::Int32Builder offsets;
      for (std::uint64_t i = 0; i <= rows; ++i) check(offsets.Append(static_cast<std::int32_t>(2 * i)));
      return value_of(arrow::ListArray::FromArrays(*value_of(offsets.Finish()), *turns));
    }
    case Kind::text:
      break;
  }
  return texts_of(c, 0, 1);
}

/// Columns of one group are the fields of one struct.
std::shared_ptr<arrow::Schema> schema_of(const std::vector<ParquetColumn>& columns) {
  arrow::FieldVector fields;
  for (std::size_t i = 0; i < columns.size();) {
    if (columns[i].group.empty()) {
      fields.push_back(arrow::field(columns[i].name, type_of(columns[i])));
      ++i;
      continue;
    }
    arrow::FieldVector members;
    const std::string& group = columns[i].group;
    for (; i < columns.size() && columns[i].group == group; ++i)
      members.push_back(arrow::field(columns[i].name, type_of(columns[i])));
    fields.push_back(arrow::field(group, arrow::struct_(members)));
  }
  return arrow::schema(fields);
}

class ArrowSink : public ParquetSink {
 public:
  ArrowSink(const char* path, const std::vector<ParquetColumn>& columns)
      : schema_(schema_of(columns)), file_(value_of(arrow::io::FileOutputStream::Open(path))) {
    const auto properties = parquet::WriterProperties::Builder().compression(parquet::Compression::ZSTD)->build();
    // The schema goes into the file, so that lists and structs are read back as they were named.
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    writer_ = value_of(
        parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), file_, properties, arrow_properties));
  }

  std::string append(const std::vector<ParquetColumn>& columns, std::uint64_t rows) override {
    return error_of([&] {
      arrow::ArrayVector arrays;
      std::size_t at = 0;
      for (const auto& field : schema_->fields()) {
        if (columns[at].group.empty()) {
          arrays.push_back(array_of(columns[at++], rows));
          continue;
        }
        arrow::ArrayVector members;
        for (int i = 0; i < field->type()->num_fields(); ++i) members.push_back(array_of(columns[at++], rows));
        arrays.push_back(value_of(arrow::StructArray::Make(members, field->type()->fields())));
      }
      const auto table = arrow::Table::Make(schema_, arrays, static_cast<std::int64_t>(rows));
      check(writer_->WriteTable(*table, static_cast<std::int64_t>(rows)));
    });
  }

  std::string finish() override {
    return error_of([&] {
      check(writer_->Close());
      check(file_->Close());
    });
  }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::io::FileOutputStream> file_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

}  // namespace
}  // namespace equal::store

extern "C" __attribute__((visibility("default"))) equal::store::ParquetSink* equal_create_parquet_1(
    const char* path, const std::vector<equal::store::ParquetColumn>* schema, std::string* error) {
  std::unique_ptr<equal::store::ParquetSink> sink;
  *error = equal::store::error_of([&] { sink = std::make_unique<equal::store::ArrowSink>(path, *schema); });
  return sink.release();
}
