// What the content digest of an array file covers: attributes, shapes, and the digests of data and CRC tables.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/base/json.hpp"

#include "hdf5_file.hpp"

namespace equal::store {

inline constexpr const char* kChecksGroup = "checks";
inline constexpr const char* kContentDigest = "content_digest";
inline constexpr const char* kSha256 = "sha256";
inline const std::string kMadeFromPrefix = "made_from.";

constexpr std::uint64_t check_blocks(std::uint64_t bytes) {
  return bytes / kCheckBlockBytes + (bytes % kCheckBlockBytes != 0);
}

struct Content {
  struct Array {
    ArrayShape shape;
    std::string sha256, crc_sha256;
  };
  std::map<std::string, Json> attributes;
  std::vector<Array> arrays;

  /// SHA-256 of the canonical JSON text: attributes by name, then arrays by name.
  std::string digest() const {
    Json canonical = {{"attributes", Json::object()}, {"arrays", Json::object()}};
    for (const auto& [name, value] : attributes) canonical["attributes"][name] = value;
    std::map<std::string, const Array*> by_name;
    for (const Array& array : arrays) by_name[array.shape.name] = &array;
    for (const auto& [name, array] : by_name) {
      canonical["arrays"][name] = {{"type", name_of(array->shape.type)},
                                   {"shape", array->shape.dims},
                                   {"sha256", array->sha256},
                                   {"crc_table_sha256", array->crc_sha256}};
    }
    return sha256_hex(dump_json(canonical));
  }
};

}  // namespace equal::store
