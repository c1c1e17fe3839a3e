// README.md of a data set: Hugging Face YAML header, then what a reader must know before training on it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace equal::report {

struct DatasetCard {
  std::string name;     ///< empty: a plain title
  std::string licence;  ///< as the user gave it; empty: said to be missing
  std::string form;     ///< messages, alpaca, sharegpt, pairs
  std::map<std::string, std::pair<std::string, std::uint64_t>> splits;  ///< split -> (glob of its files, pairs)
  std::vector<std::pair<std::string, std::uint64_t>> sources;   ///< input file -> pairs from it, the largest first
  std::vector<std::pair<std::string, std::string>> procedure;   ///< e.g. ("extractor", "chat, model x, prompt ...")
  std::vector<std::pair<std::string, std::string>> figures;     ///< e.g. ("documents asked", "2,000")
  std::vector<std::pair<std::string, std::uint64_t>> left_out;  ///< reason -> pairs
  std::vector<std::pair<std::string, std::uint64_t>>
      contamination;     ///< benchmark file -> pairs that held an item of it
  bool complete = true;  ///< false: of a run that was still going on
};

/// Markdown. Names and texts from outside cannot break the header: they are quoted for YAML.
std::string to_markdown(const DatasetCard& card);

}  // namespace equal::report
