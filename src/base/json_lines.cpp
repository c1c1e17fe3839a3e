#include "equal/base/json_lines.hpp"

#include <bit>
#include <cstring>

#include <simdjson.h>

#include "equal/base/error.hpp"

namespace equal {
namespace {

using Element = simdjson::dom::element;
using Slots = std::array<std::uint64_t, 2>;
static_assert(sizeof(Element) == sizeof(Slots) && std::is_trivially_copyable_v<Element>);

Element unpack(const Slots& slots) { return std::bit_cast<Element>(slots); }
Slots pack(const Element& element) { return std::bit_cast<Slots>(element); }

}  // namespace

JsonKind JsonValue::kind() const {
  using simdjson::dom::element_type;
  switch (unpack(element_).type()) {
    case element_type::ARRAY:
      return JsonKind::array;
    case element_type::OBJECT:
      return JsonKind::object;
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return JsonKind::number;
    case element_type::STRING:
      return JsonKind::string;
    case element_type::BOOL:
      return JsonKind::boolean;
    case element_type::NULL_VALUE:
      return JsonKind::null;
  }
  return JsonKind::null;
}

std::string_view JsonValue::string() const { return unpack(element_).get_string().value(); }

std::vector<JsonValue> JsonValue::items() const {
  std::vector<JsonValue> out;
  const simdjson::dom::array array = unpack(element_).get_array().value();
  for (const Element item : array) out.emplace_back().element_ = pack(item);
  return out;
}

std::vector<std::pair<std::string_view, JsonValue>> JsonValue::fields() const {
  std::vector<std::pair<std::string_view, JsonValue>> out;
  const simdjson::dom::object object = unpack(element_).get_object().value();
  for (const auto field : object) {
    out.emplace_back(field.key, JsonValue{}).second.element_ = pack(field.value);
  }
  return out;
}

void JsonValue::append_json(std::string& out) const {
  simdjson::internal::string_builder<> builder;
  builder.append(unpack(element_));
  out.append(builder.str());
}

struct JsonLineParser::Impl {
  simdjson::dom::parser parser;
  Element root;
};

JsonLineParser::JsonLineParser() : impl_(std::make_unique<Impl>()) {}
JsonLineParser::~JsonLineParser() = default;
JsonLineParser::JsonLineParser(JsonLineParser&&) noexcept = default;
JsonLineParser& JsonLineParser::operator=(JsonLineParser&&) noexcept = default;

std::string_view JsonLineParser::parse(std::string_view line) {
  static_assert(kPadding >= simdjson::SIMDJSON_PADDING);
  const auto error = impl_->parser.parse(line.data(), line.size(), false).get(impl_->root);
  return error == simdjson::SUCCESS ? std::string_view{} : std::string_view(simdjson::error_message(error));
}

JsonValue JsonLineParser::root() const {
  JsonValue out;
  out.element_ = pack(impl_->root);
  return out;
}

bool is_valid_utf8(std::string_view text) noexcept { return simdjson::validate_utf8(text.data(), text.size()); }

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, begin, i - begin);
    begin = i + 1;
    out.push_back('\\');
    switch (c) {
      case '"':
        out.push_back('"');
        break;
      case '\\':
        out.push_back('\\');
        break;
      case '\n':
        out.push_back('n');
        break;
      case '\r':
        out.push_back('r');
        break;
      case '\t':
        out.push_back('t');
        break;
      default:
        out.append("u00").append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
    }
  }
  out.append(text, begin);
  out.push_back('"');
}

}  // namespace equal
