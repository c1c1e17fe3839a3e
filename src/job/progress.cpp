#include "equal/job/progress.hpp"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/job/stop.hpp"

namespace equal::job {
namespace {
constexpr int kProgressTag = 20, kDoneTag = 21, kStopTag = 22;
constexpr double kTerminalEvery = 0.2, kLogEvery = 10.0;  // seconds
[[noreturn]] void stop_here(const std::string& stage) {
  throw Error(Family::checkpointed,
              stage + ": stopped on request; what is finished is kept, and the same command line goes on");
}

/// Rank 0: shows what the workers report until all are done, and passes a request to stop on to them.
void watch(comm::Communicator& comm, const std::string& stage, const std::string& unit, std::uint64_t total) {
  ProgressLine line(stage, unit, total);
  std::uint64_t done = 0;
  bool stopping = false;
  for (int working = comm.workers(); working > 0;) {
    const auto message = comm.receive_within(0.5);
    if (message && message->tag == kDoneTag) --working;
    if (message && message->tag == kProgressTag) done += ByteReader(message->bytes).get<std::uint64_t>();
    line.show(done);
    if (stopping || working == 0 || !stop_requested()) continue;
    stopping = true;
    for (int w = 0; w < comm.workers(); ++w) comm.send(comm.worker_rank(w), kStopTag, {});
  }
}

/// A worker: reports, and ends where it learns that rank 0 wants to stop.
void work_and_report(comm::Communicator& comm, const std::string& stage,
                     const std::function<void(const std::function<void(std::uint64_t)>&)>& work) {
  struct SayDone {
    comm::Communicator& comm;
    ~SayDone() { comm.send(0, kDoneTag, {}); }
  };
  const SayDone say_done{comm};
  work([&](std::uint64_t n) {
    comm.send(0, kProgressTag, ByteWriter().put(n).take());
    if (comm.try_receive()) stop_here(stage);  // rank 0 sends nothing else here
  });
}

}  // namespace

ProgressLine::ProgressLine(std::string stage, std::string unit, std::uint64_t total)
    : stage_(std::move(stage)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

ProgressLine::~ProgressLine() {
  if (shown_ && terminal_) std::fputs("\r\033[K", stderr);
}

double ProgressLine::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void ProgressLine::start_from(std::uint64_t done) {
  before_ = done;
  start_ = std::chrono::steady_clock::now();
}

void ProgressLine::show(std::uint64_t done, const std::function<std::string()>& note) {
  const auto now = std::chrono::steady_clock::now();
  if (std::chrono::duration<double>(now - last_).count() < (terminal_ ? kTerminalEvery : kLogEvery)) return;
  last_ = now;
  shown_ = true;
  const double rate = static_cast<double>(done - std::min(done, before_)) / std::max(seconds(), 1e-9);
  std::string text = format("{}: {}", stage_, human_count(static_cast<double>(done)));
  if (total_ > 0)
    text += format(" of {} {} ({:.0f} %)", human_count(static_cast<double>(total_)), unit_,
                   100.0 * static_cast<double>(done) / static_cast<double>(total_));
  else
    text += " " + unit_;
  text += rate < 10 ? format(", {:.2f}/s", rate) : format(", {}/s", human_count(rate));
  if (total_ > done && rate > 0) text += ", " + human_seconds(static_cast<double>(total_ - done) / rate) + " to go";
  if (note) text += ", " + note();
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    std::fflush(stderr);
  } else {
    log::info("{}", text);
  }
}

void run_with_progress(comm::Communicator& comm, const std::string& stage, const std::string& unit, std::uint64_t total,
                       const std::function<void(const std::function<void(std::uint64_t)>&)>& work) {
  comm::agree(comm, [&] {
    if (comm.size() == 1) {
      ProgressLine line(stage, unit, total);
      std::uint64_t done = 0;
      work([&](std::uint64_t n) {
        line.show(done += n);
        if (stop_requested()) stop_here(stage);
      });
    } else if (comm.is_root()) {
      watch(comm, stage, unit, total);
    } else {
      work_and_report(comm, stage, work);
    }
  });
  // A stop that a worker had no more occasion to read must not meet the next stage.
  comm.barrier();
  while (comm.try_receive()) {
  }
  comm.barrier();
}

}  // namespace equal::job
