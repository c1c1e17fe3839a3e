// How long a document takes and what it costs: drawn from what a real run's journal has, or from a distribution.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "equal/extract/extractor.hpp"

namespace equal::sim {

class Calls {
 public:
  /// "constant:SECONDS", "lognormal:MEDIAN_SECONDS,SIGMA", or "journal:FOLDER", a run's journal/ with timed answers.
  /// Throws UsageError on other texts, DataError on a journal without timed answers.
  Calls(const std::string& text, std::uint64_t seed);
  /// Usage of one document with a text of so many tokens. A function of the document.
  extract::Usage of(std::uint64_t document, double text_tokens) const;

 private:
  enum class Kind { constant, lognormal, journal } kind_ = Kind::constant;
  double seconds_ = 0, sigma_ = 0;
  std::uint64_t seed_ = 0;
  std::vector<extract::Usage> measured_;
};

}  // namespace equal::sim
