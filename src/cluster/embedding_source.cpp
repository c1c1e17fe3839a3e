#include "equal/cluster/embedding_source.hpp"

#include <algorithm>
#include <string_view>

#include "equal/base/error.hpp"

namespace equal::cluster {

MemorySource::MemorySource(std::vector<linalg::float16> values, std::size_t dim, std::uint64_t first_number)
    : values_(std::move(values)), dim_(dim) {
  if (dim == 0 || values_.size() % dim != 0) throw InternalError("embeddings in memory are not whole rows");
  digests_.resize(values_.size() / dim);
  for (std::size_t i = 0; i < digests_.size(); ++i) {
    const std::uint64_t number = first_number + i;
    digests_[i] = digest128({reinterpret_cast<const char*>(&number), sizeof number});
  }
}

MemorySource::MemorySource(std::vector<linalg::float16> values, std::size_t dim, std::vector<Digest128> digests)
    : values_(std::move(values)), dim_(dim), digests_(std::move(digests)) {
  if (dim == 0 || values_.size() != dim * digests_.size())
    throw InternalError("embeddings in memory do not match their digests");
}

void MemorySource::read(std::uint64_t first, std::size_t count, std::span<linalg::float16> out) {
  std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(first * dim_), count * dim_, out.begin());
}

void MemorySource::digests(std::uint64_t first, std::size_t count, std::span<Digest128> out) {
  std::copy_n(digests_.begin() + static_cast<std::ptrdiff_t>(first), count, out.begin());
}

}  // namespace equal::cluster
