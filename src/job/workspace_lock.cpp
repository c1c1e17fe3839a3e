#include "equal/job/workspace_lock.hpp"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/host.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

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

}  // namespace

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

}  // namespace equal::job
