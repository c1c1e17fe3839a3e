// JSON objects with many members: the project's Json keeps their order and is quadratic in their number, this one sorts
// them.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace equal {

using SortedJson = nlohmann::json;

/// As parse_json().
SortedJson parse_sorted_json(std::string_view text, const std::string& where);

}  // namespace equal
