#include "equal/base/sealed_lines.hpp"

#include <algorithm>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"

namespace equal {
namespace {

constexpr std::string_view kMark = "# sha256 ";
constexpr std::size_t kSealBytes = kMark.size() + 64 + 1;

}  // namespace

std::string seal_lines(std::string_view text) {
  return std::string(text) + std::string(kMark) + sha256_hex(text) + "\n";
}

std::string unseal_lines(std::string_view text, const std::string& where) {
  const std::string_view lines = text.substr(0, text.size() - std::min(text.size(), kSealBytes));
  if (seal_lines(lines) != text) throw DataError(where + ": damaged or altered: its digest does not fit its lines");
  return std::string(lines);
}

}  // namespace equal
