#include "extractors.hpp"

#include "equal/base/error.hpp"
#include "equal/extract/replay.hpp"

namespace equal::job {

std::unique_ptr<extract::Extractor> make_extractor(const settings::Settings& s) {
  if (s.extractor == "replay") return extract::make_replay();
  throw UsageError("extract.extractor = " + s.extractor + ": not available");
}

}  // namespace equal::job
