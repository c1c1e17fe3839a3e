#include "update.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace equal::cluster {
namespace {

/// Components as 32-bit integers where all fit (sums of less than 128 rows always do), else as they are.
void put_sum(ByteWriter& message, std::span<const std::int64_t> sum, std::vector<std::int32_t>& narrow) {
  std::int64_t excess = 0;  // bits that 32 cannot hold
  narrow.resize(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i) {
    narrow[i] = static_cast<std::int32_t>(sum[i]);
    excess |= sum[i] ^ std::int64_t{narrow[i]};
  }
  excess == 0 ? message.put_span(std::span<const std::int32_t>(narrow)) : message.put_span(sum);
}

template <class T>
void add_to(std::span<std::int64_t> sum, std::string_view bytes) {
  for (std::size_t i = 0; i < sum.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    sum[i] += value;
  }
}

void get_sum(ByteReader& message, std::span<std::int64_t> sum) {
  const std::string_view bytes = message.get_string();
  if (bytes.size() == sum.size() * 4) return add_to<std::int32_t>(sum, bytes);
  if (bytes.size() != sum.size() * 8) throw InternalError("a sum of rows has another length than a row");
  add_to<std::int64_t>(sum, bytes);
}

void get_values(ByteReader& message, std::span<float> out) {
  const std::string_view bytes = message.get_string();
  if (bytes.size() != out.size_bytes()) throw InternalError("a centroid has another length than a row");
  std::memcpy(out.data(), bytes.data(), bytes.size());
}

}  // namespace

CentroidUpdate::CentroidUpdate(comm::Communicator& comm, std::uint64_t rows, std::size_t k, std::size_t dim,
                               const std::string& host)
    : comm_(comm), exchange_(comm), dim_(dim), changes_(k, dim), counts_(k) {
  const auto all = comm.all_gather(ByteWriter().put(rows).put_string(host).take());
  std::vector<std::string> hosts;
  for (int rank = 0; rank < comm.size(); ++rank) {
    ByteReader reader(all[static_cast<std::size_t>(rank)]);
    const bool has_rows = reader.get<std::uint64_t>() > 0;
    if (has_rows && rank == comm.rank()) member_ = true;
    if (has_rows && rank != comm.rank()) others_.push_back(rank);
    if (has_rows) hosts.emplace_back(reader.get_string());
    (has_rows ? members_ : outsiders_).push_back(rank);
  }
  if (!member_) return;
  hosts_ = comm::HostGroups(hosts);
  me_ = static_cast<std::size_t>(std::find(members_.begin(), members_.end(), comm.rank()) - members_.begin());
  for (const std::size_t m : hosts_.members(hosts_.host_of(me_))) {
    if (m != me_) neighbours_.push_back(members_[m]);
  }
  std::tie(first_, last_) = slice(me_);
  sums_.resize((last_ - first_) * dim);
}

std::pair<std::size_t, std::size_t> CentroidUpdate::slice(std::size_t member) const {
  const std::size_t k = counts_.size(), n = members_.size();
  return {k * member / n, k * (member + 1) / n};
}

void CentroidUpdate::hand_over(std::exception_ptr failed) {
  if (!member_ && failed) std::rethrow_exception(failed);  // without rows there is nothing to fail at: a defect
  if (!member_) return;
  failure_ = std::move(failed);
  any_failed_ = failure_ != nullptr;
  if (hosts_.useful()) add_up_on_host();
  const std::size_t here = hosts_.host_of(me_);
  std::vector<comm::Exchange::Outgoing> messages;
  for (std::size_t m = 0; m < members_.size(); ++m) {
    if (m == me_ || (hosts_.host_of(m) != here && hosts_.delegate(here, m) != me_)) continue;
    const auto [first, last] = slice(m);
    ByteWriter message;
    message.put(any_failed_);
    take_changes(first, last, message);
    messages.push_back({members_[m], message.take()});
  }
  std::vector<int> sources = neighbours_;
  for (std::size_t host = 0; host < hosts_.hosts(); ++host) {
    if (host != here) sources.push_back(members_[hosts_.delegate(host, me_)]);
  }
  give_changes(std::move(messages), sources);
}

/// What this host's members changed in clusters of other hosts comes together: each member gathers a share of those.
void CentroidUpdate::add_up_on_host() {
  const std::size_t here = hosts_.host_of(me_);
  std::vector<comm::Exchange::Outgoing> messages;
  for (const std::size_t neighbour : hosts_.members(here)) {
    if (neighbour == me_) continue;
    ByteWriter message;
    message.put(any_failed_);
    for (std::size_t m = 0; m < members_.size(); ++m) {
      if (hosts_.host_of(m) == here || hosts_.delegate(here, m) != neighbour) continue;
      const auto [first, last] = slice(m);
      take_changes(first, last, message);
    }
    messages.push_back({members_[neighbour], message.take()});
  }
  give_changes(std::move(messages), neighbours_);
}

void CentroidUpdate::give_changes(std::vector<comm::Exchange::Outgoing> messages, const std::vector<int>& sources) {
  for (const std::string& message : exchange_.round(std::move(messages), sources)) {
    ByteReader reader(message);
    any_failed_ |= reader.get<bool>();
    while (!reader.done()) {
      const auto j = reader.get<std::uint32_t>();
      changes_.add_count(j, reader.get<std::int64_t>());
      get_sum(reader, changes_.sum(j));
    }
  }
}

/// Messages of other hosts' members, to all members of this host; returns those that came through the others.
std::vector<std::string> CentroidUpdate::pass_on_host(const std::vector<std::string>& from_elsewhere) {
  ByteWriter parcel;
  for (const std::string& message : from_elsewhere) parcel.put_string(message);
  const std::string bytes = parcel.take();
  std::vector<comm::Exchange::Outgoing> messages;
  for (const int rank : neighbours_) messages.push_back({rank, bytes});
  std::vector<std::string> out;
  for (const std::string& theirs : exchange_.round(std::move(messages), neighbours_)) {
    ByteReader reader(theirs);
    while (!reader.done()) out.emplace_back(reader.get_string());
  }
  return out;
}

void CentroidUpdate::take_changes(std::size_t first, std::size_t last, ByteWriter& message) {
  std::vector<std::int32_t> narrow;
  for (std::size_t j = first; j < last; ++j) {
    if (!changes_.touched(j)) continue;
    message.put(static_cast<std::uint32_t>(j)).put(changes_.count(j));
    put_sum(message, changes_.sum(j), narrow);
    changes_.clear(j);
  }
}

IterationTotals CentroidUpdate::renew(ThreadPool& pool, const Centroids& current, Centroids& next,
                                      const IterationTotals& mine) {
  IterationTotals totals = mine;
  std::vector<comm::Exchange::Outgoing> messages;
  if (member_ && !any_failed_) {
    next = current;
    totals.objective = divide(pool, current, next);
    for (std::size_t j = first_; j < last_; ++j) totals.empty += counts_[j] == 0;
    ByteWriter renewed;
    renewed.put(false).put(totals);
    for (const std::uint32_t j : renewed_) {
      renewed.put(j).put(counts_[j]).put(next.norm2[j]).put_span(std::span<const float>(next.values.row(j)));
    }
    const std::string bytes = renewed.take();
    for (const int rank : neighbours_) messages.push_back({rank, bytes});
    for (std::size_t host = 0; host < hosts_.hosts(); ++host) {
      if (host != hosts_.host_of(me_)) messages.push_back({members_[hosts_.delegate(host, me_)], bytes});
    }
  }
  for (const int rank : outsiders_) {
    if (member_) messages.push_back({rank, ByteWriter().put(any_failed_).put(totals).take()});
  }
  // Members that know of a failure have no more to say to each other.
  std::vector<int> sources = member_ ? std::vector<int>() : others_;
  if (member_ && !any_failed_) {
    sources = neighbours_;
    for (std::size_t m = 0; m < members_.size(); ++m) {
      if (hosts_.host_of(m) != hosts_.host_of(me_) && hosts_.delegate(hosts_.host_of(me_), m) == me_)
        sources.push_back(members_[m]);
    }
  }
  auto received = exchange_.round(std::move(messages), sources);
  if (member_ && !any_failed_ && hosts_.useful()) {
    const auto elsewhere = received.begin() + static_cast<std::ptrdiff_t>(neighbours_.size());
    for (std::string& message : pass_on_host({elsewhere, received.end()})) received.push_back(std::move(message));
  }
  for (const std::string& message : received) {
    ByteReader reader(message);
    any_failed_ |= reader.get<bool>();
    const auto theirs = reader.get<IterationTotals>();
    totals.moved += theirs.moved;
    totals.norms += theirs.norms;
    totals.objective += theirs.objective;
    totals.empty += theirs.empty;
    while (!reader.done()) {
      const auto j = reader.get<std::uint32_t>();
      counts_[j] = reader.get<std::int64_t>();
      next.norm2[j] = reader.get<double>();
      get_values(reader, next.values.row(j));
    }
  }
  if (any_failed_) {
    comm::agree(comm_, [&] {
      if (failure_) std::rethrow_exception(failure_);
    });
  }
  return totals;
}

void CentroidUpdate::share(Centroids& centroids) {
  if (outsiders_.empty()) return;
  const int root = members_.front();
  comm_.broadcast_bytes(std::as_writable_bytes(centroids.values.values()), root);
  comm_.broadcast_bytes(std::as_writable_bytes(std::span(centroids.norm2)), root);
  comm_.broadcast_bytes(std::as_writable_bytes(std::span(counts_)), root);
}

int128 CentroidUpdate::divide(ThreadPool& pool, const Centroids& current, Centroids& next) {
  constexpr std::size_t kTask = 16;
  const std::size_t own = last_ - first_, tasks = (own + kTask - 1) / kTask;
  std::vector<int128> objective(tasks);
  renewed_.clear();
  for (std::size_t j = first_; j < last_; ++j) {
    if (changes_.touched(j)) renewed_.push_back(static_cast<std::uint32_t>(j));
  }
  pool.run(tasks, [&](std::size_t task, std::size_t) {
    std::vector<float> mean(dim_);
    for (std::size_t j = first_ + task * kTask; j < std::min(last_, first_ + (task + 1) * kTask); ++j) {
      const std::span<std::int64_t> sum(sums_.data() + (j - first_) * dim_, dim_);
      if (changes_.touched(j)) {
        counts_[j] += changes_.count(j);
        const auto change = changes_.sum(j);
        for (std::size_t i = 0; i < dim_; ++i) sum[i] += change[i];
        changes_.clear(j);
        if (counts_[j] > 0) {
          for (std::size_t i = 0; i < dim_; ++i)
            mean[i] = static_cast<float>(rounded_mean(sum[i], counts_[j])) * 0x1p-24F;
          next.set(j, mean);
        }
      }
      if (counts_[j] > 0) {
        objective[task] += objective_without_norms(current.values.row(j), current.norm2[j], sum, counts_[j]);
      }
    }
  });
  int128 total = 0;
  for (const int128 part : objective) total += part;
  return total;
}

}  // namespace equal::cluster
