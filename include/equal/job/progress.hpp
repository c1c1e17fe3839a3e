// Progress of a stage with rate and time to go: one line that is rewritten on a terminal, a line now and then in a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "equal/comm/communicator.hpp"

namespace equal::job {

/// Local; prints to standard error.
class ProgressLine {
 public:
  /// total == 0: unknown.
  ProgressLine(std::string stage, std::string unit, std::uint64_t total);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  /// Rates count from now: `done` units were there before.
  void start_from(std::uint64_t done);
  void set_total(std::uint64_t total) noexcept { total_ = total; }
  /// Units done so far; what `note` returns is shown behind the figures (it is only called when the line is shown).
  void show(std::uint64_t done, const std::function<std::string()>& note = {});
  double seconds() const;

 private:
  std::string stage_, unit_;
  std::uint64_t total_, before_ = 0;
  bool terminal_, shown_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

/// Collective. Runs `work` on the worker ranks; each reports units done through its argument while rank 0 shows the
/// sum. An exception on any rank is thrown on all (comm::agree).
void run_with_progress(comm::Communicator& comm, const std::string& stage, const std::string& unit, std::uint64_t total,
                       const std::function<void(const std::function<void(std::uint64_t)>& report)>& work);

}  // namespace equal::job
