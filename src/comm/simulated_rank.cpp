#include "simulated_rank.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "simulated_world.hpp"

namespace equal::comm {
namespace {

class Rank final : public SimulatedRank {
 public:
  Rank(SimulatedWorld& world, int rank) : world_(world), rank_(rank) {}
  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return world_.size(); }
  double now() const override { return world_.now(rank_); }
  void wait_until(double time) override { world_.wait_until(rank_, time); }
  RankUsage usage() const override { return world_.usage(rank_); }

  void barrier() override {
    world_.collective(rank_, {"barrier", 0, 0, nullptr}, [&](const auto&) { return world_.tree_seconds(0, 1); });
  }

  void broadcast_bytes(std::span<std::byte> buffer, int root) override {
    world_.collective(rank_, {"broadcast_bytes", buffer.size(), root, buffer.data()}, [&](const auto& data) {
      const void* from = data[static_cast<std::size_t>(root)];
      for (void* to : data) {
        if (to != from && !buffer.empty()) std::memcpy(to, from, buffer.size());
      }
      return world_.tree_seconds(static_cast<double>(buffer.size()), 1);
    });
  }

  void sum(std::span<std::int64_t> v) override { reduce("sum of int64", v, std::plus<>()); }
  void sum(std::span<std::uint64_t> v) override { reduce("sum of uint64", v, std::plus<>()); }
  void sum(std::span<double> v) override { reduce("sum of double", v, std::plus<>()); }
  void sum(std::span<float> v) override { reduce("sum of float", v, std::plus<>()); }
  void max(std::span<std::uint64_t> v) override {
    reduce("max", v, [](std::uint64_t a, std::uint64_t b) { return std::max(a, b); });
  }
  void min(std::span<std::uint64_t> v) override {
    reduce("min", v, [](std::uint64_t a, std::uint64_t b) { return std::min(a, b); });
  }

  std::vector<std::string> all_gather(std::string_view bytes) override { return gather_to("all_gather", bytes, -1); }
  std::vector<std::string> gather(std::string_view bytes, int root) override {
    return gather_to("gather", bytes, root);
  }

  std::vector<std::string> all_to_all(std::vector<std::string> to_each) override {
    const auto n = static_cast<std::size_t>(size());
    if (to_each.size() != n) throw InternalError("all_to_all needs one buffer for each rank");
    world_.collective(rank_, {"all_to_all", 0, 0, &to_each}, [&](const auto& data) {
      const auto row = [&](std::size_t r) -> std::vector<std::string>& {
        return *static_cast<std::vector<std::string>*>(data[r]);
      };
      std::size_t most = 0;  // bytes that leave one rank
      for (std::size_t a = 0; a < n; ++a) {
        most = std::max(most, std::accumulate(row(a).begin(), row(a).end(), std::size_t{0},
                                              [](std::size_t sum, const std::string& s) { return sum + s.size(); }));
      }
      for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < a; ++b) std::swap(row(a)[b], row(b)[a]);
      }
      return world_.tree_seconds(static_cast<double>(most), 1);
    });
    return to_each;
  }

  void send(int destination, int tag, std::string bytes) override {
    world_.send(rank_, destination, tag, std::move(bytes));
  }
  std::optional<Message> try_receive() override { return world_.try_receive(rank_); }
  std::optional<Message> receive_within(double seconds) override { return world_.receive_within(rank_, seconds); }

  [[noreturn]] void abort(int exit_code, const std::string& reason) noexcept override {
    log::error("{}", reason);
    std::_Exit(exit_code);
  }
  std::string description() const override { return format("simulation, {} ranks in one process", size()); }

 private:
  struct Gathered {
    std::string_view mine;
    std::vector<std::string> all;
  };

  /// Additions in rank order.
  template <class T, class F>
  void reduce(const char* name, std::span<T> values, F&& f) {
    world_.collective(rank_, {name, values.size_bytes(), 0, values.data()}, [&](const auto& data) {
      std::vector<T> out(values.size());
      for (std::size_t r = 0; r < data.size(); ++r) {
        const T* from = static_cast<const T*>(data[r]);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = r == 0 ? from[i] : f(out[i], from[i]);
      }
      for (void* to : data) {
        if (!out.empty()) std::memcpy(to, out.data(), values.size_bytes());
      }
      return world_.tree_seconds(static_cast<double>(values.size_bytes()), 2);
    });
  }

  /// root -1: all ranks get everything.
  std::vector<std::string> gather_to(const char* name, std::string_view bytes, int root) {
    Gathered part{bytes, {}};
    world_.collective(rank_, {name, 0, root, &part}, [&](const auto& data) {
      double all = 0;
      for (const void* from : data) all += static_cast<double>(static_cast<const Gathered*>(from)->mine.size());
      for (std::size_t r = 0; r < data.size(); ++r) {
        if (root >= 0 && r != static_cast<std::size_t>(root)) continue;
        for (const void* from : data)
          static_cast<Gathered*>(data[r])->all.emplace_back(static_cast<const Gathered*>(from)->mine);
      }
      return world_.tree_seconds(all, 1);
    });
    return std::move(part.all);
  }

  SimulatedWorld& world_;
  int rank_;
};

}  // namespace

std::unique_ptr<SimulatedRank> make_simulated_rank(SimulatedWorld& world, int rank) {
  return std::make_unique<Rank>(world, rank);
}

}  // namespace equal::comm
