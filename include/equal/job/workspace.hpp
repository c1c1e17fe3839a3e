// The directory of one run: where everything lies, and which stages are complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "equal/base/json.hpp"
#include "equal/settings/settings.hpp"

namespace equal::job {

class Workspace {
 public:
  explicit Workspace(std::filesystem::path root, unsigned generation = 0)
      : root_(std::move(root)), generation_(generation) {}
  /// As the link `current` says; generation 0 without one.
  static Workspace current(const std::filesystem::path& root);
  /// Encoder, vectors and arms come in generations: 0 of the stock encoder, 1 of the one that the warm-up has trained.
  Workspace in_generation(unsigned generation) const { return Workspace(root_, generation); }
  unsigned generation_number() const noexcept { return generation_; }
  const std::filesystem::path& root() const noexcept { return root_; }
  std::filesystem::path corpus() const { return root_ / "corpus"; }
  std::filesystem::path generation() const { return root_ / ("gen-" + std::to_string(generation_)); }
  std::filesystem::path encoder() const { return generation() / "encoder"; }
  std::filesystem::path embeddings() const { return generation() / "embeddings"; }
  std::filesystem::path by_cluster() const { return generation() / "by_cluster"; }
  std::filesystem::path assignment() const { return generation() / "assignment"; }
  std::filesystem::path clusters() const { return generation() / "clusters.h5"; }
  std::filesystem::path kmeans_state() const { return generation() / "kmeans.state"; }
  std::filesystem::path warmup_sample() const { return generation() / "sample.json"; }
  std::filesystem::path training_state() const { return generation() / "training.state"; }
  std::filesystem::path staging() const { return root_ / "staging"; }
  std::filesystem::path journal() const { return root_ / "journal"; }
  std::filesystem::path rounds() const { return root_ / "rounds.jsonl"; }
  std::filesystem::path stages() const { return root_ / "stages"; }
  std::filesystem::path status() const { return root_ / "status.json"; }
  std::filesystem::path lock() const { return root_ / "lock"; }
  std::filesystem::path resolved_settings() const { return root_ / "settings.resolved.ini"; }
  std::filesystem::path usage() const { return root_ / "usage.json"; }
  std::filesystem::path out() const { return root_ / "out"; }
  /// stages/<stage>.json; stages/<stage>.gen-1.json for what is made once in each generation.
  std::filesystem::path record(const std::string& stage) const;

 private:
  std::filesystem::path root_;
  unsigned generation_;
};

/// What a finished stage was made with: stages/<stage>.json. A stage is complete when this file exists.
struct StageRecord {
  std::string stage;
  std::map<std::string, std::string> settings;  ///< those that enter its digest
  std::map<std::string, std::string> inputs;    ///< name -> digest of what it read
  Json facts = Json::object();                  ///< counts and seconds, for reports; not in the digest
  std::string digest() const;                   ///< SHA-256 over stage, settings and inputs
};

/// The record that `stage` must have under these settings and inputs.
StageRecord expected_record(const std::string& stage, const settings::Settings& settings,
                            std::map<std::string, std::string> inputs);

/// changed: made from other inputs, or under other rules (settings::Kind::rule): the stage runs again.
enum class StageState { missing, complete, changed };

/// Compares with what is in the workspace. Throws UsageError naming each other setting that changed, and the way out.
StageState stage_state(const Workspace& workspace, const StageRecord& expected);

/// The record of a complete stage. Throws UsageError when it is missing, naming the command that makes it.
StageRecord read_stage_record(const Workspace& workspace, const std::string& stage);
void write_stage_record(const Workspace& workspace, const StageRecord& record);

/// Points the link `current` to the workspace's generation: what extract and all that look at a run go by.
void make_current(const Workspace& workspace);

/// Removes the records and artefacts of `stage` and of the stages after it; the journal stays.
void redo_from(const Workspace& workspace, const std::string& stage);

}  // namespace equal::job
