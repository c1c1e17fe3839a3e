#include "parquet_chunks.hpp"

#include "equal/base/error.hpp"
#include "equal/base/json_lines.hpp"
#include "equal/base/log.hpp"

#include "parquet_module.hpp"
#include "weighted_chunks.hpp"

namespace equal::store {
namespace fs = std::filesystem;

namespace {

std::unique_ptr<ParquetFile> open_parquet(const fs::path& path) {
  const auto open = reinterpret_cast<OpenParquet>(parquet_module_function(kOpenParquet));
  if (open == nullptr)
    throw UsageError(format("{}: {}; or convert the file to JSON Lines", path.string(), no_parquet_module()));
  std::string error;
  std::unique_ptr<ParquetFile> file(open(path.c_str(), &error));
  if (!file) throw DataError(format("{}: cannot be read as Parquet: {}", path.string(), error));
  return file;
}

class ParquetChunks : public ChunkSource {
 public:
  explicit ParquetChunks(ChunkContext& context)
      : context_(context),
        path_(context.input.files[0]),
        file_(open_parquet(path_)),
        chunks_(weighted_chunks(context.input.row_group_bytes, context.params.partition_bytes)) {
    std::vector<std::uint64_t> bytes;
    check(file_->row_groups(bytes, rows_of_group_));
    if (bytes != context.input.row_group_bytes)
      throw DataError(path_.string() + ": changed while it was read; run the same command again");
    const CorpusParams& p = context.params;
    fields_ = {p.id_field, p.text_field, p.pairs_field, p.keep_metadata};
  }

  bool start(std::uint64_t chunk) override {
    if (chunk >= chunks_.size()) return false;
    inside_group_ = false;
    next_group_ = chunks_[chunk].begin;
    end_group_ = chunks_[chunk].end;
    first_row_ = 0;
    for (std::size_t group = 0; group < next_group_; ++group) first_row_ += rows_of_group_[group];
    return true;
  }

  bool next(std::vector<Parsed>& parsed) override {
    std::uint64_t bytes = 0;
    do {
      if (!inside_group_) {
        if (next_group_ == end_group_) return false;
        bytes += context_.input.row_group_bytes[next_group_];
        check(file_->start(next_group_++, fields_));
        inside_group_ = true;
      }
      check(file_->next(rows_));
      inside_group_ = !rows_.empty();
    } while (rows_.empty());
    parse_items(context_, rows_.size(), parsed, [&](std::size_t i, DocumentParser& parser, Parsed& out) {
      parse(rows_[i], first_row_ + i, parser, out);
    });
    parsed[0].tally.bytes += bytes;
    first_row_ += rows_.size();
    return true;
  }

 private:
  void check(const std::string& error) const {
    if (!error.empty()) throw DataError(format("{}: cannot be read as Parquet: {}", path_.string(), error));
  }

  void parse(ParquetRow& row, std::uint64_t number, DocumentParser& parser, Parsed& out) const {
    using Cell = ParquetRow::Cell;
    const CorpusParams& p = context_.params;
    ++out.tally.lines;
    const Line place{std::string_view(row.text).substr(0, 256), number};
    const auto report = [&](BadReason reason, const std::string& detail) { parser.report(reason, place, detail, out); };
    if (row.text_cell != Cell::text) {
      return report(row.text_cell == Cell::missing ? BadReason::no_text : BadReason::wrong_type,
                    "column " + p.text_field);
    }
    if (row.text.size() > p.max_line_bytes)
      return report(BadReason::too_long, format("more than {} bytes", p.max_line_bytes));
    if (row.id_cell == Cell::other) return report(BadReason::wrong_type, "column " + p.id_field);
    if (!is_valid_utf8(row.id)) return report(BadReason::not_utf8, "column " + p.id_field);
    Document document;
    document.source = context_.input.name;
    document.position = number;
    const bool has_id = !row.id.empty();
    document.id = has_id ? std::move(row.id) : format("{}@{}", path_.filename().string(), number);
    document.metadata = std::move(row.metadata);
    if (row.has_pairs && !parser.take_pairs(std::move(row.pairs), document))
      return report(BadReason::wrong_type, "column " + p.pairs_field);
    parser.add_text(std::move(document), row.text, has_id, out);
  }

  ChunkContext& context_;
  fs::path path_;
  std::unique_ptr<ParquetFile> file_;
  std::vector<ItemRange> chunks_;
  std::vector<std::uint64_t> rows_of_group_;
  ParquetFields fields_;
  std::vector<ParquetRow> rows_;
  bool inside_group_ = false;
  std::size_t next_group_ = 0, end_group_ = 0;
  std::uint64_t first_row_ = 0;  // of the next rows, in the file
};

}  // namespace

std::vector<std::uint64_t> parquet_row_group_bytes(const fs::path& path) {
  std::vector<std::uint64_t> bytes, rows;
  const std::string error = open_parquet(path)->row_groups(bytes, rows);
  if (!error.empty()) throw DataError(format("{}: cannot be read as Parquet: {}", path.string(), error));
  return bytes;
}

std::unique_ptr<ChunkSource> make_parquet_chunks(ChunkContext& context) {
  return std::make_unique<ParquetChunks>(context);
}

}  // namespace equal::store
