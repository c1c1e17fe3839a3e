#include "equal/extract/keep.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <unordered_set>
#include <utility>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "phrases.hpp"
#include "words.hpp"

namespace equal::extract {
namespace {

constexpr int kRulesVersion = 3;  // enters digests: raise it when any rule below changes

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

using Terms = std::unordered_set<std::string>;

bool has_content(const Token& token) { return token.kind == TokenKind::ideograph || !is_stop_word(token.text); }

std::string term_of(const Token& token) { return token.kind == TokenKind::word ? stem(token.text) : token.text; }

void check_share(double value, const char* name) {
  if (!(value >= 0.0 && value <= 1.0)) {
    throw UsageError(format("keep.{} = {}; must be between 0 and 1", name, value));
  }
}

struct Overlap {
  std::size_t known = 0, all = 0;
  double share() const { return all == 0 ? 1.0 : static_cast<double>(known) / static_cast<double>(all); }
};

/// Of the tokens accepted by `counts`, how many have a term in `known`; each distinct term counts once.
template <class Counts>
Overlap overlap_of(const std::vector<Token>& tokens, const Terms& known, Counts counts) {
  Terms seen;
  Overlap out;
  for (const Token& token : tokens) {
    if (!counts(token)) continue;
    std::string term = term_of(token);
    const bool is_known = known.count(term) != 0;
    if (seen.insert(std::move(term)).second) out.known += is_known;
  }
  out.all = seen.size();
  return out;
}

/// Terms of content words, numbers and ideographs in order.
std::vector<std::string> content_of(const std::vector<Token>& tokens) {
  std::vector<std::string> out;
  for (const Token& token : tokens) {
    if (token.kind == TokenKind::number || has_content(token)) out.push_back(term_of(token));
  }
  return out;
}

std::string unordered_pair(const std::string& a, const std::string& b) { return a < b ? a + ' ' + b : b + ' ' + a; }

/// Share of the answer's neighbours that stand within two places of each other in the document.
double share_of_phrases(const std::vector<Token>& document, const std::vector<Token>& answer) {
  constexpr std::size_t kReach = 2;
  const std::vector<std::string> there = content_of(document), here = content_of(answer);
  if (here.size() < 2) return 1.0;
  Terms near;
  for (std::size_t i = 0; i < there.size(); ++i) {
    for (std::size_t j = i + 1; j < std::min(there.size(), i + 1 + kReach); ++j)
      near.insert(unordered_pair(there[i], there[j]));
  }
  std::size_t known = 0;
  for (std::size_t i = 1; i < here.size(); ++i) known += near.count(unordered_pair(here[i - 1], here[i]));
  return static_cast<double>(known) / static_cast<double>(here.size() - 1);
}

}  // namespace

Grounding measure_grounding(std::string_view document_text, const Pair& pair) {
  const std::vector<Token> document = tokenize(document_text), question = tokenize(pair.question),
                           answer = tokenize(pair.answer);
  Terms known;
  for (const Token& token : document) known.insert(term_of(token));
  const auto is_word = [](const Token& t) { return t.kind != TokenKind::number && has_content(t); };
  const auto is_number = [](const Token& t) { return t.kind == TokenKind::number; };
  Grounding out;
  out.question_words = overlap_of(question, known, is_word).share();
  out.answer_numbers = overlap_of(answer, known, is_number).share();
  out.answer_phrases = share_of_phrases(document, answer);
  for (const Token& token : question) known.insert(term_of(token));
  const Overlap words = overlap_of(answer, known, is_word);
  out.answer_words = words.share();
  out.foreign_words = words.all - words.known;
  return out;
}

std::optional<std::uint64_t> simhash(const Pair& pair) {
  constexpr std::size_t kLeast = 4;
  std::vector<std::string> terms = content_of(tokenize(pair.question));
  for (std::string& term : content_of(tokenize(pair.answer))) terms.push_back(std::move(term));
  if (terms.size() < kLeast) return std::nullopt;
  std::array<int, 64> balance{};
  const auto vote = [&](const std::string& feature) {
    const std::uint64_t bits = digest128(feature).low;
    for (std::size_t i = 0; i < balance.size(); ++i) balance[i] += ((bits >> i) & 1U) != 0 ? 1 : -1;
  };
  for (std::size_t i = 0; i < terms.size(); ++i) {
    vote(terms[i]);
    if (i > 0) vote(terms[i - 1] + ' ' + terms[i]);
  }
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < balance.size(); ++i) out |= std::uint64_t{balance[i] > 0} << i;
  return out;
}

std::string normalised(std::string_view text) {
  std::string out;
  for (const Token& token : tokenize(text)) {
    if (!out.empty()) out += ' ';
    out += token.text;
  }
  return out;
}

KeepParams KeepParams::trusting() {
  KeepParams params;
  params.min_question_chars = params.min_answer_chars = 1;
  params.max_question_chars = params.max_answer_chars = static_cast<std::size_t>(-1);
  params.self_contained = params.grounded = params.same_language = false;
  params.near_duplicate_bits = 0;
  return params;
}

KeepRules::KeepRules(const KeepParams& params) : params_(params) {
  check_share(params.min_answer_words, "min_answer_words");
  check_share(params.min_answer_numbers, "min_answer_numbers");
  check_share(params.min_answer_phrases, "min_answer_phrases");
  check_share(params.min_question_words, "min_question_words");
  check_share(params.min_cosine, "min_cosine");
  if (params.min_cosine > 0.0 && !params.similarity)
    throw InternalError("keep rules: min_cosine is set, but no similarity");
  if (params.min_question_chars > params.max_question_chars || params.min_answer_chars > params.max_answer_chars) {
    throw UsageError(format(
        "keep rules: a least length ({} and {} characters for question and answer) is above the greatest ({} and {})",
        params.min_question_chars, params.min_answer_chars, params.max_question_chars, params.max_answer_chars));
  }
}

std::string KeepRules::digest() const {
  const KeepParams& p = params_;
  return sha256_hex(format("keep rules {}: {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", kRulesVersion,
                           p.min_question_chars, p.max_question_chars, p.min_answer_chars, p.max_answer_chars,
                           p.self_contained, p.grounded, p.min_answer_words, p.max_foreign_words, p.min_answer_numbers,
                           p.min_answer_phrases, p.min_question_words, p.same_language, p.duplicates,
                           p.near_duplicate_bits, p.min_cosine, p.min_cosine > 0.0 ? p.similarity_name : ""));
}

std::string_view KeepRules::reason_to_drop(std::string_view document, std::string_view document_language,
                                           const Pair& pair) const {
  if (pair.question.empty() || pair.answer.empty()) return "empty";
  const std::size_t question_chars = count_code_points(pair.question), answer_chars = count_code_points(pair.answer);
  if (question_chars < params_.min_question_chars || answer_chars < params_.min_answer_chars) return "short";
  if (question_chars > params_.max_question_chars || answer_chars > params_.max_answer_chars) return "long";
  if (params_.self_contained) {
    if (is_placeholder(pair.question) || is_placeholder(pair.answer)) return "placeholder";
    if (points_to_source(pair.question) || points_to_source(pair.answer)) return "not_self_contained";
    if (is_refusal(pair.answer)) return "refusal";
  }
  if (params_.same_language && !document_language.empty()) {
    const std::string_view language = language_of(pair.question + "\n" + pair.answer);
    if (!language.empty() && language != document_language) return "language";
  }
  if (params_.grounded) {
    const Grounding grounding = measure_grounding(document, pair);
    if (grounding.answer_words < params_.min_answer_words && grounding.foreign_words > params_.max_foreign_words) {
      return "ungrounded_words";
    }
    if (grounding.answer_numbers < params_.min_answer_numbers) return "ungrounded_numbers";
    if (grounding.answer_phrases < params_.min_answer_phrases) return "ungrounded_phrases";
    if (grounding.question_words < params_.min_question_words) return "ungrounded_question";
  }
  if (params_.min_cosine > 0.0) {
    if (!(params_.similarity(document, pair) >= params_.min_cosine)) return "far";
  }
  return {};
}

namespace {

/// The pairs kept so far of one document, for telling near duplicates.
class Similar {
 public:
  explicit Similar(std::size_t bits) : bits_(bits) {}
  /// True when an earlier pair is as good as this one; else remembers it.
  bool seen(const Pair& pair) {
    if (bits_ == 0) return false;
    const auto hash = simhash(pair);
    if (!hash) return false;
    std::vector<std::string> numbers;
    for (const std::string* text : {&pair.question, &pair.answer}) {
      for (Token& token : tokenize(*text)) {
        if (token.kind == TokenKind::number) numbers.push_back(std::move(token.text));
      }
    }
    for (const auto& [other, others] : pairs_) {
      if (static_cast<std::size_t>(std::popcount(*hash ^ other)) <= bits_ && others == numbers) return true;
    }
    pairs_.emplace_back(*hash, std::move(numbers));
    return false;
  }

 private:
  std::size_t bits_;
  std::vector<std::pair<std::uint64_t, std::vector<std::string>>> pairs_;
};

}  // namespace

KeepResult KeepRules::apply(std::string_view document, const std::vector<Pair>& pairs) const {
  KeepResult out;
  const std::string_view document_language = params_.same_language ? language_of(document) : std::string_view{};
  std::unordered_set<std::string> seen;
  Similar similar(params_.duplicates ? params_.near_duplicate_bits : 0);
  for (const Pair& raw : pairs) {
    Pair pair{trimmed(raw.question), trimmed(raw.answer)};
    std::string_view reason = reason_to_drop(document, document_language, pair);
    if (reason.empty() && params_.duplicates &&
        !seen.insert(normalised(pair.question) + '\n' + normalised(pair.answer)).second) {
      reason = "duplicate";
    }
    if (reason.empty() && similar.seen(pair)) reason = "near_duplicate";
    if (reason.empty()) {
      out.kept.push_back(std::move(pair));
    } else {
      out.rejected.push_back({std::move(pair), std::string(reason)});
    }
  }
  return out;
}

}  // namespace equal::extract
