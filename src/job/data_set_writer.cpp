#include "data_set_writer.hpp"

#include <algorithm>
#include <optional>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kRowsAGroup = 16384;
constexpr std::size_t kBytesAGroup = std::size_t{64} << 20;

using store::ParquetColumn;
using Kind = ParquetColumn::Kind;

Json body(const std::string& form, const extract::Pair& pair) {
  if (form == "alpaca") return {{"instruction", pair.question}, {"input", ""}, {"output", pair.answer}};
  if (form == "sharegpt") {
    return {{"conversations", Json::array({Json{{"from", "human"}, {"value", pair.question}},
                                           Json{{"from", "gpt"}, {"value", pair.answer}}})}};
  }
  if (form == "pairs") return {{"question", pair.question}, {"answer", pair.answer}};
  return {{"messages", Json::array({Json{{"role", "user"}, {"content", pair.question}},
                                    Json{{"role", "assistant"}, {"content", pair.answer}}})}};
}

/// The fields of `provenance`, in the order of both kinds of file.
template <class Text, class Whole, class Real>
void for_each_field(const DataRow& r, Text text, Whole whole, Real real) {
  text("document", r.document);
  whole("number", r.number);
  text("source", r.source);
  whole("position", r.position);
  text("parent", r.parent);
  whole("parent_offset", r.parent_offset);
  text("metadata", r.metadata);
  whole("pair", r.pair_index);
  whole("arm", r.arm);
  whole("round", r.round);
  real("credit", r.credit);
  text("extractor", r.extractor);
  text("model", r.model);
  text("prompt", r.prompt);
  whole("prompt_tokens", r.prompt_tokens);
  whole("completion_tokens", r.completion_tokens);
}

std::string json_line(const std::string& form, const DataRow& row) {
  Json json = body(form, row.pair);
  Json& p = json["provenance"] = Json::object();
  const auto put = [&](const char* name, const auto& value) { p[name] = value; };
  for_each_field(row, put, put, put);
  return dump_json(json);
}

/// Parquet wants UTF-8; JSON's replacement of what is none is used here too.
std::string clean_text(const std::string& text) { return parse_json(dump_json(Json(text)), "text").get<std::string>(); }

class ParquetRows {
 public:
  explicit ParquetRows(const std::string& form) : form_(form) {
    const auto text = [&](const char* name) { columns_.push_back({name, Kind::text}); };
    if (form == "alpaca") {
      text("instruction"), text("input"), text("output");
    } else if (form == "pairs") {
      text("question"), text("answer");
    } else {
      ParquetColumn turns{form == "sharegpt" ? "conversations" : "messages", Kind::turns};
      turns.first = form == "sharegpt" ? "from" : "role";
      turns.second = form == "sharegpt" ? "value" : "content";
      columns_.push_back(std::move(turns));
    }
    const auto field = [&](Kind kind) {
      return [this, kind](const char* name, const auto&) { columns_.push_back({name, kind, "provenance"}); };
    };
    for_each_field({}, field(Kind::text), field(Kind::whole), field(Kind::real));
  }
  const std::vector<ParquetColumn>& columns() const { return columns_; }
  std::size_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_; }

  std::size_t add(const DataRow& row) {
    std::size_t at = 0, before = bytes_;
    const auto text = [&](const std::string& t) {
      columns_[at].texts.push_back(clean_text(t));
      bytes_ += t.size() + 4;
    };
    const auto cell = [&](const std::string& t) { text(t), ++at; };
    if (form_ == "alpaca") {
      cell(row.pair.question), cell(""), cell(row.pair.answer);
    } else if (form_ == "pairs") {
      cell(row.pair.question), cell(row.pair.answer);
    } else {
      const bool gpt = form_ == "sharegpt";
      text(gpt ? "human" : "user"), text(row.pair.question), text(gpt ? "gpt" : "assistant"), text(row.pair.answer);
      ++at;
    }
    for_each_field(
        row, [&](const char*, const std::string& t) { cell(t); },
        [&](const char*, std::uint64_t n) { columns_[at++].wholes.push_back(static_cast<std::int64_t>(n)); },
        [&](const char*, double x) { columns_[at++].reals.push_back(x); });
    bytes_ += 8 * columns_.size();
    ++rows_;
    return bytes_ - before;
  }
  void clear() {
    for (ParquetColumn& c : columns_) c.texts.clear(), c.wholes.clear(), c.reals.clear();
    rows_ = bytes_ = 0;
  }

 private:
  std::string form_;
  std::vector<ParquetColumn> columns_;
  std::size_t rows_ = 0, bytes_ = 0;
};

}  // namespace

struct DataSetWriter::Impl {
  fs::path folder;
  std::string split, form, files;
  std::uint64_t shard_bytes;
  store::Compression compression = store::Compression::none;
  std::optional<store::TextWriter> text;
  std::optional<store::ParquetWriter> parquet;
  std::optional<ParquetRows> rows;
  std::uint64_t bytes = 0;
  std::vector<DataFile> shards;

  bool open() const { return text.has_value() || parquet.has_value(); }

  void start() {
    const fs::path path = folder / format(".{}-{:05}.part", split, shards.size());
    shards.push_back({split, path, 0, {}});
    bytes = 0;
    if (rows) {
      parquet.emplace(path, rows->columns());
    } else {
      text.emplace(path, compression);
    }
  }
  void flush_group() {
    if (rows->rows() > 0) parquet->append(rows->columns(), rows->rows());
    rows->clear();
  }
  void close() {
    if (text) text->finish();
    if (parquet) {
      flush_group();
      parquet->finish();
    }
    text.reset(), parquet.reset();
  }
};

DataSetWriter::DataSetWriter(fs::path folder, std::string split, std::string form, std::string files,
                             std::uint64_t shard_bytes)
    : impl_(std::make_unique<Impl>()) {
  impl_->folder = std::move(folder), impl_->split = std::move(split), impl_->form = std::move(form);
  impl_->files = std::move(files), impl_->shard_bytes = shard_bytes;
  if (impl_->files == "jsonl.gz") impl_->compression = store::Compression::gzip;
  if (impl_->files == "jsonl.zst") impl_->compression = store::Compression::zstd;
  if (impl_->files == "parquet") impl_->rows.emplace(impl_->form);
  impl_->start();
}
DataSetWriter::~DataSetWriter() = default;
DataSetWriter::DataSetWriter(DataSetWriter&&) noexcept = default;

void DataSetWriter::add(const DataRow& row) {
  Impl& i = *impl_;
  if (i.shard_bytes > 0 && i.bytes >= i.shard_bytes) {
    i.close();
    i.start();
  }
  if (i.rows) {
    i.bytes += i.rows->add(row);
    if (i.rows->rows() >= kRowsAGroup || i.rows->bytes() >= kBytesAGroup) i.flush_group();
  } else {
    const std::string line = json_line(i.form, row);
    i.text->line(line);
    i.bytes += line.size() + 1;
  }
  ++i.shards.back().pairs;
}

void DataSetWriter::finish() { impl_->close(); }

std::vector<DataFile> DataSetWriter::publish() {
  Impl& i = *impl_;
  for (std::size_t n = 0; n < i.shards.size(); ++n) {
    const std::string name = i.shard_bytes == 0 ? format("{}.{}", i.split, i.files)
                                                : format("{}-{:05}-of-{:05}.{}", i.split, n, i.shards.size(), i.files);
    fs::rename(i.shards[n].path, i.folder / name);
    i.shards[n].path = i.folder / name;
    i.shards[n].sha256 = sha256_file(i.shards[n].path.string());
  }
  sync_folder(i.folder);
  return i.shards;
}

}  // namespace equal::job
