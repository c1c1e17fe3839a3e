// The extractor of a run, from its settings.
#pragma once

#include <memory>

#include "equal/encode/encoder.hpp"
#include "equal/extract/extractor.hpp"
#include "equal/extract/keep.hpp"
#include "equal/extract/prompting.hpp"
#include "equal/job/job.hpp"

#include "reference.hpp"

namespace equal::job {

/// Local. The slots of the LLM's servers are divided among the workers.
/// The encoder, which must outlive the extractor, serves keep.min_cosine.
std::unique_ptr<extract::Extractor> make_extractor(const Job& job, const Reference& reference,
                                                   encode::Encoder& encoder);

/// Local. Makes the extractor without an encoder, for nothing: throws UsageError for what its settings, prompts,
/// servers and keys lack.
void check_extractor(const Job& job, const Reference& reference);

/// What an extractor is made from.
struct ExtractorInputs {
  const Job& job;
  const Reference& reference;
  extract::KeepParams keep;  ///< by the settings keep.*
};

/// What chat and command ask a model; the keep rules are left at their defaults.
extract::PromptingParams prompting_params(const settings::Settings& settings, const Reference& reference);

}  // namespace equal::job
