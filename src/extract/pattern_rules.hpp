// The rule table of the pattern extractor.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equal/extract/pattern.hpp"

#include "pattern_layout.hpp"

namespace equal::extract {

/// What a rule found. `position` orders candidates within the document and tells overlapping ones.
struct Candidate {
  std::string question, answer;
  std::string_view rule;
  const char* position = nullptr;
};

struct AnswerBounds {
  std::size_t min_words = 15, max_words = 250;
  bool whole = false;  ///< all of the section, not what fits of it
};

using RuleFunction = void (*)(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);

struct RuleRow {
  PatternRule rule;
  RuleFunction find;
};

std::span<const RuleRow> rule_table();

/// The longest run of blocks from `first` on that is an answer: within bounds, ends with a sentence or code, opens on
/// its own, sends nobody elsewhere. Empty when there is none. The text is a view into the document.
std::string_view answer_run(std::span<const TextBlock> blocks, const AnswerBounds& bounds);

}  // namespace equal::extract
