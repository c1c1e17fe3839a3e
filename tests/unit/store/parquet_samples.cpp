// usage: parquet_samples FILE text|number ROWS_A_GROUP     writes what parquet_test.cpp reads; the ids as text or as
// numbers.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/writer.h>

namespace {

void check(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

template <class Builder>
std::shared_ptr<arrow::Array> finish(Builder& builder) {
  std::shared_ptr<arrow::Array> out;
  check(builder.Finish(&out));
  return out;
}

constexpr int kRows = 1000;

/// Row i: id i, text (missing in every 100th, blank in every 101st), a pair in every 3rd, a label, a score.
void write_parquet(const std::string& path, bool id_as_text, std::int64_t rows_a_group) {
  arrow::Int64Builder ids;
  arrow::StringBuilder text_ids;
  arrow::StringBuilder texts;
  arrow::StringDictionaryBuilder labels;
  arrow::DoubleBuilder scores;
  auto question = std::make_shared<arrow::StringBuilder>(), answer = std::make_shared<arrow::StringBuilder>();
  const auto pair_type =
      arrow::struct_({arrow::field("question", arrow::utf8()), arrow::field("answer", arrow::utf8())});
  auto pair = std::make_shared<arrow::StructBuilder>(
      pair_type, arrow::default_memory_pool(), std::vector<std::shared_ptr<arrow::ArrayBuilder>>{question, answer});
  arrow::ListBuilder pairs(arrow::default_memory_pool(), pair, arrow::list(pair_type));
  for (int i = 0; i < kRows; ++i) {
    check(ids.Append(i));
    check(text_ids.Append("row-" + std::to_string(i)));
    check(i % 100 == 0 ? texts.AppendNull()
                       : texts.Append(i % 101 == 0 ? " " : "Text of row " + std::to_string(i) + " ü"));
    check(labels.Append(i % 2 == 0 ? "even" : "odd"));
    check(i % 7 == 0 ? scores.AppendNull() : scores.Append(i / 4.0));
    if (i % 3 == 0) {
      check(pairs.Append());
      check(pair->Append());
      check(question->Append("q" + std::to_string(i)));
      check(answer->Append("a \"" + std::to_string(i)));
    } else {
      check(pairs.AppendNull());
    }
  }
  const auto id_array = id_as_text ? finish(text_ids) : finish(ids);
  const auto label_array = finish(labels);
  const auto pair_array = finish(pairs);
  const auto schema = arrow::schema({arrow::field("id", id_array->type()), arrow::field("label", label_array->type()),
                                     arrow::field("text", arrow::utf8()), arrow::field("qas", pair_array->type()),
                                     arrow::field("score", arrow::float64())});
  const auto table = arrow::Table::Make(schema, {id_array, label_array, finish(texts), pair_array, finish(scores)});
  const auto file = arrow::io::FileOutputStream::Open(path).ValueOrDie();
  const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  check(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), file, rows_a_group,
                                   parquet::default_writer_properties(), arrow_properties));
  check(file->Close());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 1;
  write_parquet(argv[1], std::string(argv[2]) == "text", std::atol(argv[3]));
  return 0;
}
