// Reader and writer of safetensors files: a JSON header of names, types, shapes and byte ranges, then the bytes.
// Format: https://github.com/huggingface/safetensors (u64 little-endian header length, header, data).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::encode {

/// The header is checked in the constructor: its length, every shape against its byte range, every range against the
/// file and the others. Values are read on demand and converted to float32. All messages name the file and the tensor.
class SafeTensors {
 public:
  explicit SafeTensors(std::filesystem::path file);

  bool contains(const std::string& name) const { return tensors_.contains(name); }
  /// The tensor as float32 from F32, F16 or BF16. Throws DataError when it is missing, has another shape or type, or
  /// holds NaN or infinity.
  linalg::Matrix<float> matrix(const std::string& name, std::size_t rows, std::size_t columns) const;
  std::vector<float> vector(const std::string& name, std::size_t size) const;

 private:
  struct Tensor {
    std::string type;
    std::vector<std::uint64_t> shape;
    std::uint64_t first = 0, last = 0;  // bytes in the data
  };
  void read(const std::string& name, const std::vector<std::uint64_t>& shape, std::span<float> out) const;
  [[noreturn]] void fail(const std::string& name, const std::string& text) const;

  std::filesystem::path file_;
  std::uint64_t data_ = 0;  // where it starts in the file
  std::map<std::string, Tensor> tensors_;
};

/// A tensor to be written, float32.
struct NamedTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::span<const float> values;
};

/// Writes `file` under a temporary name and renames it: the header in the order given, data aligned to 64 bytes,
/// metadata
/// {"format": "pt"}, which Hugging Face readers ask for. REQUIRES: sizes that fit the shapes, no name twice.
void write_safetensors(const std::filesystem::path& file, std::span<const NamedTensor> tensors);

}  // namespace equal::encode
