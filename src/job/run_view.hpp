// What report, inspect and compare read from a workspace. Local; reads only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "equal/base/json.hpp"
#include "equal/job/catalog.hpp"
#include "equal/job/workspace.hpp"
#include "equal/store/partition.hpp"

#include "rounds_log.hpp"

namespace equal::job {

inline constexpr const char* kStageNames[] = {"ingest", "embed", "cluster", "warmup", "extract", "export"};
/// Whether a run can be without it: it is only spoken of where it was run.
inline bool is_optional(std::string_view stage) { return stage == "warmup"; }

bool has_stage_record(const Workspace& workspace, const std::string& stage);
/// Facts of a stage, or {} when it has no record.
Json stage_facts(const Workspace& workspace, const std::string& stage);

/// Facts of the extraction; of one that is not complete, what its rounds so far add up to (asked, pairs, duplicates,
/// credit, spent, rounds).
Json extraction_facts(const Workspace& workspace);

/// Facts of stage cluster for people: documents a cluster, radius and silhouette, without a full stop; "" where they
/// are missing.
std::string cluster_shape(const Json& cluster_facts);

/// A number of an object for people: "30,100"; "0" where it is missing.
std::string counted(const Json& json, const char* key);

/// The first `bytes` of a text on one line, cut between characters, with "..." where something is missing.
std::string excerpt(std::string text, std::size_t bytes);

/// What rounds.jsonl says about an observed document.
struct SeenDocument {
  ObservedDocument document;
  std::uint64_t round = 0;
};
std::map<std::uint32_t, std::vector<SeenDocument>> seen_by_arm(const std::vector<RoundEvent>& events);

/// Documents by number over all partitions; opens each partition once.
class CorpusView {
 public:
  explicit CorpusView(const Workspace& workspace) : workspace_(workspace), catalog_(read_catalog(workspace)) {}
  const Catalog& catalog() const noexcept { return catalog_; }
  const store::PartitionReader& partition(std::uint32_t id);
  std::string id(std::uint64_t document);
  std::string text(std::uint64_t document);

 private:
  Workspace workspace_;
  Catalog catalog_;
  std::map<std::uint32_t, store::PartitionReader> open_;
};

}  // namespace equal::job
