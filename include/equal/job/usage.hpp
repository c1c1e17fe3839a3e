// What each rank used in each stage: usage.json of the workspace. It says where the time of a stage goes, and equal
// plan is checked against it.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "equal/base/usage.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/job/workspace.hpp"

namespace equal::job {

/// Of one rank in one stage. Wall time is compute + queue + wait + other, where other is reading and writing that had
/// to wait for the disk, and for threads of the pool.
struct RankUsage {
  double seconds = 0;          ///< wall
  double cpu_seconds = 0;      ///< all threads, without what waiting took
  double compute_seconds = 0;  ///< of the main thread, without what waiting took
  double queue_seconds = 0;    ///< the main thread was ready and had no core: the machine had other work
  double wait_seconds = 0;     ///< for other ranks and the network
  double other_seconds = 0;
  std::uint64_t read_bytes = 0, written_bytes = 0;  ///< through system calls
  std::uint64_t message_bytes = 0;                  ///< of collectives and received messages
  std::uint64_t peak_rss_bytes = 0;                 ///< within the stage
};

/// A part of a stage, such as the fit of cluster.
struct PartUsage {
  std::string name;
  double seconds = 0, cpu_seconds = 0, wait_seconds = 0;  ///< as in RankUsage
};

class StageMeter {
 public:
  /// Local. Begins to measure.
  StageMeter(const comm::Communicator& comm, const Workspace& workspace, std::string stage);
  void end_part(
      std::string name);   ///< Local. What was used since the beginning, or the last part's end, was this part.
  RankUsage used() const;  ///< Local. Since the beginning.
  /// Collective. What every rank used, in rank order, with the parts: on rank 0, empty elsewhere.
  std::vector<std::pair<RankUsage, std::vector<PartUsage>>> all_ranks(comm::Communicator& comm) const;
  /// Collective. When the stage's record was written since the beginning: puts what all ranks used into usage.json, in
  /// place of what was there of this stage. A stage that was complete leaves what is there.
  void record_if_run(comm::Communicator& comm) const;

 private:
  std::string record_text() const;
  const comm::Communicator& comm_;
  Workspace workspace_;
  std::string stage_, record_before_;  ///< the text is rank 0's
  std::chrono::steady_clock::time_point start_;
  ProcessUsage before_;
  comm::Waits waits_;
  RankUsage at_part_;  ///< used() when the last part ended
  std::vector<PartUsage> parts_;
};

}  // namespace equal::job
