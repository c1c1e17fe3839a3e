#include "equal/job/workspace.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/host.hpp"
#include "equal/base/log.hpp"
#include "equal/settings/parameters.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr std::array kStages = {"ingest", "embed", "cluster", "warmup", "extract", "export"};
constexpr std::array kOfGeneration = {"embed", "cluster"};  // these are run for each encoder

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Who holds a lock, as its file says.
struct Owner {
  std::string host, slurm_job, slurm_restarts, token;
  int pid = 0;
};

Owner this_process() {
  return {host_name(), environment("SLURM_JOB_ID"), environment("SLURM_RESTART_COUNT"),
          format("{}-{}", ::getpid(), std::chrono::system_clock::now().time_since_epoch().count()), ::getpid()};
}

std::string to_text(const Owner& o) {
  return seal_json({{"host", o.host},
                    {"pid", o.pid},
                    {"slurm_job", o.slurm_job},
                    {"slurm_restarts", o.slurm_restarts},
                    {"token", o.token}},
                   -1);
}

/// A lock that was torn by a kill, or damaged, names nobody.
Owner read_owner(const fs::path& path) {
  try {
    const Json json = unseal_json(read_file(path), path.string());
    return {json.at("host").get<std::string>(), json.at("slurm_job").get<std::string>(),
            json.at("slurm_restarts").get<std::string>(), json.at("token").get<std::string>(),
            json.at("pid").get<int>()};
  } catch (const DataError&) {
  } catch (const nlohmann::json::exception&) {
  }
  return {};
}

/// Why the lock may be taken over, or empty when its owner seems to be alive.
std::string stale_reason(const Owner& owner, const Owner& me) {
  if (owner.host == me.host) {
    if (!process_runs(owner.pid)) return "its process is gone";
    if (owner.pid == me.pid) return "its process number is ours";
  }
  // Slurm starts a job again only when its earlier run is over.
  if (!me.slurm_job.empty() && owner.slurm_job == me.slurm_job && owner.slurm_restarts != me.slurm_restarts)
    return "it is of an earlier run of this Slurm job";
  return {};
}

/// Why the lock may be taken over, or empty when its owner is alive. An owner on another host is watched until the lock
/// is touched again or has become too old; clocks of other machines do not enter.
std::string watch_until_stale(const fs::path& path, const Owner& owner, const Owner& me, double stale_seconds) {
  if (auto reason = stale_reason(owner, me); !reason.empty()) return reason;
  if (owner.host == me.host) return {};
  std::error_code error;
  const auto first_seen = fs::last_write_time(path, error);
  if (error) return "it is gone";
  log::info("{}: held by process {} on host {}{}; watching for up to {} s whether it is alive", path.string(),
            owner.pid, owner.host.empty() ? "unknown" : owner.host,
            owner.slurm_job.empty() ? "" : ", Slurm job " + owner.slurm_job, stale_seconds);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(stale_seconds);
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const auto touched = fs::last_write_time(path, error);
    if (error) return "it is gone";
    if (touched != first_seen) return {};
  }
  return format("it has not been touched for {} s", stale_seconds);
}

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

struct WorkspaceLock::Impl {
  fs::path path;
  Owner me;
  std::chrono::duration<double> touch_every{};
  std::mutex mutex;
  std::condition_variable wake;
  bool stop = false;
  std::thread toucher;

  void touch_until_stopped() {
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, touch_every, [&] { return stop; })) {
      std::error_code ignored;
      if (const Owner now = read_owner(path); !now.token.empty() && now.token != me.token) {
        // This process was paused for so long that another run took over: two must not write.
        log::error("{}: process {} on host {} has taken over this workspace; ending", path.string(), now.pid, now.host);
        std::_Exit(static_cast<int>(Family::environment));
      }
      fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
    }
  }
};

WorkspaceLock::WorkspaceLock(const Workspace& workspace, LockTimes times) : impl_(std::make_unique<Impl>()) {
  impl_->path = workspace.lock();
  impl_->me = this_process();
  impl_->touch_every = std::chrono::duration<double>(times.touch_seconds);
  const std::string mine = to_text(impl_->me);
  const FileDescriptor fd(::open(impl_->path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (fd) {
    write_all(fd.get(), mine, impl_->path.string());
  } else if (errno == EEXIST) {
    const Owner owner = read_owner(impl_->path);
    const std::string reason = watch_until_stale(impl_->path, owner, impl_->me, times.stale_seconds);
    if (reason.empty()) {
      throw EnvironmentError(
          format("{}: in use by process {} on host {}{}; wait for it, or remove {} if you are sure that it is gone",
                 workspace.root().string(), owner.pid, owner.host,
                 owner.slurm_job.empty() ? "" : ", Slurm job " + owner.slurm_job, impl_->path.string()));
    }
    log::warn("taking over the lock of process {} on {}: {}", owner.pid, owner.host.empty() ? "unknown" : owner.host,
              reason);
    write_file_atomically(impl_->path, mine);
    // Of several that take over at once the last one stays.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (read_owner(impl_->path).token != impl_->me.token)
      throw EnvironmentError(workspace.root().string() +
                             ": another run has taken it over at the same moment; wait for it");
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
