#include "equal/comm/host_groups.hpp"

#include <map>

namespace equal::comm {

HostGroups::HostGroups(std::span<const std::string> hosts) {
  std::map<std::string, std::size_t> numbers;
  for (const std::string& name : hosts) {
    const auto [at, is_new] = numbers.emplace(name, members_.size());
    if (is_new) members_.emplace_back();
    members_[at->second].push_back(host_of_.size());
    host_of_.push_back(at->second);
  }
}

std::size_t HostGroups::delegate(std::size_t host, std::size_t rank) const {
  const auto& there = members_[host];
  return host_of_[rank] == host ? rank : there[rank % there.size()];
}

}  // namespace equal::comm
