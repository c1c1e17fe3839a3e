// Memory on cache-line boundaries, for kernels whose wide loads must not straddle lines.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace equal::linalg {

/// Zero-filled bytes, aligned to 64. Movable.
class AlignedBytes {
 public:
  static constexpr std::size_t kAlignment = 64;
  AlignedBytes() = default;
  explicit AlignedBytes(std::size_t n)
      : size_(n), bytes_(new (std::align_val_t{kAlignment}) std::byte[n + kAlignment]()) {}
  AlignedBytes(AlignedBytes&& other) noexcept : size_(std::exchange(other.size_, 0)), bytes_(std::move(other.bytes_)) {}
  AlignedBytes& operator=(AlignedBytes&& other) noexcept {
    size_ = std::exchange(other.size_, 0);
    bytes_ = std::move(other.bytes_);
    return *this;
  }
  std::size_t size() const noexcept { return size_; }
  template <class T = std::byte>
  T* as() noexcept {
    return reinterpret_cast<T*>(bytes_.get());
  }
  template <class T = std::byte>
  const T* as() const noexcept {
    return reinterpret_cast<const T*>(bytes_.get());
  }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{kAlignment}); }
  };
  std::size_t size_ = 0;
  std::unique_ptr<std::byte[], Free> bytes_;
};

}  // namespace equal::linalg
