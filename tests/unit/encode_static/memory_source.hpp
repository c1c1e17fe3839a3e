// Texts in memory as the source of a fit.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "equal/encode/lsa.hpp"

namespace equal::test {

class MemorySource final : public encode::TextSource {
 public:
  MemorySource(std::vector<std::string> texts, std::vector<Digest128> digests, std::size_t block)
      : texts_(std::move(texts)), digests_(std::move(digests)), block_(block) {}
  std::size_t blocks() const override { return (texts_.size() + block_ - 1) / block_; }
  std::vector<Digest128> digests(std::size_t block) override {
    return {digests_.begin() + at(block), digests_.begin() + at(block + 1)};
  }
  std::vector<std::string_view> texts(std::size_t block) override {
    return {texts_.begin() + at(block), texts_.begin() + at(block + 1)};
  }

 private:
  std::ptrdiff_t at(std::size_t block) const {
    return static_cast<std::ptrdiff_t>(std::min(texts_.size(), block * block_));
  }
  std::vector<std::string> texts_;
  std::vector<Digest128> digests_;
  std::size_t block_;
};

}  // namespace equal::test
