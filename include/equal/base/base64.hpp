// Base64 (RFC 4648, with padding), as JSON carries binary values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace equal {

/// The bytes, or nothing when `text` is not whole base64 with its padding.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace equal
