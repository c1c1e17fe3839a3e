// The encoder of a run, from its settings and, for fitted tables, from the corpus.
#pragma once

#include <memory>

#include "equal/encode/encoder.hpp"
#include "equal/job/job.hpp"

namespace equal::job {

/// Collective. Loads the encoder; a table that is fitted on the corpus is fitted once and kept in the workspace.
std::unique_ptr<encode::Encoder> make_encoder(Job& job, const Catalog& catalog);

}  // namespace equal::job
