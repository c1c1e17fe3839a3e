#include "fit_rows.hpp"

#include <algorithm>
#include <future>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"

namespace equal::cluster {

FitRows::FitRows(EmbeddingSource& source, std::optional<std::vector<std::uint64_t>> selected, bool cached,
                 std::size_t block_rows)
    : source_(source),
      selected_(std::move(selected)),
      dim_(source.dim()),
      block_rows_(std::max<std::size_t>(1, block_rows)),
      size_(selected_ ? selected_->size() : source.rows()),
      cached_(cached) {
  if (!cached_) return;
  cache_.resize(size_ * dim_);
  stream([&](std::uint64_t first, std::size_t count, const float16* rows) {
    std::copy_n(rows, count * dim_, cache_.begin() + static_cast<std::ptrdiff_t>(first * dim_));
  });
}

void FitRows::for_each_block(const Visit& visit) {
  if (!cached_) return stream(visit);
  if (size_ > 0) visit(0, size_, cache_.data());
}

// Reads source rows from source_first on, at most block_rows_, and keeps the selected ones.
void FitRows::load(std::uint64_t source_first, Block& block) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(block_rows_, source_.rows() - source_first));
  block.first = source_first;
  block.count = count;
  if (selected_) {
    const auto from = std::lower_bound(selected_->begin(), selected_->end(), source_first);
    const auto to = std::lower_bound(from, selected_->end(), source_first + count);
    block.first = static_cast<std::uint64_t>(from - selected_->begin());
    block.count = static_cast<std::size_t>(to - from);
    if (block.count == 0) return;
  }
  block.rows.resize(block_rows_ * dim_);
  source_.read(source_first, count, std::span(block.rows).first(count * dim_));
  for (std::size_t i = 0; i < block.count; ++i) {
    const std::uint64_t row = source_row(block.first + i);
    float16* to = block.rows.data() + i * dim_;
    if (selected_) std::copy_n(block.rows.data() + (row - source_first) * dim_, dim_, to);  // forwards: never overtakes
    if (!checked_ && !is_valid_row(to, dim_)) {
      throw DataError(source_.where(row) +
                      " is not a unit vector: it has NaN, infinity, a component above 1 or |x|^2 > 2; embed it again");
    }
  }
}

void FitRows::stream(const Visit& visit) {
  const std::uint64_t total = source_.rows();
  if (total == 0 || size_ == 0) return;
  Block current, next;
  load(0, current);
  for (std::uint64_t at = 0; at < total; at += block_rows_) {
    std::future<void> ahead;
    if (at + block_rows_ < total) ahead = std::async(std::launch::async, [&, at] { load(at + block_rows_, next); });
    if (current.count > 0) visit(current.first, current.count, current.rows.data());
    if (ahead.valid()) ahead.get();
    std::swap(current, next);
  }
  checked_ = true;
}

void FitRows::read_row(std::uint64_t i, std::span<float16> out) {
  if (cached_) {
    std::copy_n(cache_.begin() + static_cast<std::ptrdiff_t>(i * dim_), dim_, out.begin());
  } else {
    source_.read(source_row(i), 1, out);
  }
}

std::vector<std::uint64_t> FitRows::hashes(std::uint64_t seed, std::string_view purpose) {
  std::vector<std::uint64_t> out = hashes_of(source_, seed, purpose);
  if (selected_) {
    for (std::size_t i = 0; i < size_; ++i) out[i] = out[(*selected_)[i]];
    out.resize(size_);
  }
  return out;
}

std::vector<std::uint64_t> hashes_of(EmbeddingSource& source, std::uint64_t seed, std::string_view purpose) {
  constexpr std::size_t kBlock = 65536;
  std::vector<std::uint64_t> out(source.rows());
  std::vector<Digest128> digests(std::min<std::size_t>(kBlock, out.size()));
  for (std::size_t first = 0; first < out.size(); first += kBlock) {
    const std::size_t count = std::min(kBlock, out.size() - first);
    source.digests(first, count, std::span(digests).first(count));
    for (std::size_t i = 0; i < count; ++i) out[first + i] = keyed_hash(seed, purpose, digests[i]);
  }
  return out;
}

std::optional<std::vector<std::uint64_t>> select_rows(comm::Communicator& comm, EmbeddingSource& source,
                                                      std::uint64_t seed, std::uint64_t wanted, std::uint64_t total) {
  if (total <= wanted) return std::nullopt;
  std::vector<std::uint64_t> hashes;
  comm::agree(comm, [&] { hashes = hashes_of(source, seed, "k-means fit sample"); });
  const std::uint64_t limit = smallest_hashes(comm, hashes, wanted);
  std::vector<std::uint64_t> selected;
  for (std::uint64_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i] <= limit) selected.push_back(i);
  }
  return selected;
}

std::uint64_t smallest_hashes(comm::Communicator& comm, std::span<const std::uint64_t> hashes, std::uint64_t count) {
  std::uint64_t prefix = 0, wanted = count;
  for (int shift = 48; shift >= 0; shift -= 16) {
    std::vector<std::uint64_t> histogram(65536);
    for (const std::uint64_t h : hashes) {
      if (shift == 48 || (h >> (shift + 16)) == (prefix >> (shift + 16))) ++histogram[(h >> shift) & 0xffff];
    }
    comm.sum(std::span(histogram));
    std::uint64_t digit = 0;
    while (digit < 65535 && histogram[digit] < wanted) wanted -= histogram[digit++];
    prefix |= digit << shift;
  }
  return prefix;
}

}  // namespace equal::cluster
