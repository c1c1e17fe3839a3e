#include "words.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>

namespace equal::extract {
namespace {

constexpr char32_t kInvalid = 0xFFFD;

bool is_digit(char32_t c) noexcept { return c >= U'0' && c <= U'9'; }

/// Scripts written without spaces between words.
bool is_unspaced(char32_t c) noexcept {
  return (c >= 0x0E00 && c <= 0x0E4E) || (c >= 0x3041 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

bool is_letter(char32_t c) noexcept {
  if (c < 0x80) return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z');
  if (c == 0xD7 || c == 0xF7 || c == kInvalid) return false;
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA;
  return (c < 0x2000) || (c >= 0x2C00 && c < 0x2E00) || (c >= 0xA640 && c < 0xE000) || (c >= 0xFB00 && c < 0xFE00) ||
         (c >= 0xFE70 && c < 0xFF00);
}

char32_t to_lower(char32_t c) noexcept {
  if (c < 0x80) return (c >= U'A' && c <= U'Z') ? c + 32 : c;
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c + (c & 1);
  if (c >= 0x391 && c <= 0x3A9) return c + 32;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  return c;
}

void append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

/// Reads the number at `at` (a digit): "1,250.50" is one, "3.14.15" is 3.14 and 15, "1,2" is 1 and 2.
std::string read_number(std::string_view text, std::size_t& at) {
  const auto digit = [&](std::size_t i) { return i < text.size() && is_digit(static_cast<unsigned char>(text[i])); };
  std::string out;
  bool fraction = false;
  while (at < text.size()) {
    if (digit(at)) {
      out += text[at++];
    } else if (text[at] == ',' && !fraction && out.size() <= 15 && digit(at + 1) && digit(at + 2) && digit(at + 3) &&
               !digit(at + 4)) {
      ++at;
    } else if (text[at] == '.' && !fraction && digit(at + 1)) {
      fraction = true;
      out += text[at++];
    } else {
      break;
    }
  }
  if (fraction) {
    while (out.back() == '0') out.pop_back();
    if (out.back() == '.') out.pop_back();
  }
  const std::size_t first = std::min(out.find_first_not_of('0'), out.size() - 1);
  out.erase(0, first);
  if (out.front() == '.') out.insert(0, "0");
  return out;
}

using WordSet = std::unordered_set<std::string_view>;

const WordSet& stop_words() {
  static const WordSet words{
      "a",       "about",   "above",   "after",     "again",   "all",     "also",    "am",     "an",    "and",
      "any",     "are",     "as",      "at",        "be",      "because", "been",    "before", "being", "below",
      "between", "both",    "but",     "by",        "can",     "could",   "did",     "do",     "does",  "doing",
      "down",    "during",  "each",    "few",       "for",     "from",    "further", "get",    "had",   "has",
      "have",    "having",  "he",      "her",       "here",    "hers",    "him",     "his",    "how",   "i",
      "if",      "in",      "into",    "is",        "it",      "its",     "itself",  "just",   "may",   "me",
      "might",   "more",    "most",    "must",      "my",      "no",      "nor",     "not",    "now",   "of",
      "off",     "on",      "once",    "one",       "only",    "or",      "other",   "our",    "ours",  "out",
      "over",    "own",     "same",    "shall",     "she",     "should",  "so",      "some",   "such",  "than",
      "that",    "the",     "their",   "theirs",    "them",    "then",    "there",   "these",  "they",  "this",
      "those",   "through", "thus",    "to",        "too",     "under",   "until",   "up",     "us",    "very",
      "was",     "we",      "were",    "what",      "when",    "where",   "whether", "which",  "while", "who",
      "whom",    "whose",   "why",     "will",      "with",    "within",  "without", "would",  "yes",   "you",
      "your",    "yours",   "however", "therefore", "upon",    "many",    "much",    "called", "using", "used",
      "use",     "uses",    "way",     "don't",     "doesn't", "isn't",   "aren't",  "wasn't", "can't", "cannot",
      "it's",    "that's",  "there's", "let"};
  return words;
}

struct LanguageWords {
  std::string_view code;
  WordSet words;
};

const std::array<LanguageWords, 7>& function_words() {
  static const std::array<LanguageWords, 7> table{{
      {"en", {"the",  "of",  "and",  "to",    "is",   "that", "it",  "for", "was", "with", "are", "this",
              "what", "how", "does", "which", "from", "by",   "you", "be",  "or",  "an",   "not", "have"}},
      {"de", {"der", "die", "das", "und", "ist",  "nicht", "ein", "eine", "zu",  "den",  "mit",    "von",
              "auf", "für", "dem", "im",  "wird", "sich",  "des", "auch", "wie", "sind", "werden", "welche"}},
      {"fr", {"le",  "la",  "les", "et", "est", "des",  "une", "un",   "du",   "que",    "dans", "pour",
              "qui", "pas", "sur", "au", "par", "avec", "ce",  "sont", "quel", "quelle", "il",   "aux"}},
      {"es", {"el",   "la", "los", "las",  "y",  "es", "que", "de",  "en",  "una", "por",  "con",
              "para", "se", "del", "como", "su", "al", "lo",  "más", "qué", "son", "cómo", "está"}},
      {"it", {"il",    "la",   "che", "di",  "e",   "è",    "un",   "una", "per", "non",   "con",   "del",
              "della", "sono", "gli", "dei", "nel", "alla", "come", "si",  "più", "quale", "delle", "anche"}},
      {"pt", {"o",   "a",  "os", "as", "e",   "é",  "que", "de",   "um",   "uma", "não", "para",
              "com", "do", "da", "em", "por", "se", "dos", "como", "mais", "são", "ao",  "qual"}},
      {"nl", {"de",  "het", "een", "en", "van", "is",    "niet", "dat", "op",  "te",  "zijn",   "voor",
              "met", "die", "aan", "er", "ook", "wordt", "naar", "bij", "hoe", "wat", "worden", "om"}},
  }};
  return table;
}

std::string_view script_language(char32_t c) noexcept {
  if (c >= 0x3041 && c <= 0x30FF) return "ja";
  if (c >= 0xAC00 && c <= 0xD7A3) return "ko";
  if (c >= 0x0E00 && c <= 0x0E4E) return "th";
  if (is_unspaced(c)) return "zh";
  if (c >= 0x0400 && c <= 0x04FF) return "ru";
  if (c >= 0x0370 && c <= 0x03FF) return "el";
  if (c >= 0x0600 && c <= 0x06FF) return "ar";
  if (c >= 0x0590 && c <= 0x05FF) return "he";
  if (c >= 0x0900 && c <= 0x097F) return "hi";
  if (is_letter(c) && c < 0x250) return "latin";
  return "";
}

std::string_view latin_language(std::string_view text) {
  const auto& table = function_words();
  std::array<std::size_t, 7> hits{};
  std::size_t n_words = 0;
  for (const Token& token : tokenize(text)) {
    if (token.kind != TokenKind::word) continue;
    ++n_words;
    for (std::size_t i = 0; i < table.size(); ++i) hits[i] += table[i].words.count(token.text);
  }
  const auto best = static_cast<std::size_t>(std::max_element(hits.begin(), hits.end()) - hits.begin());
  std::size_t second = 0;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (i != best) second = std::max(second, hits[i]);
  }
  // Function words make up 25-50 % of prose. Romance languages share some, so the winner must lead clearly.
  const bool clear = n_words >= 8 && hits[best] >= 3 && hits[best] * 8 >= n_words && 2 * hits[best] >= 3 * second;
  return clear ? table[best].code : std::string_view{};
}

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at++);
  if (lead < 0x80) return lead;
  const std::size_t more = lead >= 0xF0 && lead <= 0xF4  ? 3
                           : lead >= 0xE0 && lead < 0xF0 ? 2
                           : lead >= 0xC2 && lead < 0xE0 ? 1
                                                         : 0;
  if (more == 0 || at + more > text.size()) return kInvalid;
  char32_t c = lead & (0x3FU >> more);
  for (std::size_t i = 0; i < more; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80U) return kInvalid;
    c = (c << 6) | (byte(at + i) & 0x3FU);
  }
  const bool overlong = (more == 2 && c < 0x800) || (more == 3 && c < 0x10000);
  if (overlong || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return kInvalid;
  at += more;
  return c;
}

std::size_t count_code_points(std::string_view text) noexcept {
  std::size_t n = 0;
  for (std::size_t at = 0; at < text.size(); ++n) next_code_point(text, at);
  return n;
}

std::vector<Token> tokenize(std::string_view text) {
  std::vector<Token> out;
  std::string word;
  const auto end_word = [&] {
    if (word.size() > 2 && word.ends_with("'s")) word.resize(word.size() - 2);
    while (!word.empty() && word.back() == '\'') word.pop_back();
    if (!word.empty()) out.push_back({std::move(word), TokenKind::word});
    word.clear();
  };
  char32_t previous_ideograph = 0;
  bool ideograph_paired = false;
  const auto end_ideographs = [&] {
    if (previous_ideograph != 0 && !ideograph_paired) {
      std::string single;
      append(single, previous_ideograph);
      out.push_back({std::move(single), TokenKind::ideograph});
    }
    previous_ideograph = 0;
    ideograph_paired = false;
  };
  std::size_t at = 0;
  while (at < text.size()) {
    if (word.empty() && is_digit(static_cast<unsigned char>(text[at]))) {
      end_ideographs();
      out.push_back({read_number(text, at), TokenKind::number});
      continue;
    }
    char32_t c = next_code_point(text, at);
    if (c == 0x2019) c = U'\'';
    if (is_unspaced(c)) {
      end_word();
      if (previous_ideograph != 0) {
        std::string two;
        append(two, previous_ideograph);
        append(two, c);
        out.push_back({std::move(two), TokenKind::ideograph});
        ideograph_paired = true;
      }
      previous_ideograph = c;
      continue;
    }
    end_ideographs();
    if (is_letter(c) || is_digit(c) || (c == U'\'' && !word.empty())) {
      append(word, to_lower(c));
    } else {
      end_word();
    }
  }
  end_word();
  end_ideographs();
  return out;
}

std::string stem(std::string_view word) {
  std::string w(word);
  const auto cut = [&](std::size_t n) { w.resize(w.size() - n); };
  if (w.size() > 4 && w.ends_with("ies")) {
    cut(3);
    w += 'y';
  } else if (w.size() > 4 &&
             (w.ends_with("sses") || w.ends_with("shes") || w.ends_with("ches") || w.ends_with("xes"))) {
    cut(2);
  } else if (w.size() > 3 && w.ends_with('s') && !w.ends_with("ss") && !w.ends_with("us") && !w.ends_with("is")) {
    cut(1);
  }
  bool stripped = false;
  if (w.size() > 5 && w.ends_with("ing")) {
    cut(3);
    stripped = true;
  } else if (w.size() > 4 && w.ends_with("ied")) {
    cut(3);
    w += 'y';
  } else if (w.size() > 4 && w.ends_with("ed")) {
    cut(2);
    stripped = true;
  } else if (w.size() > 5 && w.ends_with("ly")) {
    cut(2);
  }
  const std::size_t n = w.size();
  if (stripped && n > 3 && w[n - 1] == w[n - 2] &&
      std::string_view("bdfgmnprt").find(w[n - 1]) != std::string_view::npos) {
    cut(1);
  }
  if (w.size() > 3 && w.ends_with('e')) cut(1);
  return w;
}

bool is_stop_word(std::string_view word) noexcept { return word.size() < 2 || stop_words().count(word) != 0; }

std::string_view language_of(std::string_view text) {
  constexpr std::size_t kEnough = 4096;  // bytes: more do not change the answer
  text = text.substr(0, std::min(text.size(), kEnough));
  std::vector<std::pair<std::string_view, std::size_t>> counts;
  std::size_t n = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view code = script_language(next_code_point(text, at));
    if (code.empty()) continue;
    ++n;
    const auto found =
        std::find_if(counts.begin(), counts.end(), [&](const auto& entry) { return entry.first == code; });
    if (found == counts.end()) {
      counts.emplace_back(code, 1);
    } else {
      ++found->second;
    }
  }
  const auto count_of = [&](std::string_view code) {
    const auto found =
        std::find_if(counts.begin(), counts.end(), [&](const auto& entry) { return entry.first == code; });
    return found == counts.end() ? std::size_t{0} : found->second;
  };
  // Japanese mixes kana with Han characters.
  if (n >= 6 && count_of("ja") * 10 >= n && (count_of("ja") + count_of("zh")) * 2 > n) return "ja";
  for (const auto& [code, count] : counts) {
    if (code != "latin" && n >= 6 && count * 3 >= n * 2) return code;
  }
  if (count_of("latin") * 10 >= n * 9) return latin_language(text);
  return "";
}

}  // namespace equal::extract
