#include "equal/extract/replay.hpp"

#include "extractors.hpp"

namespace equal::job {

std::unique_ptr<extract::Extractor> make_replay_extractor(const ExtractorInputs&) { return extract::make_replay(); }

}  // namespace equal::job
