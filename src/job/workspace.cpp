#include "equal/job/workspace.hpp"

#include <algorithm>
#include <array>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/settings/parameters.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr std::array kStages = {"ingest", "embed", "cluster", "warmup", "extract", "export"};
constexpr std::array kOfGeneration = {"embed", "cluster"};  // these are run for each encoder

StageRecord parse_record(const fs::path& path) {
  Json json;
  try {
    json = unseal_json(read_file(path), path.string());
  } catch (const DataError& e) {
    throw DataError(std::string(e.what()) + "; remove the file to run the stage again (what it has made is kept)");
  }
  try {
    StageRecord record;
    record.stage = json.at("stage").get<std::string>();
    record.settings = json.at("settings").get<std::map<std::string, std::string>>();
    record.inputs = json.at("inputs").get<std::map<std::string, std::string>>();
    record.facts = json.value("facts", Json::object());
    if (json.at("digest").get<std::string>() != record.digest())
      throw DataError(path.string() + ": the digest does not fit its contents; remove the file to run the stage again");
    return record;
  } catch (const nlohmann::json::exception& e) {
    throw DataError(path.string() + ": not a stage record: " + e.what());
  }
}

bool belongs_to(const settings::Parameter& p, const std::string& stage, const settings::Settings& s) {
  if (p.kind == settings::Kind::free) return false;
  if (p.name == "job.seed") return stage != "ingest";
  if (p.stage == "reference") return stage == "extract";
  if (p.stage == "chat") return stage == "extract" && (s.extractor == "chat" || s.extractor == "command");
  return p.stage == stage;
}

}  // namespace

Workspace Workspace::current(const fs::path& root) {
  std::error_code error;
  const fs::path target = fs::read_symlink(root / "current", error);
  return Workspace(root, !error && target == "gen-1" ? 1 : 0);
}

fs::path Workspace::record(const std::string& stage) const {
  const bool again = generation_ > 0 && std::ranges::find(kOfGeneration, stage) != kOfGeneration.end();
  return stages() / (stage + (again ? ".gen-" + std::to_string(generation_) : std::string()) + ".json");
}

std::string StageRecord::digest() const {
  return sha256_hex(dump_json(Json{{"stage", stage}, {"settings", settings}, {"inputs", inputs}}));
}

StageRecord expected_record(const std::string& stage, const settings::Settings& s,
                            std::map<std::string, std::string> inputs) {
  StageRecord record{stage, {}, std::move(inputs), Json::object()};
  for (const auto& p : settings::parameters()) {
    if (belongs_to(p, stage, s)) record.settings[p.name] = settings::value_text(p, s);
  }
  return record;
}

StageState stage_state(const Workspace& workspace, const StageRecord& expected) {
  const fs::path path = workspace.record(expected.stage);
  if (!fs::exists(path)) return StageState::missing;
  const StageRecord found = parse_record(path);
  std::string changes;
  bool judged_otherwise = false;
  for (const auto& [name, value] : expected.settings) {
    const auto before = found.settings.find(name);
    const std::string old = before == found.settings.end() ? "(not set)" : before->second;
    if (old == value) continue;
    const settings::Parameter* parameter = settings::find_parameter(name);
    if (parameter != nullptr && parameter->kind == settings::Kind::rule) {
      judged_otherwise = true;
    } else {
      changes += format("\n  {} was '{}' and is now '{}'", name, old, value);
    }
  }
  if (!changes.empty()) {
    const std::string way_out =
        expected.stage == "ingest"
            ? "use another --workspace"
            : "run with --redo " + expected.stage + " (answers in the journal are kept), or use another --workspace";
    throw UsageError(format("{}: stage {} was made with other settings:{}\ngo back to the old values, {}",
                            workspace.root().string(), expected.stage, changes, way_out));
  }
  return found.inputs == expected.inputs && !judged_otherwise ? StageState::complete : StageState::changed;
}

StageRecord read_stage_record(const Workspace& workspace, const std::string& stage) {
  const fs::path path = workspace.record(stage);
  if (!fs::exists(path)) {
    throw UsageError(format("{}: stage {} is not complete; run `equal {} --workspace {}` first",
                            workspace.root().string(), stage, stage, workspace.root().string()));
  }
  return parse_record(path);
}

void write_stage_record(const Workspace& workspace, const StageRecord& record) {
  fs::create_directories(workspace.stages());
  const Json json = {{"stage", record.stage},
                     {"digest", record.digest()},
                     {"settings", record.settings},
                     {"inputs", record.inputs},
                     {"facts", record.facts}};
  write_file_atomically(workspace.record(record.stage), seal_json(json, 2));
}

void make_current(const Workspace& workspace) {
  if (Workspace::current(workspace.root()).generation_number() == workspace.generation_number() &&
      fs::is_symlink(workspace.root() / "current"))
    return;
  const fs::path link = workspace.root() / "current", next = temporary_name(link);
  std::error_code error;
  fs::remove(next, error);
  fs::create_symlink(workspace.generation().filename(), next, error);
  if (!error) fs::rename(next, link, error);
  if (error)
    throw EnvironmentError(
        format("{}: the link to the arms in use cannot be made: {}{}", link.string(), error.message(),
               fs::is_symlink(link) || !fs::is_directory(link)
                   ? ""
                   : "; a program that copied the workspace made a folder of it: remove that folder"));
  sync_folder(workspace.root());
}

void redo_from(const Workspace& workspace, const std::string& stage) {
  const auto first = std::find(kStages.begin(), kStages.end(), stage);
  if (first == kStages.end()) throw UsageError("job.redo = " + stage + ": no such stage");
  // Records go first: a stage without its record is incomplete, whatever else is left of it.
  const Workspace aligned = workspace.in_generation(1);
  for (auto s = kStages.end(); s != first;) fs::remove(workspace.record(*--s));
  const auto reaches = [&](const char* s) {
    return std::find(first, kStages.end(), std::string_view(s)) != kStages.end();
  };
  if (reaches("warmup")) {
    for (const char* s : kOfGeneration) fs::remove(aligned.record(s));
    make_current(workspace.in_generation(0));
    fs::remove_all(aligned.generation());
  }
  if (reaches("embed")) {
    fs::remove_all(workspace.encoder());
    fs::remove_all(workspace.embeddings());
  }
  if (reaches("cluster")) {
    fs::remove(workspace.clusters());
    fs::remove(workspace.kmeans_state());
    fs::remove_all(workspace.assignment());
    fs::remove_all(workspace.by_cluster());
  }
  if (reaches("extract")) fs::remove(workspace.rounds());
}

}  // namespace equal::job
