#include "equal/extract/pattern.hpp"

#include "extractors.hpp"

namespace equal::job {

std::unique_ptr<extract::Extractor> make_pattern_extractor(const ExtractorInputs& inputs) {
  extract::PatternParams params;
  params.keep = inputs.keep;
  return extract::make_pattern(params);
}

}  // namespace equal::job
