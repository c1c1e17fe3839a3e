#include "equal/base/random.hpp"

#include <cmath>
#include <numbers>

namespace equal {
namespace {
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

// FNV-1a over the purpose: it only has to tell a handful of constant names apart.
std::uint64_t name_hash(std::string_view name) noexcept {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}
}  // namespace

std::uint64_t mix64(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t keyed_hash(std::uint64_t seed, std::string_view purpose, const Digest128& digest) noexcept {
  std::uint64_t h = mix64(seed + kGolden);
  h = mix64(h ^ name_hash(purpose));
  h = mix64(h ^ digest.high);
  return mix64((h + kGolden) ^ digest.low);
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose, const Digest128& digest) noexcept
    : state_(keyed_hash(seed, purpose, digest)) {}

RandomStream::result_type RandomStream::operator()() noexcept { return mix64(state_ += kGolden); }

double RandomStream::uniform() noexcept { return static_cast<double>((*this)() >> 11) * 0x1p-53; }

double RandomStream::normal() noexcept {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));  // 1 - u > 0: log stays finite
  const double angle = 2.0 * std::numbers::pi * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

std::uint64_t RandomStream::below(std::uint64_t bound) noexcept {
  const std::uint64_t limit = max() - max() % bound;  // reject the tail: no modulo bias
  std::uint64_t x = (*this)();
  while (x >= limit) x = (*this)();
  return x % bound;
}

}  // namespace equal
