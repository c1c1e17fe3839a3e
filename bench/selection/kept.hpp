// Verdicts of finished runs, kept beside the vectors, so that a run that was broken off is taken up where it ended.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "judge.hpp"

namespace equal::bench {

class KeptVerdicts {
 public:
  /// what: all that the verdicts depend on besides this program, whose digest is part of the name of the file.
  KeptVerdicts(const std::filesystem::path& cache, const std::string& what);

  /// Of the first seeds, at most `most`; empty when there are none.
  std::vector<Verdict> load(std::size_t most) const;
  void store(const std::vector<Verdict>& verdicts) const;

 private:
  std::filesystem::path file_;
};

}  // namespace equal::bench
