// What several sections of report.html are made from, read once. Local.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "equal/base/json.hpp"
#include "equal/extract/extractor.hpp"
#include "equal/job/workspace.hpp"
#include "equal/store/clusters.hpp"

#include "answers.hpp"
#include "run_view.hpp"

namespace equal::job {

struct ArmTally {
  std::uint64_t asked = 0, pairs = 0;
  double reward = 0;
  double mean() const { return asked > 0 ? reward / static_cast<double>(asked) : 0; }
};

struct ReportView {
  const Workspace& workspace;
  Json ingest, embed, cluster, extract, exported;  ///< facts of the stages; what is not there is an empty object
  store::Clusters clusters;
  std::vector<RoundEvent> events;
  std::map<std::uint32_t, std::vector<SeenDocument>> seen;  ///< by arm
  std::vector<ArmTally> arms;
  std::optional<AnswerIndex> answers;
  CorpusView corpus;

  /// Throws UsageError when the workspace has not come as far as `cluster`.
  explicit ReportView(const Workspace& w);

  std::uint64_t asked() const;
  double reward() const;
  double documents() const;
  /// Of the journal; empty where the document has no answer.
  std::vector<extract::Pair> pairs_of(std::uint64_t document) const;
  /// Reward that a document drawn at random would have had: arms' means weighted by their documents, over the arms that
  /// were asked.
  std::optional<double> random_reward() const;
  /// Arms by total reward, those that were asked before those that were not, larger ones first.
  std::vector<std::uint32_t> arms_by_reward() const;
};

}  // namespace equal::job
