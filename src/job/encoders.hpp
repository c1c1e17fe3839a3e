// The encoder of a run, from its settings and, for fitted tables, from the corpus.
#pragma once

#include <memory>
#include <string_view>

#include "equal/encode/bert.hpp"
#include "equal/encode/encoder.hpp"
#include "equal/job/job.hpp"
#include "equal/settings/settings.hpp"

namespace equal::job {

/// Collective. Loads the encoder of the workspace's generation. Generation 0: a table that is fitted on the corpus is
/// fitted once and kept in the workspace. Generation 1: with what the warm-up left in its encoder/: a table, the folder
/// of a transformer, or a projection.
std::unique_ptr<encode::Encoder> make_encoder(Job& job, const Catalog& catalog);

/// Local, sends and writes nothing. Throws what make_encoder would for what can be told without reading weights or
/// asking servers: the folder of a model, a table that the workspace keeps, endpoints and keys.
void check_encoder(const settings::Settings& settings);

/// Throws UsageError unless encoder.model is set; `what` needs it.
void require_model(const settings::Settings& settings, std::string_view what);

/// How the bert encoder reads texts. Local.
encode::BertParams bert_params(const settings::Settings& settings);

}  // namespace equal::job
