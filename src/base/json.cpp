#include "equal/base/json.hpp"

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/sorted_json.hpp"

namespace equal {
namespace {

constexpr int kMaxDepth = 200;

/// The library copies and writes values recursively: a text that nests deeper than any of ours would take the whole
/// stack. Where the text is no JSON the count may be off, but then the parser stops at that place, too.
void refuse_deep_nesting(std::string_view text, const std::string& where) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) throw DataError(format("{}: nested deeper than {} at byte {}", where, kMaxDepth, i));
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

template <class AnyJson>
AnyJson parse(std::string_view text, const std::string& where) {
  refuse_deep_nesting(text, where);
  try {
    return AnyJson::parse(text);
  } catch (const nlohmann::json::exception& e) {
    throw DataError(where + ": not valid JSON: " + e.what());
  }
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where) { return parse<Json>(text, where); }

SortedJson parse_sorted_json(std::string_view text, const std::string& where) { return parse<SortedJson>(text, where); }

std::string dump_json(const Json& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

std::string seal_json(Json object, int indent) {
  object["checksum"] = sha256_hex(dump_json(object));
  return object.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Json unseal_json(std::string_view text, const std::string& where) {
  Json object = parse_json(text, where);
  const auto checksum = object.find("checksum");
  std::string said;
  if (object.is_object() && checksum != object.end() && checksum->is_string()) {
    said = checksum->get<std::string>();
    object.erase(checksum);
  }
  if (!text.ends_with("}\n") || said != sha256_hex(dump_json(object)))
    throw DataError(where + ": damaged or altered: its checksum does not fit its content");
  return object;
}

}  // namespace equal
