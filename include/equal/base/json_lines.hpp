// JSON Lines at memory speed: one object a line, parsed by simdjson. Fully validating (structure, numbers, UTF-8).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace equal {

enum class JsonKind { null, boolean, number, string, array, object };

/// A value of the line that was parsed last; valid until the next parse. Cheap to copy.
class JsonValue {
 public:
  JsonKind kind() const;
  /// The decoded text. REQUIRES: kind() == string.
  std::string_view string() const;
  /// Elements of an array. REQUIRES: kind() == array.
  std::vector<JsonValue> items() const;
  /// Fields of an object in the order of the text, repeated names included. REQUIRES: kind() == object.
  std::vector<std::pair<std::string_view, JsonValue>> fields() const;
  /// Appends the value as JSON text without blanks.
  void append_json(std::string& out) const;

 private:
  friend class JsonLineParser;
  std::array<std::uint64_t, 2> element_{};  // a simdjson::dom::element
};

class JsonLineParser {
 public:
  /// Bytes that must be readable (of any value) after the end of a line: simdjson loads whole registers.
  static constexpr std::size_t kPadding = 64;

  JsonLineParser();
  ~JsonLineParser();
  JsonLineParser(JsonLineParser&&) noexcept;
  JsonLineParser& operator=(JsonLineParser&&) noexcept;

  /// Parses one JSON text. Empty: success, see root(). Otherwise the reason; hostile text never throws.
  /// REQUIRES: kPadding readable bytes after the end of `line`.
  std::string_view parse(std::string_view line);
  JsonValue root() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether all of `text` is well-formed UTF-8.
bool is_valid_utf8(std::string_view text) noexcept;

/// Appends `text` as a JSON string with quotes. REQUIRES: well-formed UTF-8.
void append_json_string(std::string& out, std::string_view text);

}  // namespace equal
