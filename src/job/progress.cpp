#include "equal/job/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "equal/base/bytes.hpp"
#include "equal/base/log.hpp"

namespace equal::job {
namespace {
constexpr int kProgressTag = 20, kDoneTag = 21;
constexpr double kTerminalEvery = 0.2, kLogEvery = 10.0;  // seconds
}  // namespace

ProgressLine::ProgressLine(std::string stage, std::string unit, std::uint64_t total)
    : stage_(std::move(stage)), unit_(std::move(unit)), total_(total), terminal_(::isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()), last_(start_) {}

ProgressLine::~ProgressLine() {
  if (shown_ && terminal_) std::fputs("\r\033[K", stderr);
}

double ProgressLine::seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

void ProgressLine::show(std::uint64_t done, const std::string& note) {
  const auto now = std::chrono::steady_clock::now();
  if (std::chrono::duration<double>(now - last_).count() < (terminal_ ? kTerminalEvery : kLogEvery)) return;
  last_ = now;
  shown_ = true;
  const double rate = static_cast<double>(done) / std::max(seconds(), 1e-9);
  std::string text = format("{}: {}", stage_, human_count(static_cast<double>(done)));
  if (total_ > 0) text += format(" of {} {} ({:.0f} %)", human_count(static_cast<double>(total_)), unit_, 100.0 * static_cast<double>(done) / static_cast<double>(total_));
  else text += " " + unit_;
  text += format(", {}/s", human_count(rate));
  if (total_ > done && rate > 0) text += ", " + human_seconds(static_cast<double>(total_ - done) / rate) + " to go";
  if (!note.empty()) text += ", " + note;
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
      work([&](std::uint64_t n) { line.show(done += n); });
    } else if (comm.is_root()) {
      ProgressLine line(stage, unit, total);
      std::uint64_t done = 0;
      for (int working = comm.workers(); working > 0;) {
        const auto message = comm.receive_within(1.0);
        if (!message) {
          line.show(done);
        } else if (message->tag == kDoneTag) {
          --working;
        } else {
          line.show(done += ByteReader(message->bytes).get<std::uint64_t>());
        }
      }
    } else {
      struct SayDone {
        comm::Communicator& comm;
        ~SayDone() { comm.send(0, kDoneTag, {}); }
      } const say_done{comm};
      work([&](std::uint64_t n) { comm.send(0, kProgressTag, ByteWriter().put(n).take()); });
    }
  });
}

}  // namespace equal::job
