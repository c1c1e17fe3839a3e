#include "equal/comm/exchange.hpp"

#include <utility>

#include "equal/base/error.hpp"

namespace equal::comm {
namespace {

enum Tag : int { kPart = 101, kEnd = 102 };

}  // namespace

Exchange::Exchange(Communicator& comm, std::size_t part_bytes)
    : comm_(comm),
      part_bytes_(part_bytes),
      whole_(static_cast<std::size_t>(comm.size())),
      begun_(static_cast<std::size_t>(comm.size())) {}

std::vector<std::string> Exchange::round(std::vector<Outgoing> messages, const std::vector<int>& sources) {
  for (Outgoing& message : messages) {
    std::size_t first = 0;
    for (; message.bytes.size() - first > part_bytes_; first += part_bytes_) {
      comm_.send(message.to, kPart, message.bytes.substr(first, part_bytes_));
    }
    comm_.send(message.to, kEnd, first == 0 ? std::move(message.bytes) : message.bytes.substr(first));
  }
  std::vector<std::string> out;
  for (const int source : sources) {
    auto& queue = whole_[static_cast<std::size_t>(source)];
    while (queue.empty()) {
      if (auto message = comm_.receive_within(1.0)) take(std::move(*message));
    }
    out.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return out;
}

void Exchange::take(Message message) {
  const auto source = static_cast<std::size_t>(message.source);
  if (message.tag != kPart && message.tag != kEnd) {
    throw InternalError("rank " + std::to_string(message.source) + " sent a message with tag " +
                        std::to_string(message.tag) + " amidst an exchange");
  }
  std::string& begun = begun_[source];
  begun.empty() ? begun = std::move(message.bytes) : begun += message.bytes;
  if (message.tag == kEnd) whole_[source].push_back(std::exchange(begun, {}));
}

}  // namespace equal::comm
