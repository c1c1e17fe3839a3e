#include "equal/text/tokens.hpp"

#include <array>
#include <cstddef>

#include "equal/base/random.hpp"

#include "word_kinds.hpp"

namespace equal::text {
namespace {

constexpr std::uint64_t kStart = 0xcbf29ce484222325ULL, kPrime = 0x100000001b3ULL;  // FNV-1a

enum : unsigned char { kParts, kInside, kDigit, kApostrophe, kSign, kMinus, kBeyondAscii };

constexpr std::array<unsigned char, 256> kClass = [] {
  std::array<unsigned char, 256> out{};
  for (std::size_t c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    out[c] = c >= 128 ? kBeyondAscii : letter ? kInside : (c >= '0' && c <= '9') ? kDigit : kParts;
  }
  for (const char c : {'+', '*', '/', '=', '<', '>', '^'}) out[static_cast<unsigned char>(c)] = kSign;
  out[static_cast<unsigned char>('-')] = kMinus;
  out[static_cast<unsigned char>('\'')] = kApostrophe;
  return out;
}();

bool is_letter(char c) { return kClass[static_cast<unsigned char>(c)] == kInside && c != '_'; }

class Tokens {
 public:
  explicit Tokens(std::vector<std::uint64_t>& out) : out_(out) {}
  void byte(unsigned char b) { hash_ = (hash_ ^ b) * kPrime, open_ = true; }
  void digit(unsigned char b) { byte(b), digits_ = true; }
  void point(utf8proc_int32_t c) {
    unsigned char bytes[4];
    const auto n = utf8proc_encode_char(c, bytes);
    for (utf8proc_ssize_t i = 0; i < n; ++i) byte(bytes[i]);
  }
  void end() {
    if (!open_) return;
    out_.push_back(mix64(hash_));
    if (digits_) numbers_ += mix64(hash_ + 1) | 1U;  // a sum: the order does not matter
    hash_ = kStart, open_ = false, digits_ = false;
  }
  bool open() const { return open_; }
  std::uint64_t numbers() const { return numbers_; }

 private:
  std::vector<std::uint64_t>& out_;
  std::uint64_t hash_ = kStart, numbers_ = 0;
  bool open_ = false, digits_ = false;
};

}  // namespace

std::uint64_t append_tokens(std::string_view text, Signs signs, std::vector<std::uint64_t>& out) {
  Tokens tokens(out);
  const char* const end = text.data() + text.size();
  for (const char* p = text.data(); p < end;) {
    const auto c = static_cast<unsigned char>(*p);
    const auto sign = [&] {
      tokens.end();
      if (signs == Signs::skip) return;
      tokens.byte(c);
      tokens.end();
    };
    switch (kClass[c]) {
      case kInside:
        tokens.byte(c >= 'A' && c <= 'Z' ? static_cast<unsigned char>(c + 32) : c);
        break;
      case kDigit:
        tokens.digit(c);
        break;
      case kApostrophe:
        break;
      case kSign:
        sign();
        break;
      case kMinus:
        if (p > text.data() && is_letter(p[-1])) {
          tokens.end();
        } else {
          sign();
        }
        break;
      case kBeyondAscii: {
        const CodePoint point = read_code_point(p, end);
        p += point.bytes;
        const Kind kind = kind_of(point.value);
        if (kind == Kind::word || (kind == Kind::mark && tokens.open())) {
          tokens.point(point.value);
        } else if (point.value != 0x2019) {  // the typographer's apostrophe is left out as the plain one is
          tokens.end();
          if (kind == Kind::ideograph || kind == Kind::phonetic) {
            tokens.point(point.value);
            tokens.end();
          }
        }
        continue;
      }
      default:
        tokens.end();
    }
    ++p;
  }
  tokens.end();
  return tokens.numbers();
}

}  // namespace equal::text
