// Content digests (SHA-256, via OpenSSL) and checksums (CRC-32, via zlib).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace equal {

/// The first 128 bits of a SHA-256: identifies a document or a pair. Collisions are out of reach also for hostile
/// input.
struct Digest128 {
  std::uint64_t high = 0, low = 0;
  auto operator<=>(const Digest128&) const = default;
  std::string hex() const;                          ///< 32 lower-case digits
  static Digest128 from_hex(std::string_view hex);  ///< throws DataError on anything but 32 hex digits
};

struct Digest128Hash {
  std::size_t operator()(const Digest128& d) const noexcept { return static_cast<std::size_t>(d.high ^ d.low); }
};

Digest128 digest128(std::string_view bytes);

/// Incremental SHA-256. One object per digest; not copyable.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Sha256& update(std::string_view bytes);
  Sha256& update(std::span<const std::byte> bytes);
  /// Feeds the value's object representation. REQUIRES: no padding.
  template <class T>
  Sha256& update_value(const T& value) {
    static_assert(std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>);
    return update(std::as_bytes(std::span<const T>(&value, 1)));
  }
  std::string hex();  ///< 64 lower-case digits; ends the computation
 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string sha256_hex(std::string_view bytes);
std::string sha256_file(const std::string& path);  ///< throws DataError when the file cannot be read

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed = 0);
std::uint32_t crc32(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace equal
