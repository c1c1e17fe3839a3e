#include "equal/comm/communicator.hpp"

#include <chrono>

#include "equal/base/bytes.hpp"
#include "equal/base/host.hpp"
#include "equal/base/log.hpp"

#include "agreed_error.hpp"
#include "crash_report.hpp"
#include "wait.hpp"

namespace equal::comm {

void Communicator::enter_stage(std::string stage) {
  {
    const std::lock_guard lock(stage_lock_);
    stage_ = std::move(stage);
  }
  report_crashes_as(where());
}

std::string Communicator::stage() const {
  const std::lock_guard lock(stage_lock_);
  return stage_;
}

std::string Communicator::where() const {
  const std::string now = stage();
  return format("rank {} on host {}, stage {}", rank(), host_name(), now.empty() ? "start" : now);
}

std::optional<Message> Communicator::receive_within(double seconds) {
  const double end = now() + seconds;
  if (auto message = try_receive()) return message;
  PoliteWait wait(waits_);
  while (true) {
    if (auto message = try_receive()) return message;
    if (now() >= end) return std::nullopt;
    wait.pause();
  }
}

double Communicator::now() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string broadcast_string(Communicator& comm, std::string text, int root) {
  text.resize(broadcast(comm, static_cast<std::uint64_t>(text.size()), root));
  comm.broadcast_bytes(std::as_writable_bytes(std::span<char>(text)), root);
  return text;
}

void agree(Communicator& comm, const std::function<void()>& f) {
  ByteWriter failure;  // family, message, where
  try {
    f();
  } catch (const Error& e) {
    failure.put(e.family()).put_string(e.what()).put_string(comm.where());
  } catch (const std::exception& e) {
    failure.put(Family::internal).put_string(e.what()).put_string(comm.where());
  }
  const auto failures = comm.all_gather(failure.take());
  for (int rank = 0; rank < comm.size(); ++rank) {
    const std::string& bytes = failures[static_cast<std::size_t>(rank)];
    if (bytes.empty()) continue;
    ByteReader reader(bytes);
    const auto family = reader.get<Family>();
    const std::string message(reader.get_string());
    if (rank == comm.rank()) throw AgreedError(family, message, true);
    throw AgreedError(family, format("{} failed: {}", reader.get_string(), message), false);
  }
}

}  // namespace equal::comm
