#include "equal/text/wordpiece.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/text/utf8.hpp"

namespace equal::text {
namespace {

constexpr std::size_t kMaxTokenBytes = 256;  // longer entries of a vocabulary are refused: they bound a look-up's cost
constexpr TokenId kNone = std::numeric_limits<TokenId>::max();

// Hash of a prefix, extended byte by byte so that one pass over a word gives the hashes of all its prefixes.
constexpr std::uint64_t kStartOfWord = 0x9e3779b97f4a7c15ULL, kInsideWord = 0xd6e8feb86659fd93ULL;
constexpr std::uint64_t extend(std::uint64_t hash, char byte) noexcept {
  return (std::rotl(hash, 5) ^ static_cast<unsigned char>(byte)) * 0x517cc1b727220a95ULL;
}

// Open addressing; the key of a slot is a token's text without the continuing prefix, plus where in a word it may
// stand.
class TokenTable {
 public:
  explicit TokenTable(std::size_t n)
      : slots_(std::bit_ceil(std::max<std::size_t>(2 * n, 16))), shift_(64 - std::countr_zero(slots_.size())) {}

  /// False when the same key is there already.
  bool insert(std::uint64_t start, std::string_view text, TokenId id) {
    const std::uint64_t hash = hash_of(start, text);
    std::size_t at = hash >> shift_;
    for (; slots_[at].id != kNone; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].inside == (start == kInsideWord) && matches(slots_[at], hash, text)) return false;
    }
    slots_[at] = {static_cast<std::uint32_t>(hash), static_cast<std::uint16_t>(text.size()), start == kInsideWord, id,
                  pool_.size()};
    pool_.append(text);
    return true;
  }

  TokenId find(std::uint64_t hash, std::string_view text, bool inside) const noexcept {
    for (std::size_t at = hash >> shift_; slots_[at].id != kNone; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].inside == inside && matches(slots_[at], hash, text)) return slots_[at].id;
    }
    return kNone;
  }

  static std::uint64_t hash_of(std::uint64_t start, std::string_view text) noexcept {
    for (const char byte : text) start = extend(start, byte);
    return start;
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;  // the low half of the hash: the position comes from the high bits
    std::uint16_t bytes = 0;
    bool inside = false;
    TokenId id = kNone;
    std::size_t offset = 0;
  };
  bool matches(const Slot& slot, std::uint64_t hash, std::string_view text) const noexcept {
    return slot.tag == static_cast<std::uint32_t>(hash) && slot.bytes == text.size() &&
           std::memcmp(pool_.data() + slot.offset, text.data(), text.size()) == 0;
  }

  std::vector<Slot> slots_;
  int shift_;
  std::string pool_;
};

// What a byte is to the fast path; `other` is looked at closely.
enum class Ascii : std::uint8_t { letter, space, punctuation, dropped, other };

}  // namespace

struct WordPiece::Impl {
  explicit Impl(WordPieceModel m)
      : model(std::move(m)), characters(model.normalizing), tokens(model.vocabulary.size()) {}

  WordPieceModel model;
  BertCharacters characters;
  TokenTable tokens;
  TokenId unknown = 0, classify = 0, separate = 0;
  std::vector<std::pair<std::string, TokenId>> special;  // longest first
  std::array<Ascii, 256> kinds{};
  std::array<char, 128> lower{};
  std::array<bool, 256> starts_special{};

  void split_word(std::string_view word, std::vector<TokenId>& ids) const;
};

namespace {

// One call of append_ids.
class Scan {
 public:
  Scan(const WordPiece::Impl& impl, std::string_view text, std::vector<TokenId>& ids, std::size_t max_ids)
      : impl_(impl),
        text_(text),
        ids_(ids),
        end_(max_ids > ids.max_size() - ids.size() ? ids.max_size() : ids.size() + max_ids) {}

  void run();

 private:
  void end_word() {
    if (word_.empty()) return;
    impl_.split_word(word_, ids_);
    word_.clear();
  }
  void put(char32_t point, CharacterKind kind) {
    if (kind != CharacterKind::letter) end_word();
    if (kind == CharacterKind::space) return;
    append_utf8(word_, point);
    if (kind == CharacterKind::punctuation) end_word();
  }
  bool take_special();
  void take_other();
  void take_sequence(char32_t point);
  void settle();
  bool full() const noexcept { return ids_.size() >= end_; }

  const WordPiece::Impl& impl_;
  std::string_view text_;
  std::vector<TokenId>& ids_;
  std::size_t end_, at_ = 0;
  std::string word_;
  std::vector<DecomposedPoint> marks_;  // a run of combining_class > 0 whose order is not settled yet
};

// Every token whose text, as it stands, begins here; the longest wins.
bool Scan::take_special() {
  for (const auto& [content, id] : impl_.special) {
    if (text_.substr(at_, content.size()) != content) continue;
    settle();
    end_word();
    ids_.push_back(id);
    at_ += content.size();
    return true;
  }
  return false;
}

// Canonical ordering (Unicode 3.11, D109), then the marks that stay go on.
void Scan::settle() {
  if (marks_.empty()) return;
  std::stable_sort(marks_.begin(), marks_.end(),
                   [](const auto& a, const auto& b) { return a.combining_class < b.combining_class; });
  for (const DecomposedPoint& d : marks_) {
    if (d.kept) put(d.point, BertCharacters::kind_of_normalised(d.point));
  }
  marks_.clear();
}

void Scan::take_sequence(char32_t point) {
  std::vector<DecomposedPoint> parts;
  impl_.characters.expand(point, parts);
  const bool apart = impl_.characters.is_split(point);
  if (apart) {
    settle();
    end_word();
  }
  for (const DecomposedPoint& d : parts) {
    if (d.combining_class > 0) {
      marks_.push_back(d);
      continue;
    }
    settle();
    if (d.kept) put(d.point, BertCharacters::kind_of_normalised(d.point));
  }
  if (apart) {
    settle();
    end_word();
  }
}

void Scan::take_other() {
  const auto [point, bytes] = decode_utf8(text_, at_);
  at_ += bytes;
  const Character c = impl_.characters[point];
  if (c.kind == CharacterKind::sequence) return take_sequence(point);
  if (c.kind == CharacterKind::dropped) return;
  settle();
  if (c.kind == CharacterKind::ideograph) {
    end_word();
    put(c.point, CharacterKind::punctuation);
  } else {
    put(c.point, c.kind);
  }
}

void Scan::run() {
  while (at_ < text_.size() && !full()) {
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (impl_.starts_special[byte] && take_special()) continue;
    if (impl_.kinds[byte] == Ascii::other) {
      take_other();
      continue;
    }
    if (impl_.kinds[byte] != Ascii::dropped) settle();
    switch (impl_.kinds[byte]) {
      case Ascii::letter: {
        std::size_t last = at_;
        while (last < text_.size() && impl_.kinds[static_cast<unsigned char>(text_[last])] == Ascii::letter) ++last;
        const std::size_t old = word_.size();
        word_.resize(old + (last - at_));
        for (std::size_t i = at_; i < last; ++i)
          word_[old + i - at_] = impl_.lower[static_cast<unsigned char>(text_[i])];
        at_ = last;
        continue;
      }
      case Ascii::space:
        end_word();
        break;
      case Ascii::punctuation:
        put(byte, CharacterKind::punctuation);
        break;
      default:
        break;
    }
    ++at_;
  }
  settle();
  if (!full()) end_word();
  if (ids_.size() > end_) ids_.resize(end_);
}

std::size_t count_characters(std::string_view utf8) noexcept {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

}  // namespace

// Greedy longest match; a word with a rest that no token begins is unknown as a whole.
void WordPiece::Impl::split_word(std::string_view word, std::vector<TokenId>& ids) const {
  if (word.size() > model.max_characters_per_word && count_characters(word) > model.max_characters_per_word) {
    ids.push_back(unknown);
    return;
  }
  const std::size_t first_id = ids.size();
  std::array<std::uint64_t, kMaxTokenBytes> prefix_hashes;  // of the rest's prefixes
  for (std::size_t at = 0; at < word.size();) {
    const std::string_view rest = word.substr(at, kMaxTokenBytes);
    std::uint64_t hash = at == 0 ? kStartOfWord : kInsideWord;
    for (std::size_t i = 0; i < rest.size(); ++i) prefix_hashes[i] = hash = extend(hash, rest[i]);
    std::size_t n = rest.size();
    TokenId id = kNone;
    for (; n > 0; --n) {
      id = tokens.find(prefix_hashes[n - 1], rest.substr(0, n), at != 0);
      if (id != kNone) break;
    }
    if (id == kNone) {
      ids.resize(first_id);
      ids.push_back(unknown);
      return;
    }
    ids.push_back(id);
    at += n;
  }
}

WordPiece::WordPiece(WordPieceModel model) {
  auto impl = std::make_unique<Impl>(std::move(model));
  const WordPieceModel& m = impl->model;
  if (m.vocabulary.size() >= kNone) throw DataError("a vocabulary of 2^32 tokens or more");
  std::vector<std::pair<std::string_view, TokenId*>> named = {
      {m.unknown, &impl->unknown}, {m.classify, &impl->classify}, {m.separate, &impl->separate}};
  for (auto& [name, id] : named) *id = kNone;
  for (std::size_t i = 0; i < m.vocabulary.size(); ++i) {
    const std::string& token = m.vocabulary[i];
    const auto id = static_cast<TokenId>(i);
    if (token.empty()) continue;
    if (token.size() > kMaxTokenBytes) {
      throw DataError(
          format("token {} of the vocabulary has {} bytes; at most {} are supported", i, token.size(), kMaxTokenBytes));
    }
    // A token with the prefix also stands for itself at the start of a word ("##" is punctuation, but only if it is
    // ASCII).
    const bool inside = !m.continuing_prefix.empty() && token.starts_with(m.continuing_prefix) &&
                        token.size() > m.continuing_prefix.size();
    bool fresh = impl->tokens.insert(kStartOfWord, token, id);
    if (inside)
      fresh = impl->tokens.insert(kInsideWord, std::string_view(token).substr(m.continuing_prefix.size()), id) && fresh;
    if (!fresh) throw DataError(format("token \"{}\" is twice in the vocabulary (the second time as id {})", token, i));
    for (auto& [name, target] : named) {
      if (token == name) *target = id;
    }
    for (const std::string& content : m.special) {
      if (token == content) impl->special.emplace_back(content, id);
    }
  }
  for (const auto& [name, id] : named) {
    if (*id == kNone) throw DataError(format("the vocabulary of {} tokens lacks \"{}\"", m.vocabulary.size(), name));
  }
  std::stable_sort(impl->special.begin(), impl->special.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  for (const auto& [content, id] : impl->special) impl->starts_special[static_cast<unsigned char>(content[0])] = true;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    Ascii& kind = impl->kinds[byte];
    kind = Ascii::other;
    if (byte >= 128) continue;
    const Character c = impl->characters[static_cast<char32_t>(byte)];
    impl->lower[byte] = static_cast<char>(c.point);
    if (c.kind == CharacterKind::letter) kind = impl->starts_special[byte] ? Ascii::other : Ascii::letter;
    if (c.kind == CharacterKind::space) kind = Ascii::space;
    if (c.kind == CharacterKind::punctuation) kind = Ascii::punctuation;
    if (c.kind == CharacterKind::dropped) kind = Ascii::dropped;
  }
  impl_ = std::move(impl);
}

WordPiece::~WordPiece() = default;
WordPiece::WordPiece(WordPiece&&) noexcept = default;

void WordPiece::append_ids(std::string_view text, std::vector<TokenId>& ids, std::size_t max_ids) const {
  Scan(*impl_, text, ids, max_ids).run();
}

std::size_t WordPiece::vocabulary_size() const noexcept { return impl_->model.vocabulary.size(); }
std::string_view WordPiece::token(TokenId id) const noexcept { return impl_->model.vocabulary[id]; }
TokenId WordPiece::unknown() const noexcept { return impl_->unknown; }
TokenId WordPiece::classify() const noexcept { return impl_->classify; }
TokenId WordPiece::separate() const noexcept { return impl_->separate; }
const WordPieceModel& WordPiece::model() const noexcept { return impl_->model; }

}  // namespace equal::text
