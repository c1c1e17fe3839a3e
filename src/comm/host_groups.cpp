#include "equal/comm/host_groups.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "equal/base/bytes.hpp"

namespace equal::comm {

HostGroups::HostGroups(Communicator& comm, const std::string& host) {
  std::map<std::string, int> numbers;
  const auto names = comm.all_gather(host);
  for (int rank = 0; rank < comm.size(); ++rank) {
    const auto [at, is_new] = numbers.emplace(names[static_cast<std::size_t>(rank)], hosts());
    if (is_new) members_.emplace_back();
    members_[static_cast<std::size_t>(at->second)].push_back(rank);
    host_of_.push_back(at->second);
  }
}

int HostGroups::delegate(int host, int rank) const {
  if (host_of(rank) == host) return rank;
  const auto& there = members(host);
  return there[static_cast<std::size_t>(rank) % there.size()];
}

std::vector<std::string> HostGroups::all_gather(Communicator& comm, std::string_view bytes) const {
  if (!useful()) return comm.all_gather(bytes);
  const int here = host_of(comm.rank());
  const auto& neighbours = members(here);
  const auto n = static_cast<std::size_t>(comm.size());
  const auto index = [](int rank) { return static_cast<std::size_t>(rank); };
  std::vector<std::string> to_each(n);
  for (int host = 0; host < hosts(); ++host) {
    if (host != here) to_each[index(delegate(host, comm.rank()))] = bytes;
  }
  for (const int neighbour : neighbours) to_each[index(neighbour)] = bytes;
  std::vector<std::string> out = comm.all_to_all(std::move(to_each));

  ByteWriter foreign;  // what came from elsewhere to this rank for all of its host
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (host_of(rank) != here && delegate(here, rank) == comm.rank())
      foreign.put(static_cast<std::uint32_t>(rank)).put_string(out[index(rank)]);
  }
  to_each.assign(n, {});
  const std::string parcel = foreign.take();
  for (const int neighbour : neighbours) {
    if (neighbour != comm.rank()) to_each[index(neighbour)] = parcel;
  }
  const auto parcels = comm.all_to_all(std::move(to_each));
  for (const int neighbour : neighbours) {
    ByteReader reader(parcels[index(neighbour)]);
    while (!reader.done()) {
      const auto rank = reader.get<std::uint32_t>();
      out.at(rank) = reader.get_string();
    }
  }
  return out;
}

void HostGroups::sum(Communicator& comm, std::span<std::int64_t> values, std::size_t chunk_values) const {
  if (comm.size() == 1) return;
  if (values.size() < kSmallTable) return comm.sum(values);
  for (std::size_t first = 0; first < values.size(); first += chunk_values)
    sum_chunk(comm, values.subspan(first, std::min(chunk_values, values.size() - first)));
}

void HostGroups::sum_chunk(Communicator& comm, std::span<std::int64_t> values) const {
  const auto n = static_cast<std::size_t>(comm.size());
  const int here = host_of(comm.rank());
  const auto piece = [&](int owner) {
    const auto w = static_cast<std::size_t>(owner);
    const std::size_t first = values.size() * w / n;
    return values.subspan(first, values.size() * (w + 1) / n - first);
  };
  const auto bytes_of = [](std::span<const std::int64_t> v) {
    return std::string_view(reinterpret_cast<const char*>(v.data()), v.size_bytes());
  };
  const auto add = [&](int owner, std::string_view& bytes) {
    const auto into = piece(owner);
    for (std::size_t i = 0; i < into.size(); ++i) {
      std::int64_t value;
      std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
      into[i] += value;
    }
    bytes.remove_prefix(into.size_bytes());
  };
  // Owners whose pieces go through `rank` on its host, in ascending order: the same list on both sides of a message.
  const auto through = [&](int rank) {
    std::vector<int> owners;
    for (int owner = 0; owner < comm.size(); ++owner) {
      if (delegate(host_of(rank), owner) == rank) owners.push_back(owner);
    }
    return owners;
  };

  std::vector<std::string> to_each(n);
  for (const int neighbour : members(here)) {
    if (neighbour == comm.rank()) continue;
    for (const int owner : through(neighbour)) to_each[static_cast<std::size_t>(neighbour)] += bytes_of(piece(owner));
  }
  const std::vector<int> mine = through(comm.rank());
  {
    auto from_each = comm.all_to_all(std::move(to_each));
    for (const int neighbour : members(here)) {
      if (neighbour == comm.rank()) continue;
      std::string_view bytes = from_each[static_cast<std::size_t>(neighbour)];
      for (const int owner : mine) add(owner, bytes);
    }
  }
  if (hosts() > 1) {
    to_each.assign(n, {});
    for (const int owner : mine) {
      if (host_of(owner) != here) to_each[static_cast<std::size_t>(owner)] = bytes_of(piece(owner));
    }
    auto from_each = comm.all_to_all(std::move(to_each));
    for (int host = 0; host < hosts(); ++host) {
      if (host == here) continue;
      std::string_view bytes = from_each[static_cast<std::size_t>(delegate(host, comm.rank()))];
      add(comm.rank(), bytes);
    }
  }
  const auto sums = all_gather(comm, bytes_of(piece(comm.rank())));
  for (int owner = 0; owner < comm.size(); ++owner) {
    const auto into = piece(owner);
    if (!into.empty()) std::memcpy(into.data(), sums[static_cast<std::size_t>(owner)].data(), into.size_bytes());
  }
}

}  // namespace equal::comm
