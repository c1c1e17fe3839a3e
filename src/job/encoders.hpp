// The encoder of a run, from its settings and, for fitted tables, from the corpus.
#pragma once

#include <memory>
#include <string_view>

#include "equal/encode/encoder.hpp"
#include "equal/job/job.hpp"

namespace equal::job {

/// Collective. Loads the encoder; a table that is fitted on the corpus is fitted once and kept in the workspace.
std::unique_ptr<encode::Encoder> make_encoder(Job& job, const Catalog& catalog);

/// Throws UsageError unless encoder.model is set; `what` needs it.
void require_model(const settings::Settings& settings, std::string_view what);

}  // namespace equal::job
