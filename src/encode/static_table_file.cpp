// The layout is docs/formats/encoder.md.
#include <cstring>
#include <fstream>
#include <functional>
#include <string_view>

#include <fcntl.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/encode/static_table.hpp"

namespace equal::encode {
namespace {

constexpr char kMagic[8] = {'E', 'Q', 'S', 'T', 'A', 'B', 'L', 'E'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kDigestHexBytes = 64;
constexpr std::uint64_t kMaxTextBytes = std::uint64_t{1} << 26;
constexpr std::uint64_t kMaxTableBytes = std::uint64_t{1} << 38;

struct Header {
  char magic[8];
  std::uint32_t version, tokens, frequency, feature_bits, dim, zero;
  std::uint64_t rows, tokenizer_bytes, origin_bytes;
};
static_assert(sizeof(Header) == 56 && std::is_trivially_copyable_v<Header>);

std::uint64_t padding(std::uint64_t bytes) { return (kAlignment - bytes % kAlignment) % kAlignment; }

Header header_of(const StaticTable& t) {
  Header h{};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  h.version = kVersion;
  h.tokens = static_cast<std::uint32_t>(t.tokens);
  h.frequency = static_cast<std::uint32_t>(t.frequency);
  h.feature_bits = t.feature_bits;
  h.dim = static_cast<std::uint32_t>(t.dim);
  h.rows = t.features.size();
  h.tokenizer_bytes = t.tokenizer.size();
  h.origin_bytes = t.origin.size();
  return h;
}

template <class T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// Hands every byte of the file but the digest to `sink`, in order.
void for_each_part(const StaticTable& t, const std::function<void(std::string_view)>& sink) {
  const Header header = header_of(t);
  const std::string zeros(kAlignment, '\0');
  std::uint64_t written = 0;
  const auto put = [&](std::string_view bytes) {
    sink(bytes);
    written += bytes.size();
  };
  const auto align = [&] { put(std::string_view(zeros).substr(0, padding(written))); };
  put({reinterpret_cast<const char*>(&header), sizeof header});
  put(t.tokenizer);
  put(t.origin);
  align();
  put(bytes_of(t.features));
  align();
  put(bytes_of(t.values));
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
  throw DataError(path.string() + ": " + why + "; fit the encoder again");
}

Header read_header(std::string_view bytes, const std::filesystem::path& path) {
  Header h{};
  if (bytes.size() < sizeof h) refuse(path, format("is {} bytes long, too short for a header", bytes.size()));
  std::memcpy(&h, bytes.data(), sizeof h);
  if (std::memcmp(h.magic, kMagic, sizeof kMagic) != 0) refuse(path, "is no encoder table (wrong magic number)");
  if (h.version != kVersion) refuse(path, format("has format version {}, this program reads {}", h.version, kVersion));
  if (h.tokens != 1 && h.tokens != 2) refuse(path, format("names the unknown token kind {}", h.tokens));
  if (h.frequency < 1 || h.frequency > 3) refuse(path, format("names the unknown frequency rule {}", h.frequency));
  if (h.feature_bits < 1 || h.feature_bits > 24)
    refuse(path, format("says feature_bits = {}; 1 to 24", h.feature_bits));
  if (h.dim < 1 || h.dim > 4096) refuse(path, format("says dim = {}; 1 to 4096", h.dim));
  if (h.zero != 0) refuse(path, "sets a reserved field");
  if (h.rows > std::uint64_t{1} << h.feature_bits) refuse(path, format("says {} rows, more than features", h.rows));
  if (h.tokenizer_bytes > kMaxTextBytes || h.origin_bytes > kMaxTextBytes) refuse(path, "says an absurd text length");
  return h;
}

/// Where the parts lie. Bounds in read_header keep every product and sum below 2^40.
struct Layout {
  std::uint64_t features_at, values_at, digest_at;
};

Layout layout_of(const Header& h, std::uint64_t file_bytes, const std::filesystem::path& path) {
  const std::uint64_t texts = sizeof h + h.tokenizer_bytes + h.origin_bytes;
  const std::uint64_t features_at = texts + padding(texts);
  const std::uint64_t features_end = features_at + h.rows * sizeof(std::uint32_t);
  const std::uint64_t values_at = features_end + padding(features_end);
  const std::uint64_t digest_at = values_at + h.rows * h.dim * sizeof(linalg::float16);
  if (file_bytes != digest_at + kDigestHexBytes)
    refuse(path, format("is {} bytes long, its header says {}", file_bytes, digest_at + kDigestHexBytes));
  return {features_at, values_at, digest_at};
}

}  // namespace

std::string static_table_digest(const StaticTable& table) {
  Sha256 sha;
  for_each_part(table, [&](std::string_view bytes) { sha.update(bytes); });
  return sha.hex();
}

std::string save_static_table(const StaticTable& table, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto path = folder / "table.bin";
  const auto temporary = temporary_name(path).string();
  Sha256 sha;
  std::string digest;
  {
    const FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file) throw EnvironmentError(temporary + ": cannot be written: " + errno_text(errno));
    for_each_part(table, [&](std::string_view bytes) {
      sha.update(bytes);
      write_all(file.get(), bytes, temporary);
    });
    digest = sha.hex();
    write_all(file.get(), digest, temporary);
  }
  publish(path);
  return digest;
}

void check_static_table(const std::filesystem::path& folder) {
  const auto path = folder / "table.bin";
  std::ifstream in(path, std::ios::binary);
  std::string start(sizeof(Header), '\0');
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(in.gcount()));
  std::error_code error;
  const std::uint64_t bytes = std::filesystem::file_size(path, error);
  if (!in.is_open() || error) throw DataError(path.string() + ": cannot be read");
  layout_of(read_header(start, path), bytes, path);
}

StaticTable load_static_table(const std::filesystem::path& folder) {
  const auto path = folder / "table.bin";
  const std::string bytes = read_file(path, kMaxTableBytes);
  const Header h = read_header(bytes, path);
  const Layout at = layout_of(h, bytes.size(), path);
  const std::string_view all = bytes;
  if (sha256_hex(all.substr(0, at.digest_at)) != all.substr(at.digest_at)) refuse(path, "does not match its SHA-256");

  StaticTable t;
  t.tokens = static_cast<TokenKind>(h.tokens);
  t.frequency = static_cast<Frequency>(h.frequency);
  t.feature_bits = h.feature_bits;
  t.dim = h.dim;
  t.tokenizer = all.substr(sizeof h, h.tokenizer_bytes);
  t.origin = all.substr(sizeof h + h.tokenizer_bytes, h.origin_bytes);
  t.features.resize(h.rows);
  t.values.resize(h.rows * h.dim);
  if (h.rows != 0) {
    std::memcpy(t.features.data(), bytes.data() + at.features_at, t.features.size() * sizeof(std::uint32_t));
    std::memcpy(t.values.data(), bytes.data() + at.values_at, t.values.size() * sizeof(linalg::float16));
  }
  for (std::size_t i = 0; i < t.features.size(); ++i) {
    if (t.features[i] >> t.feature_bits != 0 || (i > 0 && t.features[i] <= t.features[i - 1])) {
      refuse(path, format("lists feature {} out of order or range at row {}", t.features[i], i));
    }
  }
  for (std::size_t i = 0; i < t.values.size(); ++i) {
    if ((t.values[i] & 0x7c00U) == 0x7c00U)
      refuse(path, format("holds a value that is not finite in row {}", i / t.dim));
  }
  return t;
}

}  // namespace equal::encode
