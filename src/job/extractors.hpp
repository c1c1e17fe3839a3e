// The extractor of a run, from its settings.
#pragma once

#include <memory>

#include "equal/comm/communicator.hpp"
#include "equal/extract/extractor.hpp"
#include "equal/extract/prompting.hpp"
#include "equal/settings/settings.hpp"

#include "reference.hpp"

namespace equal::job {

/// Local. The slots of the LLM's servers are divided among the workers.
std::unique_ptr<extract::Extractor> make_extractor(const settings::Settings& settings, const Reference& reference,
                                                   const comm::Communicator& comm);

/// What chat and command ask a model.
extract::PromptingParams prompting_params(const settings::Settings& settings, const Reference& reference);

}  // namespace equal::job
