// Phrases by which a pair betrays that it cannot stand alone.
#pragma once

#include <string_view>

namespace equal::extract {

/// An unfilled template ("...", "[question]", "the question here") rather than content.
bool is_placeholder(std::string_view text);

/// An answer that declines to answer ("the text does not say", "I cannot answer").
bool is_refusal(std::string_view text);

}  // namespace equal::extract
