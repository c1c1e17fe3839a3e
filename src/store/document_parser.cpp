#include "document_parser.hpp"

#include <algorithm>

#include "equal/base/log.hpp"
#include "equal/store/split_text.hpp"

namespace equal::store {
namespace {

constexpr std::size_t kExcerptCharacters = 80;

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kExcerptCharacters)) {
    if (c >= ' ' && c <= '~') {
      out.push_back(c);
    } else {
      out += format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (text.size() > kExcerptCharacters) out += "...";
  return out;
}

bool is_blank_text(std::string_view text) { return text.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos; }

}  // namespace

void DocumentParser::report(BadReason reason, const Line& line, std::string_view detail, Parsed& out) const {
  ++out.tally.bad[static_cast<std::size_t>(reason)];
  if (out.tally.reported.size() >= params_.max_reported) return;
  BadLine bad;
  bad.reason = reason;
  bad.line = out.tally.lines;
  bad.position = line.position;
  bad.detail = printable(detail);
  bad.excerpt = printable(line.text);
  out.tally.reported.push_back(std::move(bad));
}

void DocumentParser::parse_line(const Line& line, const std::string& source, const std::string& file_name,
                                Parsed& out) {
  ++out.tally.lines;
  if (line.too_long) {
    return report(BadReason::too_long, line, format("more than {} bytes", params_.max_line_bytes), out);
  }
  if (is_blank_text(line.text)) {
    ++out.tally.blank;
    return;
  }
  if (const std::string_view error = json_.parse(line.text); !error.empty()) {
    return report(is_valid_utf8(line.text) ? BadReason::broken_json : BadReason::not_utf8, line, error, out);
  }
  Document document;
  if (!take_fields(line, document, out)) return;
  if (is_blank_text(document.text)) return report(BadReason::blank_text, line, "field " + params_.text_field, out);
  const bool has_id = !document.id.empty();
  if (!has_id) document.id = format("{}@{}", file_name, line.position);
  document.source = source;
  document.position = line.position;
  finish(std::move(document), has_id, out);
}

/// Fills id, text, pairs and metadata; of a repeated name the last one counts, as in most parsers. False: reported.
bool DocumentParser::take_fields(const Line& line, Document& document, Parsed& out) {
  const JsonValue root = json_.root();
  if (root.kind() != JsonKind::object) {
    report(BadReason::not_an_object, line, "expected {\"" + params_.text_field + "\": ...}", out);
    return false;
  }
  bool has_text = false;
  const auto wrong = [&](const std::string& field, const char* expected) {
    report(BadReason::wrong_type, line, format("field {} is no {}", field, expected), out);
    return false;
  };
  for (const auto& [name, value] : root.fields()) {
    const JsonKind kind = value.kind();
    if (name == params_.text_field) {
      if (kind != JsonKind::string) return wrong(params_.text_field, "text");
      document.text = value.string();
      has_text = true;
    } else if (name == params_.id_field) {
      document.id.clear();
      if (kind == JsonKind::string) {
        document.id = value.string();
      } else if (kind == JsonKind::number) {
        value.append_json(document.id);
      } else if (kind != JsonKind::null) {
        return wrong(params_.id_field, "text or number");
      }
    } else if (name == params_.pairs_field) {
      if (!take_pairs(value, document)) return wrong(params_.pairs_field, "list of objects with question and answer");
    } else if (params_.keep_metadata) {
      document.metadata += document.metadata.empty() ? '{' : ',';
      append_json_string(document.metadata, name);
      document.metadata += ':';
      value.append_json(document.metadata);
    }
  }
  if (!document.metadata.empty()) document.metadata += '}';
  if (!has_text) report(BadReason::no_text, line, "no field " + params_.text_field, out);
  return has_text;
}

bool DocumentParser::take_pairs(std::string json, Document& document) {
  const std::size_t size = json.size();
  json.resize(size + JsonLineParser::kPadding);
  return json_.parse(std::string_view(json).substr(0, size)).empty() && take_pairs(json_.root(), document);
}

bool DocumentParser::take_pairs(const JsonValue& value, Document& document) const {
  document.pairs.clear();
  if (value.kind() == JsonKind::null) return true;
  if (value.kind() != JsonKind::array) return false;
  for (const JsonValue& item : value.items()) {
    if (item.kind() != JsonKind::object) return false;
    KnownPair pair;
    bool has_question = false, has_answer = false;
    for (const auto& [name, part] : item.fields()) {
      const bool is_question = name == params_.question_field, is_answer = name == params_.answer_field;
      if (!is_question && !is_answer) continue;
      if (part.kind() != JsonKind::string) return false;
      (is_question ? pair.question : pair.answer) = part.string();
      (is_question ? has_question : has_answer) = true;
    }
    if (!has_question || !has_answer) return false;
    if (!is_blank_text(pair.question) && !is_blank_text(pair.answer)) document.pairs.push_back(std::move(pair));
  }
  return true;
}

void DocumentParser::add_text(Document&& document, std::string_view text, bool has_id, Parsed& out) {
  const Line line{text, document.position};
  if (!is_valid_utf8(text)) return report(BadReason::not_utf8, line, "", out);
  if (is_blank_text(text)) return report(BadReason::blank_text, line, "", out);
  document.text = text;
  finish(std::move(document), has_id, out);
}

/// Digests, cutting, pairs to pieces. Ids that we made up do not identify a document: its text does.
void DocumentParser::finish(Document&& whole, bool has_id, Parsed& out) const {
  whole.whole_text_digest = digest128(whole.text);
  whole.whole_digest = has_id ? digest128(whole.id) : whole.whole_text_digest;
  ++out.tally.documents;
  out.tally.pairs += whole.pairs.size();
  const std::vector<TextPiece> parts = split_text(whole.text, params_.max_words);
  out.tally.pieces += parts.size();
  if (parts.size() == 1) {
    whole.digest = whole.whole_digest;
    whole.text_digest = whole.whole_text_digest;
    out.documents.push_back(std::move(whole));
    return;
  }
  const std::size_t first = out.documents.size();
  for (const TextPiece& part : parts) {
    const std::size_t number = out.documents.size() - first;
    Document& piece = out.documents.emplace_back();
    piece.id = format("{}#{}", whole.id, number);
    piece.text = whole.text.substr(part.offset, part.size);
    piece.metadata = whole.metadata;
    piece.parent = whole.id;
    piece.parent_offset = part.offset;
    piece.source = whole.source;
    piece.position = whole.position;
    piece.whole_digest = whole.whole_digest;
    piece.whole_text_digest = whole.whole_text_digest;
    piece.digest = digest128(format("{}#{}", whole.whole_digest.hex(), number));
    piece.text_digest = digest128(piece.text);
  }
  for (KnownPair& pair : whole.pairs) {
    const auto begin = out.documents.begin() + static_cast<std::ptrdiff_t>(first);
    const auto home = std::find_if(begin, out.documents.end(),
                                   [&](const Document& d) { return d.text.find(pair.question) != std::string::npos; });
    (home == out.documents.end() ? *begin : *home).pairs.push_back(std::move(pair));
  }
}

}  // namespace equal::store
