#include "equal/base/json.hpp"

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

}  // namespace equal
