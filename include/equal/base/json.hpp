// JSON: nlohmann for documents that we write or that are small, simdjson for corpora.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace equal {

using Json = nlohmann::ordered_json;

/// Parses one JSON text, or throws DataError("<where>: ... at byte N").
Json parse_json(std::string_view text, const std::string& where);

/// One line, no spaces, invalid UTF-8 replaced by U+FFFD: never throws on hostile text.
std::string dump_json(const Json& json);

/// An object as a text that shows every later change of its content: the last member, "checksum", is the SHA-256 of the
/// others. indent: as nlohmann's dump().
std::string seal_json(Json object, int indent);

/// The object in such a text, without the checksum. Throws DataError naming `where` when the content was altered.
Json unseal_json(std::string_view text, const std::string& where);

}  // namespace equal
