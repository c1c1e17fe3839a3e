#include "run_view.hpp"

#include <algorithm>

#include "equal/base/log.hpp"

namespace equal::job {

bool has_stage_record(const Workspace& workspace, const std::string& stage) {
  return std::filesystem::exists(workspace.record(stage));
}

Json stage_facts(const Workspace& workspace, const std::string& stage) {
  return has_stage_record(workspace, stage) ? read_stage_record(workspace, stage).facts : Json::object();
}

std::string cluster_shape(const Json& facts) {
  const Json sizes = facts.value("sizes", Json()), radius = facts.value("radius", Json());
  if (!sizes.is_object() || !radius.is_object()) return {};
  return format(
      "{} to {} documents each, median {}; radius median {:.3f}, at most {:.3f}; silhouette {:.3f} ({} documents)",
      counted(sizes, "smallest"), counted(sizes, "largest"), counted(sizes, "median"), radius.value("median", 0.0),
      radius.value("largest", 0.0), facts.value("silhouette", 0.0), counted(facts, "silhouette_sample"));
}

Json extraction_facts(const Workspace& workspace) {
  Json facts = stage_facts(workspace, "extract");
  if (facts.value("complete", false) || !std::filesystem::exists(workspace.rounds())) return facts;
  std::uint64_t asked = 0, failed = 0, pairs = 0, duplicates = 0, rounds = 0;
  double credit = 0;
  for_each_round(workspace.rounds(), [&](const RoundEvent& e) {
    if (e.kind != RoundEvent::Kind::observed) return;
    ++rounds;
    if (e.facts.contains("spent")) facts["spent"] = e.facts.at("spent");
    for (const ObservedDocument& d : e.observed) {
      ++asked, pairs += d.pairs;
      if (!d.answered) ++failed;
      for (const double c : d.credits) {
        if (c < 0) ++duplicates;
        credit += std::max(0.0, c);
      }
    }
  });
  facts["asked"] = asked, facts["failed"] = failed, facts["pairs"] = pairs, facts["duplicates"] = duplicates;
  facts["rounds"] = rounds, facts["credit"] = credit;
  return facts;
}

std::string counted(const Json& json, const char* key) { return human_count(json.value(key, 0.0)); }

std::string excerpt(std::string text, std::size_t bytes) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.size() <= bytes) return text;
  text.resize(bytes);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0U) text.pop_back();
  return text + "...";
}

std::map<std::uint32_t, std::vector<SeenDocument>> seen_by_arm(const std::vector<RoundEvent>& events) {
  std::map<std::uint32_t, std::vector<SeenDocument>> out;
  for (const RoundEvent& e : events) {
    for (const auto& d : e.observed) out[d.arm].push_back({d, e.round});
  }
  return out;
}

const store::PartitionReader& CorpusView::partition(std::uint32_t id) {
  auto found = open_.find(id);
  if (found == open_.end())
    found = open_.emplace(id, store::PartitionReader(store::partition_file(workspace_.corpus(), id))).first;
  return found->second;
}

std::string CorpusView::id(std::uint64_t document) {
  const PartitionInfo& info = catalog_.partition_of(document);
  return partition(info.id.value).id(document - info.first_document);
}

std::string CorpusView::text(std::uint64_t document) {
  const PartitionInfo& info = catalog_.partition_of(document);
  return partition(info.id.value).text(document - info.first_document);
}

}  // namespace equal::job
