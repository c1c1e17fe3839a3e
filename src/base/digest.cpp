#include "equal/base/digest.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <vector>

#include <openssl/evp.h>
#include <zlib.h>

#include "equal/base/error.hpp"

namespace equal {
namespace {

std::string to_hex(std::span<const unsigned char> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (unsigned char b : bytes) {
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
  return out;
}

std::uint64_t big_endian(const unsigned char* p) {
  std::uint64_t v = 0;
  for (int i = 0; i < 8; ++i) v = (v << 8) | p[i];
  return v;
}

std::uint64_t parse_hex64(std::string_view hex, std::string_view whole) {
  std::uint64_t v = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), v, 16);
  if (error != std::errc{} || end != hex.data() + hex.size()) {
    throw DataError("'" + std::string(whole) + "' is no digest: expected 32 hexadecimal digits");
  }
  return v;
}

}  // namespace

struct Sha256::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Impl() {
    if (context == nullptr || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) {
      throw InternalError("OpenSSL offers no SHA-256");
    }
  }
  ~Impl() { EVP_MD_CTX_free(context); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  std::array<unsigned char, 32> finish() {
    std::array<unsigned char, 32> out{};
    EVP_DigestFinal_ex(context, out.data(), nullptr);
    return out;
  }
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {}
Sha256::~Sha256() = default;
Sha256& Sha256::update(std::string_view bytes) {
  EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size());
  return *this;
}
Sha256& Sha256::update(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size());
  return *this;
}
std::string Sha256::hex() { return to_hex(impl_->finish()); }

std::string Digest128::hex() const {
  std::array<unsigned char, 16> bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<unsigned char>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<unsigned char>(low >> (56 - 8 * i));
  }
  return to_hex(bytes);
}

Digest128 Digest128::from_hex(std::string_view hex) {
  if (hex.size() != 32) throw DataError("'" + std::string(hex) + "' is no digest: expected 32 hexadecimal digits");
  return {parse_hex64(hex.substr(0, 16), hex), parse_hex64(hex.substr(16), hex)};
}

Digest128 digest128(std::string_view bytes) {
  // One context a thread: documents are many and short, and setting one up costs more than hashing a hundred bytes.
  struct Context {
    EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~Context() {
      EVP_MD_CTX_free(context);
      EVP_MD_free(algorithm);
    }
  };
  thread_local Context once;
  std::array<unsigned char, 32> out{};
  if (once.algorithm == nullptr || once.context == nullptr ||
      EVP_DigestInit_ex2(once.context, once.algorithm, nullptr) != 1 ||
      EVP_DigestUpdate(once.context, bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(once.context, out.data(), nullptr) != 1) {
    throw InternalError("OpenSSL offers no SHA-256");
  }
  return {big_endian(out.data()), big_endian(out.data() + 8)};
}

std::string sha256_hex(std::string_view bytes) { return Sha256().update(bytes).hex(); }

std::string sha256_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) throw DataError(path + ": cannot be read: " + errno_text(errno));
  Sha256 sha;
  std::vector<char> buffer(1 << 20);
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    sha.update(std::string_view(buffer.data(), got));
  }
  if (std::ferror(file.get()) != 0) throw DataError(path + ": reading failed: " + errno_text(errno));
  return sha.hex();
}

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed) {
  return static_cast<std::uint32_t>(
      ::crc32_z(seed, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}
std::uint32_t crc32(std::string_view bytes, std::uint32_t seed) {
  return crc32(std::as_bytes(std::span(bytes.data(), bytes.size())), seed);
}

}  // namespace equal
