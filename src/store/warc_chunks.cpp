// WARC files (ISO 28500): Common Crawl's WET files hold one `conversion` record of plain text a page. Records that
// start in a chunk's bytes of the decompressed file belong to it. Other records (requests, HTML responses, metadata)
// are passed over.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "equal/base/error.hpp"
#include "equal/base/json_lines.hpp"
#include "equal/base/log.hpp"

#include "byte_source.hpp"
#include "chunk_source.hpp"

namespace equal::store {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64 << 10;
constexpr std::uint64_t kRecordBatchBytes = 4 << 20;

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

struct Record {
  std::string type, id, uri, date, content_type, text;
  std::uint64_t position = 0, length = 0;
  bool too_long = false;
  bool holds_text() const {
    return type == "conversion" || (type == "resource" && content_type.rfind("text/plain", 0) == 0);
  }
};

/// Records of a WARC file one after another.
class RecordReader {
 public:
  RecordReader(std::unique_ptr<ByteSource> source, std::string path, std::uint64_t max_bytes)
      : source_(std::move(source)), path_(std::move(path)), max_bytes_(max_bytes) {}

  std::uint64_t position() const { return position_; }
  /// Passes over the line breaks behind a record. True: nothing follows.
  bool ended() {
    while (true) {
      while (begin_ < end_ && (buffer_[begin_] == '\r' || buffer_[begin_] == '\n')) advance(1);
      if (begin_ < end_) return false;
      if (!fill()) return true;
    }
  }
  /// REQUIRES: !ended(). The text only of records that hold text.
  Record next() {
    Record record;
    record.position = position_;
    read_header(record);
    record.too_long = record.holds_text() && record.length > max_bytes_;
    take_body(record.length, record.holds_text() && !record.too_long ? &record.text : nullptr);
    return record;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(format("{}: {} at byte {} of the decompressed file: fetch it again", path_, problem, position_));
  }
  void advance(std::size_t n) { begin_ += n, position_ += n; }
  bool fill() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    const std::size_t held = buffer_.size();
    buffer_.resize(held + (256 << 10));
    const std::size_t got = source_->read(std::span(buffer_).subspan(held));
    buffer_.resize(held + got);
    end_ = buffer_.size();
    return got > 0;
  }
  void read_header(Record& record) {
    std::size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n", begin_)) == std::string::npos) {
      if (end_ - begin_ > kMaxHeaderBytes || !fill()) fail("no WARC record header, or one without an end,");
    }
    std::string_view header = std::string_view(buffer_).substr(begin_, end - begin_);
    if (header.rfind("WARC/", 0) != 0) fail("no WARC record header");
    bool has_length = false;
    while (!header.empty()) {
      const std::size_t line_end = std::min(header.find('\n'), header.size());
      const std::string_view line = header.substr(0, line_end);
      header.remove_prefix(std::min(line_end + 1, header.size()));
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      const std::string_view name = line.substr(0, colon), value = trim(line.substr(colon + 1));
      if (equal_ignoring_case(name, "Content-Length")) {
        const auto [last, error] = std::from_chars(value.data(), value.data() + value.size(), record.length);
        has_length = error == std::errc{} && last == value.data() + value.size();
      } else if (equal_ignoring_case(name, "WARC-Type")) {
        record.type = value;
      } else if (equal_ignoring_case(name, "WARC-Record-ID")) {
        record.id = value;
      } else if (equal_ignoring_case(name, "WARC-Target-URI")) {
        record.uri = value;
      } else if (equal_ignoring_case(name, "WARC-Date")) {
        record.date = value;
      } else if (equal_ignoring_case(name, "Content-Type")) {
        record.content_type = value;
      }
    }
    if (!has_length) fail("a WARC record without a valid Content-Length");
    advance(end + 4 - begin_);
  }
  void take_body(std::uint64_t length, std::string* text) {
    while (length > 0) {
      if (begin_ == end_ && !fill()) fail("the file ends inside a WARC record");
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(length, end_ - begin_));
      if (text != nullptr) text->append(buffer_, begin_, n);
      advance(n);
      length -= n;
    }
  }

  std::unique_ptr<ByteSource> source_;
  std::string path_;
  std::uint64_t max_bytes_, position_ = 0;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

std::string metadata_of(const Record& record) {
  std::string out;
  for (const auto& [name, value] : {std::pair("uri", &record.uri), std::pair("date", &record.date)}) {
    if (value->empty() || !is_valid_utf8(*value)) continue;
    out += out.empty() ? "{\"" : ",\"";
    out.append(name).append("\":");
    append_json_string(out, *value);
  }
  return out.empty() ? out : out + '}';
}

class WarcChunks : public ChunkSource {
 public:
  explicit WarcChunks(ChunkContext& context)
      : context_(context),
        reader_(open_source(context.input.files[0]), context.input.name, context.params.max_line_bytes) {}

  bool start(std::uint64_t chunk) override {
    while (!reader_.ended() && reader_.position() < context_.begin_of(chunk)) reader_.next();
    stop_ = context_.begin_of(chunk + 1);
    return !reader_.ended() || reader_.position() > context_.begin_of(chunk);
  }

  bool next(std::vector<Parsed>& parsed) override {
    const std::uint64_t first = reader_.position();
    std::vector<Record> records;
    std::uint64_t bytes = 0;
    while (bytes < kRecordBatchBytes && !reader_.ended() && reader_.position() < stop_) {
      Record record = reader_.next();
      bytes += record.text.size();
      if (record.holds_text()) records.push_back(std::move(record));
    }
    if (reader_.position() == first) return false;
    parse_items(context_, records.size(), parsed,
                [&](std::size_t i, DocumentParser& parser, Parsed& out) { parse(records[i], parser, out); });
    parsed[0].tally.bytes += reader_.position() - first;
    return true;
  }

 private:
  void parse(Record& record, DocumentParser& parser, Parsed& out) const {
    ++out.tally.lines;
    const Line place{record.text, record.position};
    if (record.too_long) return parser.report(BadReason::too_long, place, format("{} bytes", record.length), out);
    Document document;
    document.source = context_.input.name;
    document.position = record.position;
    const bool has_id = !record.id.empty() && is_valid_utf8(record.id);
    document.id = has_id ? record.id : format("{}@{}", context_.input.files[0].filename().string(), record.position);
    if (context_.params.keep_metadata) document.metadata = metadata_of(record);
    parser.add_text(std::move(document), record.text, has_id, out);
  }

  ChunkContext& context_;
  RecordReader reader_;
  std::uint64_t stop_ = 0;
};

}  // namespace

std::unique_ptr<ChunkSource> make_warc_chunks(ChunkContext& context) { return std::make_unique<WarcChunks>(context); }

}  // namespace equal::store
