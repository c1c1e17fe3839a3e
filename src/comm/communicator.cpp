#include "equal/comm/communicator.hpp"

#include <chrono>

#include "equal/base/bytes.hpp"

#include "agreed_error.hpp"
#include "wait.hpp"

namespace equal::comm {

std::optional<Message> Communicator::receive_within(double seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  PoliteWait wait;
  while (true) {
    if (auto message = try_receive()) return message;
    if (std::chrono::steady_clock::now() >= end) return std::nullopt;
    wait.pause();
  }
}

std::string broadcast_string(Communicator& comm, std::string text, int root) {
  text.resize(broadcast(comm, static_cast<std::uint64_t>(text.size()), root));
  comm.broadcast_bytes(std::as_writable_bytes(std::span<char>(text)), root);
  return text;
}

void agree(Communicator& comm, const std::function<void()>& f) {
  ByteWriter failure;
  try {
    f();
  } catch (const Error& e) {
    failure.put(e.family()).put_string(e.what());
  } catch (const std::exception& e) {
    failure.put(Family::internal).put_string(e.what());
  }
  const auto failures = comm.all_gather(failure.take());
  for (int rank = 0; rank < comm.size(); ++rank) {
    const std::string& bytes = failures[static_cast<std::size_t>(rank)];
    if (bytes.empty()) continue;
    ByteReader reader(bytes);
    const auto family = reader.get<Family>();
    const std::string message(reader.get_string());
    if (rank == comm.rank()) throw AgreedError(family, message, true);
    throw AgreedError(family, "rank " + std::to_string(rank) + " failed: " + message, false);
  }
}

}  // namespace equal::comm
