// The pattern extractor: question-answer pairs that a manual already holds, found by rules. English; no LLM, no calls.
//
// It reads plain text with light markup: an optional first line with the heading path ("Python > os > Files"), `#
// Headings` or underlined ones, paragraphs, lists, code indented by four blanks, and terms directly followed by an
// indented body. Each rule is a row of a table: its name, what it matches, and a function from the laid-out document to
// candidates. Answers are runs of whole blocks of the document, verbatim but for their common indentation.
// docs/quickstart.md lists the rules.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "equal/extract/extractor.hpp"
#include "equal/extract/keep.hpp"

namespace equal::extract {

struct PatternParams {
  std::size_t min_answer_words = 15;   ///< shorter answers are dropped ("short_answer")
  std::size_t max_answer_words = 250;  ///< longer ones end after the last block that fits
  std::size_t max_pairs = 4;           ///< a document gives at most so many, evenly spread over it
  KeepParams keep = {};                ///< applied to what the rules find
  std::size_t slots = 64;              ///< documents held between submit() and poll()
};

/// One row of the rule table, for documentation and tests.
struct PatternRule {
  std::string_view name;
  std::string_view matches;
};

/// All rules, in the order in which they are tried.
std::span<const PatternRule> pattern_rules();

/// Deterministic: the same text gives the same pairs. Cost: linear in the text; thousands of documents a
/// second and core, most of it for the keep rules. Throws UsageError for bounds that exclude everything.
std::unique_ptr<Extractor> make_pattern(const PatternParams& params = {});

}  // namespace equal::extract
