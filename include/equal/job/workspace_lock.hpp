// Who owns a workspace.
#pragma once

#include <memory>

#include "equal/job/workspace.hpp"

namespace equal::job {

/// One run owns a workspace: the lock names job, host and process and is touched every 5 s. A lock whose process is
/// gone (same host), that is of an earlier run of the same Slurm job, or that is not touched for 60 s of watching is
/// taken over with a warning. A process that finds its lock taken over (it was suspended) ends at once.
struct LockTimes {
  double touch_seconds = 5;   ///< how often a lock is touched
  double stale_seconds = 60;  ///< how long one is watched untouched before it is taken over
};

class WorkspaceLock {
 public:
  /// Throws EnvironmentError naming the owner when the workspace is in use. May wait 60 s to find out.
  explicit WorkspaceLock(const Workspace& workspace, LockTimes times = {});
  ~WorkspaceLock();
  WorkspaceLock(const WorkspaceLock&) = delete;
  WorkspaceLock& operator=(const WorkspaceLock&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace equal::job
