// One line, text file or record of an input -> documents. Internal to store/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "equal/base/json_lines.hpp"
#include "equal/store/corpus_reader.hpp"

#include "line_blocks.hpp"

namespace equal::store {

/// What one thread makes of some lines.
struct Parsed {
  std::vector<Document> documents;
  ChunkTally tally;  // BadLine::line counts from the first of these lines; chunk and file are filled in by the reader
};

class DocumentParser {
 public:
  explicit DocumentParser(const CorpusParams& params) : params_(params) {}

  /// `file_name` makes the id of a document without one.
  void parse_line(const Line& line, const std::string& source, const std::string& file_name, Parsed& out);
  /// Checks `text` and adds it as the text of `document`, whose other fields are set. `has_id`: the id is the user's.
  void add_text(Document&& document, std::string_view text, bool has_id, Parsed& out);
  /// Known pairs from the JSON text of a list of objects; false when it is none.
  bool take_pairs(std::string json, Document& document);
  void report(BadReason reason, const Line& line, std::string_view detail, Parsed& out) const;

 private:
  bool take_fields(const Line& line, Document& document, Parsed& out);
  bool take_pairs(const JsonValue& value, Document& document) const;
  void finish(Document&& whole, bool has_id, Parsed& out) const;

  const CorpusParams& params_;
  JsonLineParser json_;
};

}  // namespace equal::store
