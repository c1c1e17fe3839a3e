// Our use of HDF5: a few contiguous little-endian arrays and flat attributes, checked as header.hpp says. Internal to
// store/.
//
// The HDF5 library lays the file out and reads the layout back; the arrays' bytes go through pread/pwrite at the
// addresses that it names (contiguous layout: H5Dget_offset). So I/O errors carry errno, reading needs no lock, and no
// size that a file claims makes HDF5 allocate. Library calls are serialised by one mutex: Debian's build is not
// thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/base/json.hpp"
#include "equal/store/header.hpp"

#include "yielding_file.hpp"

namespace equal::store {

enum class ElementType { u8, u16, u32, u64, f16, f64 };
std::size_t size_of(ElementType type) noexcept;
const char* name_of(ElementType type) noexcept;

inline constexpr std::uint64_t kCheckBlockBytes = std::uint64_t{64} << 10;

struct ArrayShape {
  std::string name;
  ElementType type;
  std::vector<std::uint64_t> dims;  // 1 or 2
};

class ArrayFileWriter {
 public:
  /// Creates temporary_name(path) with all arrays laid out.
  ArrayFileWriter(std::filesystem::path path, std::string format, std::uint64_t version,
                  std::vector<ArrayShape> arrays);
  ~ArrayFileWriter();
  ArrayFileWriter(ArrayFileWriter&&) noexcept;

  /// The next bytes of array `index` (order of the constructor). Arrays may be filled in any interleaving.
  void append_bytes(std::size_t index, std::string_view bytes);
  template <class T>
  requires std::is_arithmetic_v<T>
  void append(std::size_t index, std::span<const T> values) {
    append_bytes(index, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  }

  /// REQUIRES: all arrays are full. `attributes`: a flat object of strings, unsigned integers and doubles.
  /// Publishes the file and returns its content digest.
  std::string finish(const Json& attributes, const MadeFrom& made_from);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ArrayFileReader {
 public:
  /// Opens and checks the header chain; DataError when `format` differs or the version is above `newest_version`.
  /// An empty format accepts any.
  ArrayFileReader(std::filesystem::path path, const std::string& format, std::uint64_t newest_version, Verify verify);
  ~ArrayFileReader();

  const std::filesystem::path& path() const noexcept { return path_; }
  const FileHeader& header() const noexcept { return header_; }
  std::uint64_t unsigned_attribute(const std::string& name) const;
  std::string string_attribute(const std::string& name) const;

  /// Finds an array, which must have this type and rank; a negative dimension in `dims` stands for any size.
  std::size_t find(const std::string& name, ElementType type, const std::vector<std::int64_t>& dims) const;
  std::uint64_t dim(std::size_t array, std::size_t axis) const { return arrays_[array].shape.dims[axis]; }
  std::uint64_t bytes(std::size_t array) const { return arrays_[array].bytes; }

  /// Bytes [first, first + out.size()) of an array; checks the CRC of every block that it touches for the first time.
  void read_bytes(std::size_t array, std::uint64_t first, std::span<std::byte> out) const;
  template <class T>
  void read(std::size_t array, std::uint64_t first_element, std::span<T> out) const {
    read_bytes(array, first_element * sizeof(T), std::as_writable_bytes(out));
  }
  /// A whole one- or two-dimensional array.
  template <class T>
  std::vector<T> read_all(std::size_t array) const {
    std::vector<T> out(bytes(array) / sizeof(T));
    read(array, 0, std::span<T>(out));
    return out;
  }
  [[noreturn]] void fail(const std::string& array, const std::string& problem) const;

 private:
  struct Array {
    ArrayShape shape;
    std::uint64_t bytes = 0, address = 0;
    std::string sha256;
    std::vector<std::uint32_t> crcs;                       // one a block
    mutable std::unique_ptr<std::atomic<bool>[]> checked;  // one a block
  };
  void load_layout();
  void check_header(const std::string& format, std::uint64_t newest_version);
  void check_everything() const;
  void pread_exactly(const Array& array, std::uint64_t first, std::span<std::byte> out) const;

  std::filesystem::path path_;
  YieldingFile file_;
  FileHeader header_;
  Json attributes_;
  std::vector<Array> arrays_;
};

}  // namespace equal::store
