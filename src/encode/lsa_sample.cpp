#include "lsa_sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"

#include "static_terms.hpp"

namespace equal::encode {

void LowestValues::offer(std::uint64_t value) {
  ++offered_;
  if (value > bound_) return;
  values_.push_back(value);
  if (values_.size() >= 2 * count_ + 1024) shrink();
}

void LowestValues::shrink() {
  if (values_.size() <= count_) return;
  std::nth_element(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(count_) - 1, values_.end());
  values_.resize(count_);
  bound_ = values_.back();
}

std::vector<std::uint64_t> LowestValues::take() {
  shrink();
  return std::move(values_);
}

std::uint64_t nth_value(comm::Communicator& comm, const std::vector<std::uint64_t>& values, std::uint64_t count) {
  // Radix selection: fix the value 16 bits at a time, from the top.
  std::uint64_t prefix = 0, mask = 0, below = 0;
  for (unsigned shift = 64; shift != 0;) {
    shift -= 16;
    std::vector<std::uint64_t> histogram(65536);
    for (const std::uint64_t v : values) {
      if ((v & mask) == prefix) ++histogram[(v >> shift) & 0xffffU];
    }
    comm.sum(std::span<std::uint64_t>(histogram));
    std::uint64_t digit = 0;
    while (digit < 65535 && below + histogram[digit] <= count) below += histogram[digit++];
    prefix |= digit << shift;
    mask |= std::uint64_t{0xffff} << shift;
  }
  return prefix;
}

namespace {

constexpr const char* kPurpose = "lsa-sample";
constexpr std::uint64_t kEveryDocument = std::numeric_limits<std::uint64_t>::max();

/// Documents with a hash below this are sampled. Collective.
std::uint64_t sample_bound(comm::Communicator& comm, TextSource& source, std::uint64_t fit_sample, std::uint64_t seed) {
  LowestValues lowest(static_cast<std::size_t>(fit_sample) + 1);
  for (std::size_t b = 0; b < source.blocks(); ++b) {
    for (const Digest128& d : source.digests(b)) lowest.offer(keyed_hash(seed, kPurpose, d));
  }
  const std::uint64_t total = comm::sum_one(comm, lowest.offered());
  return total <= fit_sample ? kEveryDocument : nth_value(comm, lowest.take(), fit_sample);
}

}  // namespace

SparseRows read_sample(comm::Communicator& comm, TextSource& source, const FeatureSource& features,
                       std::uint64_t fit_sample, std::uint64_t seed, ThreadPool& pool) {
  constexpr std::size_t kSampledPerTask = 32;
  struct Scratch {
    TermCounter counter;
    std::vector<std::uint64_t> features;
  };
  const std::uint64_t bound = sample_bound(comm, source, fit_sample, seed);
  SparseRows rows;
  std::vector<Scratch> scratch(pool.size());
  for (std::size_t b = 0; b < source.blocks(); ++b) {
    const auto digests = source.digests(b);
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < digests.size(); ++i) {
      if (bound == kEveryDocument || keyed_hash(seed, kPurpose, digests[i]) < bound) which.push_back(i);
    }
    if (which.empty()) continue;
    const auto texts = source.texts(b);
    if (texts.size() != digests.size()) throw InternalError("a text source has other numbers of texts and digests");
    std::vector<std::vector<SparseRows::Entry>> parts(which.size());
    pool.run((which.size() + kSampledPerTask - 1) / kSampledPerTask, [&](std::size_t task, std::size_t thread) {
      Scratch& s = scratch[thread];
      const std::size_t last = std::min(which.size(), (task + 1) * kSampledPerTask);
      for (std::size_t i = task * kSampledPerTask; i < last; ++i) {
        s.features.clear();
        features(texts[which[i]], s.features);
        for (const Term& t : s.counter.count(s.features, 0)) {
          parts[i].push_back({static_cast<std::uint32_t>(t.feature), static_cast<float>(t.count)});
        }
      }
    });
    for (const auto& part : parts) {
      rows.entries.insert(rows.entries.end(), part.begin(), part.end());
      rows.start.push_back(rows.entries.size());
    }
  }
  return rows;
}

std::vector<std::uint64_t> document_frequencies(comm::Communicator& comm, const SparseRows& rows, std::size_t count) {
  std::vector<std::uint64_t> frequency(count);
  for (const auto& e : rows.entries) ++frequency[e.feature];
  comm.sum(std::span<std::uint64_t>(frequency));
  return frequency;
}

double inverse_frequency(std::uint64_t df, std::uint64_t n) noexcept {
  const auto d = static_cast<double>(df);
  return std::log(1.0 + (static_cast<double>(n) - d + 0.5) / (d + 0.5));
}

}  // namespace equal::encode
