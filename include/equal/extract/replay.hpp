// The replaying extractor: a document's own known pairs. No calls, no tokens; deterministic.
#pragma once

#include <cstddef>
#include <memory>

#include "equal/extract/extractor.hpp"
#include "equal/extract/keep.hpp"

namespace equal::extract {

struct ReplayParams {
  KeepParams keep = KeepParams::trusting();  ///< people's pairs may well say what the document only implies
  std::size_t slots = 64;                    ///< documents held between submit() and poll()
};

/// Answers every request with its known pairs that pass the keep rules; none known is an answer without pairs.
std::unique_ptr<Extractor> make_replay(const ReplayParams& params = {});

}  // namespace equal::extract
