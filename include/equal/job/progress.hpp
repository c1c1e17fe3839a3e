// Progress of a stage with rate and time to go: one line that is rewritten on a terminal, a line now and then in a log,
// and status.json for those who look from outside.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "equal/base/json.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/job/job.hpp"

namespace equal::job {

/// Local, rank 0; prints to standard error and keeps status.json: stage, unit, done, total, rate (units a second over
/// the last minute or so), eta_seconds, updated (seconds since 1970), and whatever details the stage adds.
class ProgressLine {
 public:
  /// total == 0: unknown.
  ProgressLine(const Workspace& workspace, std::string stage, std::string unit, std::uint64_t total);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  /// Rates count from now: `done` units were there before.
  void start_from(std::uint64_t done);
  void set_total(std::uint64_t total) noexcept { total_ = total; }
  /// Units done so far; what `note` returns is shown behind the figures, what `details` returns makes more members of
  /// status.json. Both are only called when they are needed.
  void show(std::uint64_t done, const std::function<std::string()>& note = {},
            const std::function<Json()>& details = {});
  /// Writes status.json now.
  void write_status(std::uint64_t done, const Json& details = Json::object());
  double seconds() const;

 private:
  double rate(std::uint64_t done);
  std::filesystem::path status_;
  std::string stage_, unit_;
  std::uint64_t total_;
  bool terminal_, shown_ = false;
  std::chrono::steady_clock::time_point start_, last_, last_status_;
  std::deque<std::pair<std::chrono::steady_clock::time_point, std::uint64_t>> seen_;  ///< of the last minute
};

struct WorkItem {
  std::size_t number = 0;
  std::size_t group = 0;
  bool closes = false;  ///< begun only when all others of its group are done
};

/// Collective. Runs work(number, report) once for each of `items` (equal on all ranks), in that order, each on the
/// worker that is free first: work follows speed. Workers report units done while rank 0 shows the sum. An exception on
/// any rank is thrown on all (comm::agree).
void share_work(Job& job, const std::string& stage, const std::string& unit, std::uint64_t total,
                const std::vector<WorkItem>& items,
                const std::function<void(std::size_t number, const std::function<void(std::uint64_t)>& report)>& work);

}  // namespace equal::job
