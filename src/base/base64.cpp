#include "equal/base/base64.hpp"

#include <limits>

#include <openssl/evp.h>

namespace equal {

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0 || text.size() > std::numeric_limits<int>::max()) return std::nullopt;
  if (text.empty()) return std::string{};
  // EVP_DecodeBlock forgives white space around the text and '=' inside it.
  const std::size_t content = text.find('=');
  const std::size_t padding = content == std::string_view::npos ? 0 : text.size() - content;
  constexpr std::string_view kBlanks = " \t\r\n";
  if (padding > 2 || text.find_first_not_of('=', text.size() - padding) != std::string_view::npos ||
      text.find_first_of(kBlanks) != std::string_view::npos) {
    return std::nullopt;
  }
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

}  // namespace equal
