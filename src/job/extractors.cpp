#include "extractors.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "equal/base/error.hpp"
#include "equal/base/registered.hpp"

#include "answers.hpp"

namespace equal::job {

#define EQUAL_DECLARE(name) std::unique_ptr<extract::Extractor> make_##name##_extractor(const ExtractorInputs& inputs);
EQUAL_EXTRACTORS(EQUAL_DECLARE)
#undef EQUAL_DECLARE

namespace {

constexpr std::string_view kExtractorNames[] = {EQUAL_EXTRACTORS(EQUAL_QUOTED)};

#define EQUAL_MAKE(name) make_##name##_extractor,
constexpr std::unique_ptr<extract::Extractor> (*kExtractorMakers[])(const ExtractorInputs&) = {
    EQUAL_EXTRACTORS(EQUAL_MAKE)};
#undef EQUAL_MAKE

/// All but keep.min_cosine, which takes an encoder.
extract::KeepParams keep_params(const settings::Settings& s) {
  extract::KeepParams p;
  p.min_question_chars = s.keep_min_question;
  p.max_question_chars = s.keep_max_question;
  p.min_answer_chars = s.keep_min_answer;
  p.max_answer_chars = s.keep_max_answer;
  p.self_contained = s.keep_self_contained;
  p.grounded = s.keep_grounded;
  p.min_answer_words = s.keep_min_answer_words;
  p.min_answer_numbers = s.keep_min_answer_numbers;
  p.min_answer_phrases = s.keep_min_answer_phrases;
  p.max_foreign_words = s.keep_max_foreign_words;
  p.min_question_words = s.keep_min_question_words;
  p.same_language = s.keep_same_language;
  p.near_duplicate_bits = s.keep_near_duplicate_bits;
  return p;
}

extract::KeepParams keep_params(const Job& job, encode::Encoder& encoder) {
  extract::KeepParams p = keep_params(job.settings);
  p.min_cosine = job.settings.keep_min_cosine;
  p.similarity_name = encoder.digest();
  p.similarity = [&encoder, &pool = job.pool](std::string_view document, const extract::Pair& pair) {
    linalg::Matrix<float> vectors(2, encoder.dim());
    const std::string text = pair_text(pair);
    const std::array<std::string_view, 1> first{document}, second{text};
    encoder.encode(first, encode::Role::document, vectors.view().slice(0, 1), pool);
    encoder.encode(second, encode::Role::query, vectors.view().slice(1, 1), pool);
    return std::inner_product(vectors.row(0).begin(), vectors.row(0).end(), vectors.row(1).begin(), 0.0);
  };
  return p;
}

std::unique_ptr<extract::Extractor> make(const ExtractorInputs& inputs) {
  const std::string& name = inputs.job.settings.extractor;
  const auto found = std::find(std::begin(kExtractorNames), std::end(kExtractorNames), name);
  if (found == std::end(kExtractorNames)) throw InternalError("extract.extractor = " + name + " is not registered");
  return kExtractorMakers[found - std::begin(kExtractorNames)](inputs);
}

}  // namespace

extract::PromptingParams prompting_params(const settings::Settings& s, const Reference& reference) {
  extract::PromptingParams p;
  p.model = s.chat_model;
  p.prompt_file = s.chat_prompt;
  p.refine_file = s.chat_refine_prompt;
  p.max_pairs = s.chat_max_pairs;
  p.context_tokens = s.chat_context_tokens;
  p.answer_tokens = s.chat_max_tokens;
  p.temperature = s.chat_temperature;
  p.top_p = s.chat_top_p;
  p.format = extract::answer_format(s.chat_format);
  p.extra_json = s.chat_extra;
  // Evenly spaced over the guide, which is in drawn order within each reference file: every file is shown.
  const std::size_t n = std::min<std::size_t>(s.chat_examples, reference.guide.size());
  for (std::size_t i = 0; i < n; ++i) p.examples.push_back(reference.guide[i * reference.guide.size() / n]);
  return p;
}

std::unique_ptr<extract::Extractor> make_extractor(const Job& job, const Reference& reference,
                                                   encode::Encoder& encoder) {
  return make({job, reference, keep_params(job, encoder)});
}

void check_extractor(const Job& job, const Reference& reference) { make({job, reference, keep_params(job.settings)}); }

}  // namespace equal::job
