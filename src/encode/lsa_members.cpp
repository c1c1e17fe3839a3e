// What the members of LsaDirections send each other.
#include <cstring>

#include "equal/base/error.hpp"

#include "lsa_directions.hpp"

namespace equal::encode {
namespace {

void add_to(std::span<std::int64_t> sums, std::string_view bytes) {
  if (bytes.size() != sums.size_bytes()) throw InternalError("sums of the directions have another length");
  for (std::size_t i = 0; i < sums.size(); ++i) {
    std::int64_t value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    sums[i] += value;
  }
}

}  // namespace

void LsaDirections::multiply(std::uint64_t documents) {
  if (v_.empty()) return;
  if (!whole_) share();
  const double scale = lsa_scale(documents), unit = 1.0 / (scale * static_cast<double>(documents));
  const std::size_t own_first = own_.first * kLsaGroup, own_last = own_.second * kLsaGroup;
  std::vector<std::vector<std::int64_t>> sums(std::min(pool_.size(), groups_));
  for (std::size_t first = 0; first < groups_; first += sums.size()) {
    const std::size_t count = std::min(sums.size(), groups_ - first);
    pool_.run(count, [&](std::size_t i, std::size_t) {
      sums[i].assign(features_ * kLsaGroup, 0);
      lsa_accumulate(rows_, group(first + i), scale, sums[i].data());
    });
    for (std::size_t i = 0; i < count; ++i) {
      for (const std::string& theirs : to_owners(sums[i]))
        add_to({sums[i].data() + own_first, own_last - own_first}, theirs);
    }
    pool_.run(count, [&](std::size_t i, std::size_t) {
      float* const out = group(first + i);
      for (std::size_t k = own_first; k < own_last; ++k)
        out[k] = static_cast<float>(static_cast<double>(sums[i][k]) * unit);
    });
  }
  whole_ = false;
}

/// What the other members' rows add to this rank's features; `sums` (features, 16) of its own rows goes to them.
std::vector<std::string> LsaDirections::to_owners(std::span<const std::int64_t> sums) {
  std::vector<comm::Exchange::Outgoing> messages;
  for (std::size_t m = 0; m < members_.size(); ++m) {
    if (m == me_) continue;
    const auto [first, last] = features_of(m);
    messages.push_back({members_[m], message_of(sums.subspan(first * kLsaGroup, (last - first) * kLsaGroup))});
  }
  return exchange_.round(std::move(messages), others_);
}

/// Every member's features of V on all members.
void LsaDirections::share() {
  for (std::size_t g = 0; g < groups_; ++g) {
    const std::span<float> values(group(g), features_ * kLsaGroup);
    std::vector<comm::Exchange::Outgoing> messages;
    for (const int rank : others_)
      messages.push_back({rank, message_of(std::span<const float>(
                                    values.subspan(own_.first * kLsaGroup, (own_.second - own_.first) * kLsaGroup)))});
    const auto received = exchange_.round(std::move(messages), others_);
    for (std::size_t m = 0, i = 0; m < members_.size(); ++m) {
      if (m == me_) continue;
      const auto [first, last] = features_of(m);
      const auto into = values.subspan(first * kLsaGroup, (last - first) * kLsaGroup);
      if (received[i].size() != into.size_bytes()) throw InternalError("a part of the directions has another length");
      std::memcpy(into.data(), received[i].data(), received[i].size());
      ++i;
    }
  }
  whole_ = true;
}

}  // namespace equal::encode
