// The bench's cache (made by vectors.py and arms.py) as replay data.
#pragma once

#include <filesystem>
#include <string>

#include "replay.hpp"

namespace equal::bench {

/// encoder: minilm, lsa. Throws DataError naming what is missing.
ReplayCorpus load_corpus(const std::filesystem::path& cache, const std::string& encoder, std::size_t clusters);
/// target: gsm8k, mbpp, medquad, humaneval (which is only tested: its reference is mbpp's).
ReplayTarget load_target(const std::filesystem::path& cache, const std::string& encoder, const std::string& target);

/// The words of all pairs and of the target's test set.
LanguageJudge load_language(const std::filesystem::path& cache, const std::string& target);

/// All pairs of the corpus in the judge's vectors.
linalg::Matrix<float> judge_vectors(const std::filesystem::path& cache);
/// A corpus in which only `keep` documents (of lowest hash under `draw`) hold useful pairs and no other document is of
/// the target's domains. `target` and `judge_pairs` are cut down with it.
ReplayCorpus make_scarce(const ReplayCorpus& corpus, ReplayTarget& target, linalg::Matrix<float>& judge_pairs,
                         std::size_t keep, std::uint64_t draw);

}  // namespace equal::bench
