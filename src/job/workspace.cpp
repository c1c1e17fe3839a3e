#include "equal/job/workspace.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/settings/parameters.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr auto kTouchEvery = std::chrono::seconds(15);
constexpr auto kStaleAfter = std::chrono::minutes(2);
constexpr std::array kStages = {"ingest", "embed", "cluster", "extract", "export"};

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "unknown";
}

std::string job_name() {
  const char* slurm = std::getenv("SLURM_JOB_ID");
  return slurm == nullptr ? "" : slurm;
}

/// A process that was killed and that nobody has waited for yet.
bool is_zombie(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  std::getline(file, stat);
  const auto name_end = stat.rfind(')');
  return name_end != std::string::npos && name_end + 2 < stat.size() && stat[name_end + 2] == 'Z';
}

/// Why the lock may be taken over, or empty when its owner seems to be alive.
std::string stale_reason(const fs::path& path, const Json& owner) {
  std::error_code error;
  const auto touched = fs::last_write_time(path, error);
  if (error) return "it is gone";
  if (owner.value("host", "") == host_name()) {
    const auto pid = owner.value("pid", 0);
    if (pid <= 0 || (::kill(pid, 0) != 0 && errno == ESRCH) || is_zombie(pid)) return "its process is gone";
    if (pid == ::getpid()) return "its process number is ours";
  }
  if (fs::file_time_type::clock::now() - touched > kStaleAfter) return "it has not been touched for two minutes";
  return {};
}

fs::path record_path(const Workspace& workspace, const std::string& stage) {
  return workspace.stages() / (stage + ".json");
}

StageRecord parse_record(const fs::path& path) {
  const Json json = parse_json(read_file(path), path.string());
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

struct WorkspaceLock::Impl {
  fs::path path;
  std::mutex mutex;
  std::condition_variable wake;
  bool stop = false;
  std::thread toucher;

  void touch_until_stopped() {
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, kTouchEvery, [&] { return stop; })) {
      std::error_code ignored;
      fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
    }
  }
};

WorkspaceLock::WorkspaceLock(const Workspace& workspace) : impl_(std::make_unique<Impl>()) {
  impl_->path = workspace.root() / "lock";
  const std::string mine =
      dump_json(Json{{"host", host_name()}, {"pid", ::getpid()}, {"slurm_job", job_name()}}) + "\n";
  const FileDescriptor fd(::open(impl_->path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (fd) {
    write_all(fd.get(), mine, impl_->path.string());
  } else if (errno == EEXIST) {
    Json owner = Json::object();
    try {
      owner = parse_json(read_file(impl_->path), impl_->path.string());
    } catch (const DataError&) {  // torn by a kill: nobody can be named, so only its age counts
    }
    const std::string reason = stale_reason(impl_->path, owner);
    if (reason.empty()) {
      throw EnvironmentError(
          format("{}: in use by process {} on host {}{}; wait for it, or remove {} if you are sure that it is gone",
                 workspace.root().string(), owner.value("pid", 0), owner.value("host", "unknown"),
                 owner.value("slurm_job", "").empty() ? "" : ", Slurm job " + owner.value("slurm_job", ""),
                 impl_->path.string()));
    }
    log::warn("taking over the lock of process {} on {}: {}", owner.value("pid", 0), owner.value("host", "unknown"),
              reason);
    write_file_atomically(impl_->path, mine);
  } else {
    throw EnvironmentError(impl_->path.string() + ": cannot be created: " + errno_text(errno));
  }
  impl_->toucher = std::thread([this] { impl_->touch_until_stopped(); });
}

WorkspaceLock::~WorkspaceLock() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wake.notify_all();
  impl_->toucher.join();
  std::error_code ignored;
  fs::remove(impl_->path, ignored);
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
  const fs::path path = record_path(workspace, expected.stage);
  if (!fs::exists(path)) return StageState::missing;
  const StageRecord found = parse_record(path);
  std::string changes;
  for (const auto& [name, value] : expected.settings) {
    const auto before = found.settings.find(name);
    const std::string old = before == found.settings.end() ? "(not set)" : before->second;
    if (old != value) changes += format("\n  {} was '{}' and is now '{}'", name, old, value);
  }
  if (!changes.empty()) {
    const std::string way_out =
        expected.stage == "ingest"
            ? "use another --workspace"
            : "run with --redo " + expected.stage + " (answers in the journal are kept), or use another --workspace";
    throw UsageError(format("{}: stage {} was made with other settings:{}\ngo back to the old values, {}",
                            workspace.root().string(), expected.stage, changes, way_out));
  }
  return found.inputs == expected.inputs ? StageState::complete : StageState::inputs_changed;
}

StageRecord read_stage_record(const Workspace& workspace, const std::string& stage) {
  const fs::path path = record_path(workspace, stage);
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
  write_file_atomically(record_path(workspace, record.stage), json.dump(2) + "\n");
}

void redo_from(const Workspace& workspace, const std::string& stage) {
  const auto first = std::find(kStages.begin(), kStages.end(), stage);
  if (first == kStages.end()) throw UsageError("job.redo = " + stage + ": no such stage");
  // Records go first: a stage without its record is incomplete, whatever else is left of it.
  for (auto s = kStages.end(); s != first;) fs::remove(record_path(workspace, *--s));
  const auto reaches = [&](const char* s) {
    return std::find(first, kStages.end(), std::string_view(s)) != kStages.end();
  };
  if (reaches("embed")) {
    fs::remove_all(workspace.encoder());
    fs::remove_all(workspace.embeddings());
  }
  if (reaches("cluster")) {
    fs::remove(workspace.clusters());
    fs::remove_all(workspace.assignment());
    fs::remove_all(workspace.by_cluster());
  }
  if (reaches("extract")) fs::remove(workspace.rounds());
}

}  // namespace equal::job
