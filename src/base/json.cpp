#include "equal/base/json.hpp"

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"

namespace equal {

Json parse_json(std::string_view text, const std::string& where) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    throw DataError(where + ": not valid JSON: " + e.what());
  }
}

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
  if (said != sha256_hex(dump_json(object)))
    throw DataError(where + ": damaged or altered: its checksum does not fit its content");
  return object;
}

}  // namespace equal
