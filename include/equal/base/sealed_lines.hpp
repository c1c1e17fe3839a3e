// Text files that show whether they are what was written.
#pragma once

#include <string>
#include <string_view>

namespace equal {

/// Lines of text with one more, "# sha256 <hex>", over all before it. REQUIRES: `text` ends with a line break.
std::string seal_lines(std::string_view text);

/// The lines without that one. Throws DataError naming `where` when they were altered or it is missing.
std::string unseal_lines(std::string_view text, const std::string& where);

}  // namespace equal
