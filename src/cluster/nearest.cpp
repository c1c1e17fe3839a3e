#include "nearest.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "bounds_kernels.hpp"

namespace equal::cluster {
namespace {

constexpr std::size_t kPairs = 8192;  // scores of a chunk: 512 KiB, most of a core's L2 cache
constexpr std::size_t kMostSlots = 1008;
constexpr double kFullShare = 0.6;  // above this share of needed pairs, all are computed: no lists, no copies

std::uint16_t up(double distance) noexcept {  // to units, upwards; the surplus covers the rounding of sqrt and product
  return static_cast<std::uint16_t>(std::min(65535.0, std::ceil(distance / Bounds::kUnit + 1e-6)));
}
std::uint16_t down(double distance) noexcept {
  return static_cast<std::uint16_t>(std::clamp(std::floor(distance / Bounds::kUnit - 1e-6), 0.0, 65535.0));
}
std::uint16_t add_saturated(std::uint16_t a, std::uint16_t b) noexcept {
  return static_cast<std::uint16_t>(std::min(65535, a + b));
}

}  // namespace

/// Rows that are screened together by one thread.
class Nearest::Chunk {
 public:
  explicit Chunk(Nearest& nearest) : nearest_(nearest), worker_(nearest.screen_->make_worker()) {}

  void resize() {
    const std::size_t groups = nearest_.groups_.count(), multiple = nearest_.screen_->slot_multiple();
    // At least 48 rows, so that a group's panel is not read for less.
    most_pairs_ = std::max(kPairs, 48 * groups);
    const std::size_t slots = std::min(kMostSlots, most_pairs_ / groups);
    full_slots_ = std::max(multiple, slots / multiple * multiple);
    most_pairs_ = std::max(most_pairs_, full_slots_ * groups);
    scores_.resize(most_pairs_ * kLanes);
    least_.resize(most_pairs_);
    error_.resize(most_pairs_);
    pair_slot_.resize(most_pairs_);
    lists_.resize(groups);
    words_.resize(Bounds::stride_for(groups) / 32);
  }

  void begin(const float16* rows, std::uint32_t* cluster, double* squared_distance, Bounds* bounds,
             std::uint64_t first_bound) {
    rows_ = rows;
    cluster_ = cluster;
    squared_distance_ = squared_distance;
    bounds_ = bounds;
    first_bound_ = first_bound;
  }

  /// A row that all centroids are compared for. `known`: its cluster of last time is a good first guess.
  void add(std::uint32_t row, bool known) {
    const float16* x = rows_ + row * nearest_.dim_;
    const std::uint32_t own = known ? cluster_[row] : kNoCluster;
    which_.push_back(row);
    own_.push_back(own);
    norm2_.push_back(exact_norm2(x, nearest_.dim_));
    if (bounds_ != nullptr) bounds_->norm2(first_bound_ + row) = norm2_.back();
    own_score_.push_back(own == kNoCluster ? std::numeric_limits<double>::infinity() : exact_score(x, own));
    all_needed_ = true;
    stats.possible += nearest_.groups_.count();
    stats.needed += nearest_.groups_.count();
    if (which_.size() == full_slots_) flush();
  }

  /// A row whose cluster and bounds are known.
  void add_bounded(std::uint32_t row) {
    const std::uint64_t bound = first_bound_ + row;
    const std::size_t stride = bounds_->stride(), groups = nearest_.groups_.count();
    const std::uint32_t own = cluster_[row];
    std::uint16_t* lower = bounds_->lower(bound);
    std::uint16_t& upper = bounds_->upper(bound);
    upper = add_saturated(upper, nearest_.own_drift_[own]);
    stats.possible += groups;
    if (!take_drift(lower, nearest_.drift_.data(), upper, stride)) return;
    const float16* x = rows_ + row * nearest_.dim_;
    const double norm2 = bounds_->norm2(bound), score = exact_score(x, own);
    upper = up(std::sqrt(norm2 + score));
    const std::size_t needed = find_needed(lower, upper, groups, words_.data());
    if (needed == 0) return;
    if (pairs_ + needed > most_pairs_) flush();
    const auto slot = static_cast<std::uint16_t>(which_.size());
    which_.push_back(row);
    own_.push_back(own);
    norm2_.push_back(norm2);
    own_score_.push_back(score);
    pairs_ += needed;
    stats.needed += needed;
    for (std::size_t w = 0; w < words_.size(); ++w) {
      for (std::uint32_t bits = words_[w]; bits != 0; bits &= bits - 1) {
        lists_[w * 32 + static_cast<std::size_t>(std::countr_zero(bits))].push_back(slot);
      }
    }
    const bool dense = static_cast<double>(pairs_) > kFullShare * static_cast<double>(which_.size() * groups);
    if (which_.size() == kMostSlots || (dense && which_.size() == full_slots_)) flush();
  }

  void flush() {
    if (which_.empty()) return;
    const std::size_t slots = which_.size(), groups = nearest_.groups_.count();
    best_ = own_;
    best_score_ = own_score_;
    best_pair_.assign(slots, kNoPair);
    worker_->load(rows_, which_);
    const bool full = slots <= full_slots_ &&
                      (all_needed_ || static_cast<double>(pairs_) > kFullShare * static_cast<double>(slots * groups));
    full ? screen_all() : screen_lists();
    finish(full);
    for (auto& list : lists_) list.clear();
    which_.clear();
    own_.clear();
    norm2_.clear();
    own_score_.clear();
    pairs_ = 0;
    all_needed_ = false;
  }

  NearestStats stats;

 private:
  static constexpr std::uint32_t kNoPair = ~0U;

  double exact_score(const float16* x, std::uint32_t j) const {
    return nearest_.centroids_->norm2[j] - 2 * exact_dot(x, nearest_.centroids_->values.row(j).data(), nearest_.dim_);
  }

  // least_[p] becomes a lower bound of the exact scores of pair p, error_[p] the proven error.
  void screen_all() {
    const std::size_t slots = which_.size(), groups = nearest_.groups_.count();
    worker_->score_all(scores_.data());
    lane_minima(scores_.data(), slots * groups, least_.data());
    const ScreenErrors& row = worker_->errors();
    const ScreenErrors& group = nearest_.screen_->errors();
    for (std::size_t slot = 0; slot < slots; ++slot) {
      float* least = least_.data() + slot * groups;
      float* error = error_.data() + slot * groups;
      const float noise = row.noise[slot], length = row.length[slot];
      for (std::size_t g = 0; g < groups; ++g) {
        error[g] = noise * group.length[g] + length * group.noise[g] + kScoreSlack;
        least[g] -= error[g];
      }
      if (own_[slot] == kNoCluster) {
        for (std::size_t g = 0; g < groups; ++g) {
          best_score_[slot] = std::min(best_score_[slot], static_cast<double>(least[g] + 2 * error[g]));
        }
      }
      const std::size_t own_group = own_[slot] == kNoCluster ? groups : nearest_.groups_.place[own_[slot]] / kLanes;
      for (std::size_t g = 0; g < groups; ++g) decide(slot * groups + g, slot, g, g == own_group);
    }
    stats.computed += slots * groups;
  }

  void screen_lists() {
    const ScreenErrors& row = worker_->errors();
    const ScreenErrors& group = nearest_.screen_->errors();
    std::size_t first = 0;
    for (std::size_t g = 0; g < lists_.size(); ++g) {
      const auto& list = lists_[g];
      if (list.empty()) continue;
      worker_->score_some(g, list, scores_.data() + first * kLanes);
      std::copy(list.begin(), list.end(), pair_slot_.begin() + static_cast<std::ptrdiff_t>(first));
      first += list.size();
    }
    lane_minima(scores_.data(), first, least_.data());
    std::size_t p = 0;
    for (std::size_t g = 0; g < lists_.size(); ++g) {
      const float length = group.length[g], noise = group.noise[g];
      for (const std::uint16_t slot : lists_[g]) {
        error_[p] = row.noise[slot] * length + row.length[slot] * noise + kScoreSlack;
        least_[p] -= error_[p];
        decide(p, slot, g, nearest_.groups_.place[own_[slot]] / kLanes == g);
        ++p;
      }
    }
    stats.computed += first;
  }

  // Exact comparison of the centroids of a pair that the screen cannot rule out.
  void decide(std::size_t p, std::size_t slot, std::size_t g, bool own_group) {
    if (own_group && best_[slot] == own_[slot]) best_pair_[slot] = static_cast<std::uint32_t>(p);
    if (static_cast<double>(least_[p]) > best_score_[slot]) return;
    const float* scores = scores_.data() + p * kLanes;
    const std::uint32_t* member = nearest_.groups_.member.data() + g * kLanes;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (static_cast<double>(scores[lane] - error_[p]) > best_score_[slot]) continue;
      const std::uint32_t j = member[lane];
      if (j == kNoCluster || j == own_[slot]) continue;
      const double score = exact_score(rows_ + which_[slot] * nearest_.dim_, j);
      ++stats.decided;
      if (score > best_score_[slot] || (score == best_score_[slot] && j > best_[slot])) continue;
      best_score_[slot] = score;
      best_[slot] = j;
      best_pair_[slot] = static_cast<std::uint32_t>(p);
    }
  }

  void finish(bool full) {
    const std::size_t slots = which_.size(), groups = nearest_.groups_.count();
    for (std::size_t slot = 0; slot < slots; ++slot) {
      const std::uint32_t row = which_[slot], best = best_[slot], own = own_[slot];
      const double distance2 = norm2_[slot] + best_score_[slot];
      cluster_[row] = best;
      if (squared_distance_ != nullptr) squared_distance_[row] = distance2;
      if (bounds_ == nullptr) continue;
      const std::uint64_t bound = first_bound_ + row;
      bounds_->upper(bound) = up(std::sqrt(distance2));
      if (best_pair_[slot] != kNoPair) {  // the bound of its group is about the others
        const std::size_t p = best_pair_[slot];
        scores_[p * kLanes + nearest_.groups_.place[best] % kLanes] = std::numeric_limits<float>::infinity();
        least_[p] = *std::min_element(&scores_[p * kLanes], &scores_[p * kLanes] + kLanes) - error_[p];
      }
      if (best != own && own != kNoCluster) {
        std::uint16_t& lower = bounds_->lower(bound)[nearest_.groups_.place[own] / kLanes];
        lower = std::min(lower, down(std::sqrt(norm2_[slot] + own_score_[slot])));
      }
      if (full) {
        std::uint16_t* lower = bounds_->lower(bound);
        to_lower_bounds(least_.data() + slot * groups, static_cast<float>(norm2_[slot]), groups, lower);
        std::fill(lower + groups, lower + bounds_->stride(), std::uint16_t{65535});  // padding: never needed
      }
    }
    if (full || bounds_ == nullptr) return;
    std::size_t p = 0;
    for (std::size_t g = 0; g < lists_.size(); ++g) {
      for (const std::uint16_t slot : lists_[g]) {
        to_lower_bounds(&least_[p++], static_cast<float>(norm2_[slot]), 1,
                        bounds_->lower(first_bound_ + which_[slot]) + g);
      }
    }
  }

  Nearest& nearest_;
  std::unique_ptr<ScreenWorker> worker_;
  const float16* rows_ = nullptr;
  std::uint32_t* cluster_ = nullptr;
  double* squared_distance_ = nullptr;
  Bounds* bounds_ = nullptr;
  std::uint64_t first_bound_ = 0;
  std::size_t most_pairs_ = 0, full_slots_ = 0, pairs_ = 0;
  bool all_needed_ = false;
  // Per slot.
  std::vector<std::uint32_t> which_, own_, best_, best_pair_;
  std::vector<double> norm2_, own_score_, best_score_;
  // Per group: the slots that need it. Per pair, in the order of the lists: scores, their lower bound, its error.
  std::vector<std::vector<std::uint16_t>> lists_;
  std::vector<float> scores_, least_, error_;
  std::vector<std::uint16_t> pair_slot_;
  std::vector<std::uint32_t> words_;
};

Nearest::Nearest(Kernel kernel, std::size_t dim, std::size_t threads) : dim_(dim), screen_(make_screen(kernel, dim)) {
  for (std::size_t t = 0; t < threads; ++t) chunks_.push_back(std::make_unique<Chunk>(*this));
}

Nearest::~Nearest() = default;

void Nearest::set(const Centroids& centroids, bool regroup, ThreadPool& pool) {
  centroids_ = &centroids;
  if (regroup) {
    groups_ = make_groups(centroids);
    for (auto& chunk : chunks_) chunk->resize();
  } else {
    drift_.assign(Bounds::stride_for(groups_.count()), 0);
    own_drift_.resize(centroids.k());
    pool.run(groups_.count(), [&](std::size_t group, std::size_t) {
      for (std::size_t place = group * kLanes; place < (group + 1) * kLanes; ++place) {
        const std::uint32_t j = groups_.member[place];
        if (j == kNoCluster) continue;
        const float* now = centroids.values.row(j).data();
        const float* then = previous_.values.row(j).data();
        const double square = centroids.norm2[j] + (previous_.norm2[j] - 2 * exact_dot(now, then, dim_));  // exact
        own_drift_[j] = square > 0 ? up(std::sqrt(square)) : std::uint16_t{0};
        drift_[group] = std::max(drift_[group], own_drift_[j]);
      }
    });
  }
  previous_ = centroids;
  screen_->set(centroids, groups_, pool);
}

std::uint64_t Nearest::scratch_bytes(std::size_t k, std::size_t dim) noexcept {
  const std::uint64_t groups = (k + kLanes - 1) / kLanes, pairs = std::max<std::uint64_t>(kPairs, 48 * groups);
  // Scores, twice where a library makes the products, and what is known of each pair; rows as f32, twice, in the BLAS
  // screen.
  return pairs * (std::uint64_t{2} * 4 * kLanes + 4 + 4 + 2 + 2) + kMostSlots * (8 * std::uint64_t{dim} + 64);
}

void Nearest::find(const float16* rows, std::size_t count, Known known, std::uint32_t* cluster,
                   double* squared_distance, std::size_t thread, Bounds* bounds, std::uint64_t first_bound) {
  Chunk& chunk = *chunks_[thread];
  chunk.begin(rows, cluster, squared_distance, bounds, first_bound);
  for (std::uint32_t row = 0; row < count; ++row) {
    known == Known::bounds ? chunk.add_bounded(row) : chunk.add(row, known == Known::cluster);
  }
  chunk.flush();
}

NearestStats Nearest::take_stats() {
  NearestStats sum;
  for (auto& chunk : chunks_) {
    sum.needed += chunk->stats.needed;
    sum.computed += chunk->stats.computed;
    sum.possible += chunk->stats.possible;
    sum.decided += chunk->stats.decided;
    chunk->stats = {};
  }
  return sum;
}

void find_nearest(Nearest& nearest, const float16* rows, std::size_t count, std::size_t dim, std::uint32_t* cluster,
                  double* squared_distance, ThreadPool& pool) {
  constexpr std::size_t kTask = 1024;
  pool.run((count + kTask - 1) / kTask, [&](std::size_t task, std::size_t thread) {
    const std::size_t first = task * kTask;
    nearest.find(rows + first * dim, std::min(kTask, count - first), Known::nothing, cluster + first,
                 squared_distance == nullptr ? nullptr : squared_distance + first, thread);
  });
}

}  // namespace equal::cluster
