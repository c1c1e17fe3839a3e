#include "npy.hpp"

#include <cstring>
#include <regex>
#include <string>

#include "equal/base/bytes.hpp"
#include "equal/base/checked.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"

namespace equal::bench {
namespace {

struct Array {
  std::string bytes;
  std::size_t offset = 0, rows = 0, columns = 1;
};

Array read_array(const std::filesystem::path& path, const std::string& type) {
  Array out;
  out.bytes = read_file(path, std::uint64_t{1} << 33);
  const std::string where = path.string();
  if (out.bytes.size() < 10 || out.bytes.compare(0, 6, "\x93NUMPY") != 0) throw DataError(where + ": not a .npy file");
  const std::size_t header = static_cast<unsigned char>(out.bytes[8]) + 256U * static_cast<unsigned char>(out.bytes[9]);
  out.offset = 10 + header;
  const std::string text = out.bytes.substr(10, header);
  const std::regex form("'descr': '([^']+)', 'fortran_order': False, 'shape': \\((\\d+),(?: (\\d+))?\\)");
  std::smatch found;
  if (!std::regex_search(text, found, form) || found[1] != type) {
    throw DataError(where + ": expected a C-order array of " + type + ", found " + text);
  }
  out.rows = std::stoull(found[2]);
  if (found[3].matched) out.columns = std::stoull(found[3]);
  const auto cells = checked_multiply<std::uint64_t>(out.rows, out.columns, "the size of an array");
  if (checked_multiply<std::uint64_t>(cells, 4, "the size of an array") != out.bytes.size() - out.offset) {
    throw DataError(where + ": truncated");
  }
  return out;
}

}  // namespace

linalg::Matrix<float> read_matrix(const std::filesystem::path& path) {
  const Array a = read_array(path, "<f4");
  linalg::Matrix<float> out(a.rows, a.columns);
  std::memcpy(out.values().data(), a.bytes.data() + a.offset, a.bytes.size() - a.offset);
  return out;
}

std::vector<std::int32_t> read_integers(const std::filesystem::path& path) {
  const Array a = read_array(path, "<i4");
  std::vector<std::int32_t> out(a.rows * a.columns);
  std::memcpy(out.data(), a.bytes.data() + a.offset, a.bytes.size() - a.offset);
  return out;
}

}  // namespace equal::bench
