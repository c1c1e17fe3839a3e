// Reading pairs out of what a model wrote. Models forget closing tags, mix them up, wrap JSON in prose and break it
// with LaTeX: everything that is whole is taken, nothing is guessed beyond that. Total: hostile text gives fewer pairs,
// never an error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "equal/extract/extractor.hpp"

namespace equal::extract {

struct Answer {
  std::vector<Pair> pairs;     ///< complete ones in order, as written (not trimmed, not judged)
  std::size_t incomplete = 0;  ///< pairs that began and have no end, or lack a part
  std::size_t surplus = 0;     ///< pairs beyond `max_pairs`, not returned
};

/// <pair> <question>q</question> <answer>a</answer> </pair>. Also accepted: other closing tags than the right one, none
/// at all before the next tag, <response> for <answer>, and, where there is no <question> at all, lines "Question: q"
/// and "Answer: a" ("Q:", "A:", numbers and ** around them). Escaped tags are unescaped in question and answer.
/// `ended`: the model stopped by itself; then an answer that runs to the end of the text is complete.
Answer parse_tagged(std::string_view text, bool ended, std::size_t max_pairs);

/// {"pairs": [{"question": q, "answer": a}, ...]}, or an array of such objects, possibly inside prose or a code fence.
/// Each object is read by itself, so that a cut or broken text keeps its whole ones. Backslashes that begin no JSON
/// escape are taken literally, and \b \f \t \n \r that begin a LaTeX command (\frac, \times, \nabla ...) too.
Answer parse_json_pairs(std::string_view text, std::size_t max_pairs);

}  // namespace equal::extract
