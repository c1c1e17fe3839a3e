// The extractor of a run, from its settings.
#pragma once

#include <memory>

#include "equal/extract/extractor.hpp"
#include "equal/settings/settings.hpp"

namespace equal::job {

std::unique_ptr<extract::Extractor> make_extractor(const settings::Settings& settings, int rank);

}  // namespace equal::job
