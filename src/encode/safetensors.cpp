#include "equal/encode/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>

#include <fcntl.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/sorted_json.hpp"
#include "equal/linalg/float16.hpp"

namespace equal::encode {
namespace {

using Node = SortedJson;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr std::size_t kMaxDimensions = 8;

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

std::uint64_t bytes_of(const std::string& type) {
  static const std::map<std::string, std::uint64_t> sizes = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2},
      {"I8", 1},  {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"BOOL", 1}};
  const auto found = sizes.find(type);
  return found == sizes.end() ? 0 : found->second;
}

std::string text_of(const std::vector<std::uint64_t>& shape) { return format("[{}]", fmt::join(shape, ", ")); }

}  // namespace

void SafeTensors::fail(const std::string& name, const std::string& text) const {
  throw DataError(format("{}: tensor \"{}\": {}", file_.string(), name, text));
}

SafeTensors::SafeTensors(std::filesystem::path file) : file_(std::move(file)) {
  std::ifstream in(file_, std::ios::binary | std::ios::ate);
  if (!in) throw DataError(file_.string() + ": cannot be read");
  const auto size = static_cast<std::uint64_t>(in.tellg());
  std::uint64_t header_bytes = 0;
  in.seekg(0);
  if (size < 8 || !in.read(reinterpret_cast<char*>(&header_bytes), 8))
    throw DataError(file_.string() + ": shorter than 8 bytes");
  if (header_bytes > kMaxHeaderBytes || header_bytes > size - 8) {
    throw DataError(format("{}: a header of {} bytes in a file of {}; at most {} are possible", file_.string(),
                           header_bytes, size, std::min(kMaxHeaderBytes, size - 8)));
  }
  data_ = 8 + header_bytes;
  const std::uint64_t data_bytes = size - data_;
  std::string header(header_bytes, '\0');
  if (!in.read(header.data(), static_cast<std::streamsize>(header_bytes)))
    throw DataError(file_.string() + ": cannot be read");
  const Node root = parse_sorted_json(header, file_.string() + ": the header is no JSON object");
  if (!root.is_object()) throw DataError(file_.string() + ": the header is no JSON object");

  for (const auto& [name, node] : root.items()) {
    if (name == "__metadata__") continue;
    if (!node.is_object()) fail(name, "an object with dtype, shape and data_offsets is expected");
    const Node type = node.value("dtype", Node()), shape = node.value("shape", Node()),
               range = node.value("data_offsets", Node());
    Tensor t;
    if (!type.is_string()) fail(name, "dtype is missing");
    t.type = type.get<std::string>();
    std::uint64_t bytes = bytes_of(t.type);
    if (bytes == 0) fail(name, format("dtype {} is not known", t.type));
    if (!shape.is_array() || shape.size() > kMaxDimensions)
      fail(name, format("shape: at most {} sizes are expected", kMaxDimensions));
    for (const Node& n : shape) {
      if (!n.is_number_unsigned()) fail(name, "shape: sizes are expected");
      t.shape.push_back(n.get<std::uint64_t>());
      if (__builtin_mul_overflow(bytes, t.shape.back(), &bytes)) fail(name, "its shape overflows");
    }
    if (!range.is_array() || range.size() != 2 || !range[0].is_number_unsigned() || !range[1].is_number_unsigned()) {
      fail(name, "data_offsets: two positions are expected");
    }
    t.first = range[0].get<std::uint64_t>();
    t.last = range[1].get<std::uint64_t>();
    if (t.first > t.last || t.last > data_bytes) {
      fail(name, format("bytes {} to {} lie outside the {} bytes of data", t.first, t.last, data_bytes));
    }
    if (t.last - t.first != bytes) {
      fail(name, format("{} bytes for the shape {} of {}; {} are expected", t.last - t.first, text_of(t.shape), t.type,
                        bytes));
    }
    tensors_.emplace(name, std::move(t));
  }
  std::vector<std::pair<const std::string, Tensor>*> order;
  for (auto& entry : tensors_) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) {
    return std::pair(a->second.first, a->second.last) < std::pair(b->second.first, b->second.last);
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i]->second.first < order[i - 1]->second.last) {
      fail(order[i]->first, format("its bytes overlap those of \"{}\"", order[i - 1]->first));
    }
  }
}

void SafeTensors::read(const std::string& name, const std::vector<std::uint64_t>& shape, std::span<float> out) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) fail(name, format("is missing; shape {} is expected", text_of(shape)));
  const Tensor& t = found->second;
  if (t.shape != shape) fail(name, format("has shape {}; {} is expected", text_of(t.shape), text_of(shape)));
  if (t.type != "F32" && t.type != "F16" && t.type != "BF16")
    fail(name, format("has dtype {}; F32, F16 or BF16 is expected", t.type));
  std::vector<char> bytes(t.last - t.first);
  std::ifstream in(file_, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(data_ + t.first));
  if (!in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) fail(name, "cannot be read");
  if (t.type == "F32") {
    if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  } else {
    for (std::size_t i = 0; i < out.size(); ++i) {
      std::uint16_t half = 0;
      std::memcpy(&half, bytes.data() + 2 * i, 2);
      out[i] =
          t.type == "F16" ? linalg::to_float32(half) : std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16U);
    }
  }
  const auto bad = std::find_if(out.begin(), out.end(), [](float v) { return !std::isfinite(v); });
  if (bad != out.end()) fail(name, format("value {} is {}", bad - out.begin(), *bad));
}

linalg::Matrix<float> SafeTensors::matrix(const std::string& name, std::size_t rows, std::size_t columns) const {
  // The shape is compared before the memory is taken: sizes from config.json alone must not allocate.
  const auto found = tensors_.find(name);
  if (found == tensors_.end() || found->second.shape != std::vector<std::uint64_t>{rows, columns})
    read(name, {rows, columns}, {});
  linalg::Matrix<float> out(rows, columns);
  read(name, {rows, columns}, out.values());
  return out;
}

std::vector<float> SafeTensors::vector(const std::string& name, std::size_t size) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end() || found->second.shape != std::vector<std::uint64_t>{size}) read(name, {size}, {});
  std::vector<float> out(size);
  read(name, {size}, out);
  return out;
}

void write_safetensors(const std::filesystem::path& file, std::span<const NamedTensor> tensors) {
  Json header = Json::object();
  header["__metadata__"] = {{"format", "pt"}};
  std::uint64_t at = 0;
  for (const NamedTensor& t : tensors) {
    std::uint64_t n = 1;
    for (const std::uint64_t size : t.shape) n *= size;
    if (n != t.values.size())
      throw InternalError(format("tensor {}: {} values do not fit its shape", t.name, t.values.size()));
    header[t.name] = {{"dtype", "F32"}, {"shape", t.shape}, {"data_offsets", {at, at + t.values.size_bytes()}}};
    at += t.values.size_bytes();
  }
  std::string text = dump_json(header);
  text.append((64 - (8 + text.size()) % 64) % 64, ' ');
  const auto temporary = temporary_name(file).string();
  const FileDescriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) throw EnvironmentError(temporary + ": cannot be written: " + errno_text(errno));
  const std::uint64_t size = text.size();
  write_all(fd.get(), {reinterpret_cast<const char*>(&size), sizeof size}, temporary);
  write_all(fd.get(), text, temporary);
  for (const NamedTensor& t : tensors) {
    write_all(fd.get(), {reinterpret_cast<const char*>(t.values.data()), t.values.size_bytes()}, temporary);
  }
  publish(file);
}

}  // namespace equal::encode
