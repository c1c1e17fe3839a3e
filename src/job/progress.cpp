#include "equal/job/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include <unistd.h>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/job/stop.hpp"

#include "dealer.hpp"

namespace equal::job {
namespace {

constexpr int kProgressTag = 20, kDoneTag = 21, kStopTag = 22, kWantTag = 23, kItemTag = 24;
constexpr double kTerminalEvery = 0.2, kLogEvery = 10.0, kStatusEvery = 2.0, kRateOver = 60.0;  // seconds
constexpr std::uint64_t kNoItem = ~std::uint64_t{0};

using Clock = std::chrono::steady_clock;
using Report = std::function<void(std::uint64_t)>;
using Work = std::function<void(std::size_t, const Report&)>;

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

[[noreturn]] void stop_here(const std::string& stage) {
  throw Error(Family::checkpointed,
              stage + ": stopped on request; what is finished is kept, and the same command line goes on");
}

/// Rank 0: hands out items and shows what the workers report until all are done; passes a request to stop on to them.
void watch(comm::Communicator& comm, ProgressLine& line, const std::vector<WorkItem>& items) {
  struct Worker {
    std::optional<std::size_t> item;  ///< index of what it works on
    bool dismissed = false;
  };
  std::map<int, Worker> workers;
  std::deque<int> idle;
  Dealer dealer(items);
  std::uint64_t done = 0;
  bool stopping = false, failed = false;
  for (int working = comm.workers(); working > 0;) {
    const auto message = comm.receive_within(0.5);
    if (message && message->tag == kProgressTag) done += ByteReader(message->bytes).get<std::uint64_t>();
    if (message && message->tag == kDoneTag) {
      --working;
      failed = failed || !workers[message->source].dismissed;  // by an exception: what waits for its item waits in vain
    }
    if (message && message->tag == kWantTag) {
      Worker& worker = workers[message->source];
      if (worker.item) dealer.done(*std::exchange(worker.item, std::nullopt));
      idle.push_back(message->source);
    }
    while (!idle.empty()) {
      const auto item = failed ? std::nullopt : dealer.next();
      if (!item && !failed && !dealer.all_given()) break;
      Worker& worker = workers[idle.front()];
      worker.item = item;
      worker.dismissed = !item;
      comm.send(idle.front(), kItemTag, ByteWriter().put(item ? std::uint64_t{items[*item].number} : kNoItem).take());
      idle.pop_front();
    }
    line.show(done);
    if (stopping || working == 0 || !stop_requested()) continue;
    stopping = true;
    for (int w = 0; w < comm.workers(); ++w) comm.send(comm.worker_rank(w), kStopTag, {});
  }
  line.write_status(done);
}

/// A worker: fetches items one after another, and ends where it learns that rank 0 wants to stop.
void fetch_and_work(comm::Communicator& comm, const std::string& stage, const Work& work) {
  struct SayDone {
    comm::Communicator& comm;
    ~SayDone() { comm.send(0, kDoneTag, {}); }
  };
  const SayDone say_done{comm};
  const Report report = [&](std::uint64_t n) {
    comm.send(0, kProgressTag, ByteWriter().put(n).take());
    if (comm.try_receive()) stop_here(stage);  // while an item is under way rank 0 sends nothing else
  };
  while (true) {
    comm.send(0, kWantTag, {});
    std::optional<comm::Message> message;
    while (!message) message = comm.receive_within(1.0);
    if (message->tag == kStopTag) stop_here(stage);
    const auto item = ByteReader(message->bytes).get<std::uint64_t>();
    if (item == kNoItem) return;
    work(item, report);
  }
}

}  // namespace

ProgressLine::ProgressLine(const Workspace& workspace, std::string stage, std::string unit, std::uint64_t total)
    : status_(workspace.status()),
      stage_(std::move(stage)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_),
      last_status_(start_) {}

ProgressLine::~ProgressLine() {
  if (shown_ && terminal_) std::fputs("\r\033[K", stderr);
}

double ProgressLine::seconds() const { return seconds_since(start_); }

double ProgressLine::rate(std::uint64_t done) {
  seen_.emplace_back(Clock::now(), done);
  while (seen_.size() > 2 && seconds_since(seen_[1].first) > kRateOver) seen_.pop_front();
  const auto& [since, before] = seen_.size() > 1 ? seen_.front() : std::pair(start_, std::uint64_t{0});
  return static_cast<double>(done - std::min(done, before)) / std::max(seconds_since(since), 1e-9);
}

void ProgressLine::start_from(std::uint64_t done) {
  start_ = Clock::now();
  seen_.assign(1, {start_, done});
}

void ProgressLine::write_status(std::uint64_t done, const Json& details) {
  const double pace = rate(done);
  Json json = {
      {"stage", stage_},
      {"unit", unit_},
      {"done", done},
      {"total", total_},
      {"rate", pace},
      {"eta_seconds", total_ > done && pace > 0 ? Json(static_cast<double>(total_ - done) / pace) : Json()},
      {"seconds", seconds()},
      {"updated",
       std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count()}};
  json.update(details);
  write_file_atomically(status_, seal_json(std::move(json), 2));
}

void ProgressLine::show(std::uint64_t done, const std::function<std::string()>& note,
                        const std::function<Json()>& details) {
  if (seconds_since(last_status_) >= kStatusEvery) {
    last_status_ = Clock::now();
    write_status(done, details ? details() : Json::object());
  }
  if (seconds_since(last_) < (terminal_ ? kTerminalEvery : kLogEvery)) return;
  last_ = Clock::now();
  shown_ = true;
  const double pace = rate(done);
  std::string text = format("{}: {}", stage_, human_count(static_cast<double>(done)));
  if (total_ > 0)
    text += format(" of {} {} ({:.0f} %)", human_count(static_cast<double>(total_)), unit_,
                   100.0 * static_cast<double>(done) / static_cast<double>(total_));
  else
    text += " " + unit_;
  text += pace < 10 ? format(", {:.2f}/s", pace) : format(", {}/s", human_count(pace));
  if (total_ > done && pace > 0) text += ", " + human_seconds(static_cast<double>(total_ - done) / pace) + " to go";
  if (note) text += ", " + note();
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    std::fflush(stderr);
  } else {
    log::info("{}", text);
  }
}

void share_work(Job& job, const std::string& stage, const std::string& unit, std::uint64_t total,
                const std::vector<WorkItem>& items, const Work& work) {
  comm::Communicator& comm = job.comm;
  comm::agree(comm, [&] {
    if (comm.size() > 1 && !comm.is_root()) return fetch_and_work(comm, stage, work);
    ProgressLine line(job.workspace, stage, unit, total);
    if (comm.size() > 1) return watch(comm, line, items);
    std::uint64_t done = 0;
    Dealer dealer(items);
    while (const auto i = dealer.next()) {
      work(items[*i].number, [&](std::uint64_t n) {
        line.show(done += n);
        if (stop_requested()) stop_here(stage);
      });
      dealer.done(*i);
    }
    line.write_status(done);
  });
  // A stop that a worker had no more occasion to read must not meet the next stage.
  comm.barrier();
  while (comm.try_receive()) {
  }
  comm.barrier();
}

}  // namespace equal::job
