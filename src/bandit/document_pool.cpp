#include "equal/bandit/document_pool.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "equal/base/error.hpp"

namespace equal::bandit {
namespace {

constexpr std::size_t kBlockRows = 256;

struct Scored {
  double score;
  std::uint64_t number;
  std::size_t position;
};

/// The best of what is offered: a heap with the worst of them on top.
class BestOf {
 public:
  explicit BestOf(std::size_t count) : count_(count) {}

  void offer(const Scored& s) {
    if (heap_.size() == count_) {
      if (count_ == 0 || !before(s, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), before);
      heap_.pop_back();
    }
    heap_.push_back(s);
    std::push_heap(heap_.begin(), heap_.end(), before);
  }
  const std::vector<Scored>& sorted() {
    std::sort_heap(heap_.begin(), heap_.end(), before);
    return heap_;
  }

 private:
  static bool before(const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.number < b.number;
  }
  std::size_t count_;
  std::vector<Scored> heap_;
};

/// Positions in the order of their numbers: into buckets by the leading bits first, so that what is compared with each
/// other lies close together in memory.
std::vector<std::uint32_t> positions_by(std::span<const std::uint64_t> numbers) {
  constexpr int kBucketBits = 16;
  std::vector<std::uint32_t> out(numbers.size());
  if (numbers.empty()) return out;
  const auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  const int shift = std::max(0, static_cast<int>(std::bit_width(*high - *low)) - kBucketBits);
  const auto bucket = [least = *low, shift](std::uint64_t number) { return (number - least) >> shift; };
  std::vector<std::uint32_t> next((std::size_t{1} << kBucketBits) + 1);
  for (const std::uint64_t x : numbers) ++next[bucket(x) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  for (std::uint32_t i = 0; i < out.size(); ++i) out[next[bucket(numbers[i])]++] = i;
  for (std::size_t b = 0, first = 0; b + 1 < next.size(); first = next[b++]) {
    std::sort(out.begin() + static_cast<std::ptrdiff_t>(first), out.begin() + static_cast<std::ptrdiff_t>(next[b]),
              [&](std::uint32_t x, std::uint32_t y) { return numbers[x] < numbers[y]; });
  }
  return out;
}

}  // namespace

DocumentPool::DocumentPool(PoolRows rows, std::size_t arms)
    : rows_(std::move(rows)), remaining_(arms, 0), taken_(rows_.number.size(), false), arm_first_(arms + 1, 0) {
  const std::size_t n = rows_.number.size();
  if (rows_.hash.size() != n || rows_.arm.size() != n || rows_.similarity.size() != n || rows_.tokens.size() != n) {
    throw InternalError("document pool: arrays of different lengths");
  }
  if (n > std::numeric_limits<std::uint32_t>::max()) throw InternalError("document pool: more than 2^32 documents");
  for (const std::uint32_t arm : rows_.arm) {
    if (arm >= arms) throw InternalError("document pool: arm " + std::to_string(arm) + " of " + std::to_string(arms));
    ++remaining_[arm];
  }
  std::partial_sum(remaining_.begin(), remaining_.end(), arm_first_.begin() + 1);
  by_arm_.resize(n);
  std::vector<std::size_t> next(arm_first_.begin(), arm_first_.end() - 1);
  for (std::size_t i = 0; i < n; ++i) by_arm_[next[rows_.arm[i]]++] = static_cast<std::uint32_t>(i);
  by_number_ = positions_by(rows_.number);
  const auto same = [&](std::uint32_t a, std::uint32_t b) { return rows_.number[a] == rows_.number[b]; };
  if (std::adjacent_find(by_number_.begin(), by_number_.end(), same) != by_number_.end()) {
    throw InternalError("document pool: a document number occurs twice");
  }
}

Candidate DocumentPool::facts(std::size_t i) const {
  return {.number = rows_.number[i],
          .arm = rows_.arm[i],
          .score = 0.0,
          .similarity = rows_.similarity[i],
          .tokens = rows_.tokens[i],
          .hash = rows_.hash[i],
          .embedding = {}};
}

void DocumentPool::read_embedding(std::size_t position, Candidate& out) const {
  out.embedding.resize(rows_.dimension);
  rows_.read(position, {out.embedding.data(), 1, rows_.dimension});
}

Candidate DocumentPool::filled(std::size_t position, Detail detail) const {
  Candidate out = facts(position);
  if (detail == Detail::whole) read_embedding(position, out);
  return out;
}

std::vector<Candidate> DocumentPool::take(std::vector<std::size_t> positions, std::size_t count, Order order,
                                          Detail detail) {
  const auto first = [&](std::size_t a, std::size_t b) {
    if (order == Order::hash && rows_.hash[a] != rows_.hash[b]) return rows_.hash[a] < rows_.hash[b];
    if (order == Order::similarity && rows_.similarity[a] != rows_.similarity[b]) {
      return rows_.similarity[a] > rows_.similarity[b];
    }
    return rows_.number[a] < rows_.number[b];
  };
  const std::size_t n = std::min(count, positions.size());
  const auto end = positions.begin() + static_cast<std::ptrdiff_t>(n);
  std::nth_element(positions.begin(), end, positions.end(), first);
  std::sort(positions.begin(), end, first);
  std::vector<Candidate> out;
  out.reserve(n);
  for (std::size_t k = 0; k < n; ++k) out.push_back(filled(positions[k], detail));
  return out;
}

std::vector<Candidate> DocumentPool::draw(std::span<const Draw> draws, Order order, Detail detail) {
  std::vector<Candidate> out;
  for (const Draw& d : draws) {
    std::vector<std::size_t> open;
    for (std::size_t k = arm_first_[d.arm]; k < arm_first_[d.arm + 1]; ++k) {
      if (!taken_[by_arm_[k]]) open.push_back(by_arm_[k]);
    }
    auto taken = take(std::move(open), d.count, order, detail);
    std::move(taken.begin(), taken.end(), std::back_inserter(out));
  }
  return out;
}

std::vector<Candidate> DocumentPool::draw_any(std::size_t count, Order order, Detail detail) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!taken_[i]) open.push_back(i);
  }
  return take(std::move(open), count, order, detail);
}

std::vector<std::vector<Candidate>> DocumentPool::best(std::span<const Ranking> rankings,
                                                       std::span<const std::uint32_t> arms, Detail detail) {
  std::vector<BestOf> found;
  for (const Ranking& r : rankings) found.emplace_back(r.count);
  linalg::Matrix<float> block(kBlockRows, rows_.dimension);
  for (const std::uint32_t arm : arms) {
    if (remaining_[arm] == 0) continue;
    const std::size_t end = arm_first_[arm + 1];
    for (std::size_t k = arm_first_[arm]; k < end;) {
      // A run of neighbouring positions is one read.
      std::size_t run = 1;
      while (run < kBlockRows && k + run < end && by_arm_[k + run] == by_arm_[k] + run) ++run;
      rows_.read(by_arm_[k], {block.values().data(), run, rows_.dimension});
      for (std::size_t r = 0; r < run; ++r) {
        const std::size_t i = by_arm_[k + r];
        if (taken_[i]) continue;
        for (std::size_t q = 0; q < rankings.size(); ++q) {
          const LinearScore& score = rankings[q].score;
          const double value = score.value(arm, rows_.similarity[i], block.row(r));
          found[q].offer({score.score(value, rows_.tokens[i]), rows_.number[i], i});
        }
      }
      k += run;
    }
  }
  std::vector<std::vector<Candidate>> out(rankings.size());
  for (std::size_t q = 0; q < rankings.size(); ++q) {
    for (const Scored& s : found[q].sorted()) {
      out[q].push_back(filled(s.position, detail));
      out[q].back().score = s.score;
    }
  }
  return out;
}

std::vector<Candidate> DocumentPool::lookup(std::span<const std::uint64_t> numbers) {
  std::vector<Candidate> out;
  for (const std::uint64_t number : numbers) {
    const auto at = position_of(number);
    if (!at) continue;
    out.push_back(filled(*at, Detail::whole));
  }
  return out;
}

void DocumentPool::mark(std::span<const std::uint64_t> numbers) {
  for (const std::uint64_t number : numbers) {
    const auto at = position_of(number);
    if (!at || taken_[*at]) continue;
    taken_[*at] = true;
    --remaining_[rows_.arm[*at]];
  }
}

std::optional<std::size_t> DocumentPool::position_of(std::uint64_t number) const {
  const auto at = std::lower_bound(by_number_.begin(), by_number_.end(), number,
                                   [&](std::uint32_t i, std::uint64_t n) { return rows_.number[i] < n; });
  if (at == by_number_.end() || rows_.number[*at] != number) return std::nullopt;
  return *at;
}

}  // namespace equal::bandit
