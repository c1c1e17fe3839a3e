#include <cstdlib>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/comm/communicator.hpp"

namespace equal::comm {
namespace {

class SingleCommunicator final : public Communicator {
 public:
  int rank() const noexcept override { return 0; }
  int size() const noexcept override { return 1; }
  void barrier() override {}
  void broadcast_bytes(std::span<std::byte>, int) override {}
  void sum(std::span<std::int64_t>) override {}
  void sum(std::span<std::uint64_t>) override {}
  void sum(std::span<double>) override {}
  void sum(std::span<float>) override {}
  void max(std::span<std::uint64_t>) override {}
  void min(std::span<std::uint64_t>) override {}
  std::vector<std::string> all_gather(std::string_view bytes) override { return {std::string(bytes)}; }
  std::vector<std::string> gather(std::string_view bytes, int) override { return {std::string(bytes)}; }
  std::vector<std::string> all_to_all(std::vector<std::string> to_each) override { return to_each; }
  void send(int destination, int, std::string) override {
    throw InternalError("a process that is alone sent a message to rank " + std::to_string(destination));
  }
  std::optional<Message> try_receive() override { return std::nullopt; }
  [[noreturn]] void abort(int exit_code, const std::string& reason) noexcept override {
    log::error("{}", reason);
    std::_Exit(exit_code);
  }
  std::string description() const override { return "one process, no MPI"; }
};

}  // namespace

std::unique_ptr<Communicator> make_single() { return std::make_unique<SingleCommunicator>(); }

}  // namespace equal::comm
