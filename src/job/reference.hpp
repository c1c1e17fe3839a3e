// The target task: guide pairs that rewards may see, holdout pairs that are only measured.
#pragma once

#include <string>
#include <vector>

#include "equal/clean/decontamination.hpp"
#include "equal/extract/extractor.hpp"
#include "equal/settings/settings.hpp"

namespace equal::job {

struct Reference {
  std::vector<extract::Pair> guide, holdout;
  std::vector<double> guide_weights;  ///< sum 1: each file's weight, spread evenly over its guide pairs
  std::string digest;                 ///< of guide and weights
};

/// Reads reference.files (FILE or FILE:WEIGHT) and reference.holdout. Throws UsageError without a file, DataError on a
/// file without pairs or a line that is none, naming file and line. Local; equal on all ranks.
Reference load_reference(const settings::Settings& settings);

/// The items of export.decontaminate, file after file; answers may be missing. Throws as load_reference(). Local.
std::vector<clean::BenchmarkItem> load_benchmarks(const settings::Settings& settings);

}  // namespace equal::job
