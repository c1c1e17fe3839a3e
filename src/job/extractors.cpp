#include "extractors.hpp"

#include "equal/base/error.hpp"
#include "equal/extract/keep.hpp"
#include "equal/extract/pattern.hpp"
#include "equal/extract/replay.hpp"

namespace equal::job {
namespace {

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
  p.min_question_words = s.keep_min_question_words;
  p.same_language = s.keep_same_language;
  return p;
}

}  // namespace

std::unique_ptr<extract::Extractor> make_extractor(const settings::Settings& s) {
  if (s.extractor == "replay") return extract::make_replay();
  if (s.extractor == "pattern") {
    extract::PatternParams params;
    params.keep = keep_params(s);
    return extract::make_pattern(params);
  }
  throw UsageError("extract.extractor = " + s.extractor + ": not available");
}

}  // namespace equal::job
