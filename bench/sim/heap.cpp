#include "heap.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

thread_local bool counted = false;
std::atomic<std::size_t> bytes{0}, peak{0};

/// In front of each block; as large as the strictest alignment of operator new.
struct alignas(__STDCPP_DEFAULT_NEW_ALIGNMENT__) Header {
  std::size_t size;  ///< 0: not counted
};

void* allocate(std::size_t size) {
  auto* header = static_cast<Header*>(std::malloc(sizeof(Header) + size));
  if (header == nullptr) throw std::bad_alloc();
  header->size = counted ? size : 0;
  if (counted) {
    const std::size_t now = bytes.fetch_add(size) + size;
    if (now > peak.load()) peak.store(now);
  }
  return header + 1;
}

void release(void* block) {
  if (block == nullptr) return;
  Header* header = static_cast<Header*>(block) - 1;
  bytes.fetch_sub(header->size);
  std::free(header);
}

}  // namespace

namespace equal::sim {

void count_this_thread() { counted = true; }
std::size_t counted_bytes() { return bytes.load(); }
std::size_t peak_counted_bytes() { return peak.load(); }

}  // namespace equal::sim

// Over-aligned blocks keep the library's functions: they are few.
void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t) noexcept { release(block); }
