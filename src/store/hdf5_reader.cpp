#include <algorithm>
#include <optional>

#include "equal/base/checked.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "hdf5_content.hpp"
#include "hdf5_handle.hpp"

namespace equal::store {
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMaxObjects = 64;  // arrays or attributes; our formats have fewer than 20
constexpr std::size_t kMaxAttributeBytes = std::size_t{60} << 10;  // an object header message holds less than 64 KiB

/// Reads the layout of one open file; throws DataError through `fail`.
class LayoutReader {
 public:
  LayoutReader(const ArrayFileReader& owner, std::uint64_t file_bytes) : owner_(owner), file_bytes_(file_bytes) {
    const hdf5::Handle access = hdf5::file_access();
    file_ = hdf5::Handle(H5Fopen(owner.path().c_str(), H5F_ACC_RDONLY, access.get()), &H5Fclose);
    if (!file_) fail("", "is no readable HDF5 file: " + hdf5::last_error());
  }

  std::vector<std::string> array_names() const {
    H5G_info_t info{};
    if (H5Gget_info(file_.get(), &info) < 0) fail("", "its list of datasets is damaged: " + hdf5::last_error());
    if (info.nlinks > kMaxObjects)
      fail("", format("holds {} objects; our formats hold fewer than {}", info.nlinks, kMaxObjects));
    std::vector<std::string> names;
    for (hsize_t i = 0; i < info.nlinks; ++i) {
      std::array<char, 256> name{};
      const ssize_t size =
          H5Lget_name_by_idx(file_.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT);
      if (size <= 0 || static_cast<std::size_t>(size) >= name.size()) fail("", "has a damaged dataset name");
      H5L_info_t link{};
      if (H5Lget_info(file_.get(), name.data(), &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD) {
        fail(name.data(), "is a link to somewhere else, which is not allowed");
      }
      if (std::string_view(name.data()) != kChecksGroup) names.emplace_back(name.data());
    }
    return names;
  }

  struct Placed {
    ArrayShape shape;
    std::uint64_t bytes = 0, address = 0;
  };

  Placed locate(const std::string& name, const hdf5::Handle& dataset) const {
    Placed out;
    out.shape.name = name;
    const hdf5::Handle type(H5Dget_type(dataset.get()), &H5Tclose);
    const hdf5::Handle space(H5Dget_space(dataset.get()), &H5Sclose);
    const hdf5::Handle creation(H5Dget_create_plist(dataset.get()), &H5Pclose);
    if (!type || !space || !creation) fail(name, "is damaged: " + hdf5::last_error());
    out.shape.type = element_type(name, type);
    const int rank = H5Sget_simple_extent_ndims(space.get());
    if (rank != 1 && rank != 2) fail(name, format("has {} dimensions; 1 or 2 are allowed", rank));
    std::array<hsize_t, 2> dims{};
    if (H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr) != rank) fail(name, "has a damaged shape");
    out.bytes = size_of(out.shape.type);
    for (int i = 0; i < rank; ++i) {
      const auto d = static_cast<std::uint64_t>(dims[static_cast<std::size_t>(i)]);
      out.shape.dims.push_back(d);
      if (__builtin_mul_overflow(out.bytes, d, &out.bytes)) fail(name, "has an impossible shape");
    }
    if (H5Pget_layout(creation.get()) != H5D_CONTIGUOUS || H5Pget_external_count(creation.get()) != 0) {
      fail(name, "is not stored as one contiguous piece of this file, as this program writes it");
    }
    if (out.bytes == 0) return out;
    const haddr_t address = H5Dget_offset(dataset.get());
    if (address == HADDR_UNDEF || address > file_bytes_ || out.bytes > file_bytes_ - address) {
      fail(name, format("needs {} bytes but the file ends before (it has {}): it was cut off", out.bytes, file_bytes_));
    }
    out.address = address;
    return out;
  }

  hdf5::Handle open(const std::string& name) const {
    hdf5::Handle dataset(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), &H5Dclose);
    if (!dataset) fail(name, "cannot be opened: " + hdf5::last_error());
    return dataset;
  }

  std::map<std::string, Json> attributes(const std::string& where, hid_t object) const {
    H5O_info_t info{};
    if (H5Oget_info2(object, &info, H5O_INFO_NUM_ATTRS) < 0) fail(where, "is damaged: " + hdf5::last_error());
    if (info.num_attrs > kMaxObjects)
      fail(where, format("has {} attributes; fewer than {} are allowed", info.num_attrs, kMaxObjects));
    std::map<std::string, Json> out;
    for (hsize_t i = 0; i < info.num_attrs; ++i) {
      const hdf5::Handle attribute(H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT),
                                   &H5Aclose);
      std::array<char, 256> name{};
      if (!attribute || H5Aget_name(attribute.get(), name.size(), name.data()) < 0) {
        fail(where, "has a damaged attribute: " + hdf5::last_error());
      }
      out[name.data()] = attribute_value(name.data(), attribute);
    }
    return out;
  }

  hid_t root() const { return file_.get(); }

 private:
  [[noreturn]] void fail(const std::string& array, const std::string& problem) const { owner_.fail(array, problem); }

  ElementType element_type(const std::string& name, const hdf5::Handle& type) const {
    for (const auto candidate :
         {ElementType::u8, ElementType::u16, ElementType::u32, ElementType::u64, ElementType::f16, ElementType::f64}) {
      if (H5Tequal(type.get(), hdf5::make_type(candidate).get()) > 0) return candidate;
    }
    fail(name, "has an element type that no format of this program uses");
  }

  Json attribute_value(const std::string& name, const hdf5::Handle& attribute) const {
    const hdf5::Handle type(H5Aget_type(attribute.get()), &H5Tclose);
    const hdf5::Handle space(H5Aget_space(attribute.get()), &H5Sclose);
    if (!type || !space || H5Sget_simple_extent_npoints(space.get()) != 1) fail("attribute " + name, "is damaged");
    const std::size_t size = H5Tget_size(type.get());
    bool read = false;
    Json value;
    switch (H5Tget_class(type.get())) {
      case H5T_STRING: {
        if (H5Tis_variable_str(type.get()) != 0 || size > kMaxAttributeBytes) break;
        std::string text(size, '\0');
        read = H5Aread(attribute.get(), type.get(), text.data()) >= 0;
        text.resize(std::min(text.size(), text.find_last_not_of('\0') + 1));
        value = text;
        break;
      }
      case H5T_INTEGER: {
        std::uint64_t whole = 0;
        read = size == sizeof whole && H5Aread(attribute.get(), H5T_NATIVE_UINT64, &whole) >= 0;
        value = whole;
        break;
      }
      case H5T_FLOAT: {
        double real = 0.0;
        read = size == sizeof real && H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &real) >= 0;
        value = real;
        break;
      }
      default:
        break;
    }
    if (!read) fail("attribute " + name, "cannot be read");
    return value;
  }

  const ArrayFileReader& owner_;
  std::uint64_t file_bytes_;
  hdf5::Handle file_;
};

/// The library trusts old superblocks, which carry no checksum; ours are version 3.
bool has_checksummed_superblock(const YieldingFile& file) {
  static constexpr std::array<unsigned char, 9> kStart{0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n', 3};
  std::array<unsigned char, 9> start{};
  return file.read_at(std::as_writable_bytes(std::span(start)), 0) == start.size() && start == kStart;
}

/// Where the file ends by its superblock (version 3: the third address, checked by the library's checksum). The library
/// takes more bytes behind that for none of its business; we do not.
std::uint64_t announced_end(const YieldingFile& file) {
  constexpr std::uint64_t kEndAddress = 28;
  std::uint64_t end = 0;
  file.read_at(std::as_writable_bytes(std::span(&end, 1)), kEndAddress);
  return end;
}

}  // namespace

ArrayFileReader::ArrayFileReader(fs::path path, const std::string& format_name, std::uint64_t newest_version,
                                 Verify verify)
    : path_(std::move(path)), file_(path_) {
  load_layout();
  check_header(format_name, newest_version);
  if (verify == Verify::everything) check_everything();
}

ArrayFileReader::~ArrayFileReader() = default;

void ArrayFileReader::fail(const std::string& array, const std::string& problem) const {
  throw DataError(path_.string() + ": " + (array.empty() ? "" : array + ": ") + problem +
                  "; restore the file, or delete it and run the stage that wrote it again");
}

void ArrayFileReader::load_layout() {
  const struct ::stat& status = file_.status();
  if (!S_ISREG(status.st_mode)) fail("", "is no regular file");
  if (!has_checksummed_superblock(file_)) fail("", "does not start like an HDF5 file of this program");
  if (announced_end(file_) != static_cast<std::uint64_t>(status.st_size)) fail("", "is longer or shorter than it says");
  const hdf5::Session session;
  const LayoutReader layout(*this, static_cast<std::uint64_t>(status.st_size));
  for (const auto& [name, value] : layout.attributes("the root group", layout.root())) attributes_[name] = value;
  for (const std::string& name : layout.array_names()) {
    const hdf5::Handle dataset = layout.open(name);
    LayoutReader::Placed placed = layout.locate(name, dataset);
    const auto own = layout.attributes(name, dataset.get());
    const auto sha = own.find(kSha256);
    if (own.size() != 1 || sha == own.end() || !sha->second.is_string())
      fail(name, "does not carry exactly its SHA-256");
    const std::string check_name = std::string(kChecksGroup) + "/" + name;
    const LayoutReader::Placed table = layout.locate(check_name, layout.open(check_name));
    if (table.shape.type != ElementType::u32 || table.shape.dims != std::vector{check_blocks(placed.bytes)}) {
      fail(check_name, "is not the checksum table of " + name);
    }
    Array array;
    array.shape = std::move(placed.shape);
    array.bytes = placed.bytes;
    array.address = table.address;  // of the table first, then of the array itself
    array.sha256 = sha->second.get<std::string>();
    array.crcs.resize(table.shape.dims[0]);
    pread_exactly(array, 0, std::as_writable_bytes(std::span(array.crcs)));
    array.address = placed.address;
    array.checked = std::make_unique<std::atomic<bool>[]>(array.crcs.size());
    arrays_.push_back(std::move(array));
  }
}

void ArrayFileReader::check_header(const std::string& format_name, std::uint64_t newest_version) {
  Content content;
  for (const auto& [name, value] : attributes_.items()) {
    if (name != kContentDigest) content.attributes[name] = value;
    if (name.rfind(kMadeFromPrefix, 0) == 0)
      header_.made_from[name.substr(kMadeFromPrefix.size())] = string_attribute(name);
  }
  for (const Array& array : arrays_) {
    const std::string_view table(reinterpret_cast<const char*>(array.crcs.data()),
                                 array.crcs.size() * sizeof(std::uint32_t));
    content.arrays.push_back({array.shape, array.sha256, sha256_hex(table)});
  }
  header_.format = string_attribute("format");
  header_.version = unsigned_attribute("version");
  header_.content_digest = string_attribute(kContentDigest);
  if (!format_name.empty() && header_.format != format_name) {
    fail("attribute format", format("'{}'; expected '{}'", header_.format, format_name));
  }
  if (header_.version == 0 || header_.version > newest_version) {
    fail("attribute version",
         format("{}; this program reads up to {}: use a newer one", header_.version, newest_version));
  }
  if (content.digest() != header_.content_digest)
    fail("attribute content_digest", "does not match attributes, shapes and checksums");
}

void ArrayFileReader::check_everything() const {
  std::vector<std::byte> buffer(4 << 20);
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    Sha256 sha;
    for (std::uint64_t at = 0; at < arrays_[i].bytes; at += buffer.size()) {
      const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), arrays_[i].bytes - at));
      read_bytes(i, at, part);
      sha.update(part);
    }
    if (sha.hex() != arrays_[i].sha256) fail(arrays_[i].shape.name, "does not match its SHA-256");
  }
}

std::uint64_t ArrayFileReader::unsigned_attribute(const std::string& name) const {
  const auto found = attributes_.find(name);
  if (found == attributes_.end() || !found->is_number_unsigned())
    fail("attribute " + name, "is missing or no whole number");
  return found->get<std::uint64_t>();
}

std::string ArrayFileReader::string_attribute(const std::string& name) const {
  const auto found = attributes_.find(name);
  if (found == attributes_.end() || !found->is_string()) fail("attribute " + name, "is missing or no text");
  return found->get<std::string>();
}

std::size_t ArrayFileReader::find(const std::string& name, ElementType type,
                                  const std::vector<std::int64_t>& dims) const {
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    const ArrayShape& shape = arrays_[i].shape;
    if (shape.name != name) continue;
    if (shape.type != type)
      fail(name, format("has elements of type {}; expected {}", name_of(shape.type), name_of(type)));
    bool fits = shape.dims.size() == dims.size();
    for (std::size_t d = 0; fits && d < dims.size(); ++d)
      fits = dims[d] < 0 || shape.dims[d] == static_cast<std::uint64_t>(dims[d]);
    if (!fits) fail(name, format("has shape ({}); expected ({})", fmt::join(shape.dims, ", "), fmt::join(dims, ", ")));
    return i;
  }
  fail(name, "is missing");
}

void ArrayFileReader::pread_exactly(const Array& array, std::uint64_t first, std::span<std::byte> out) const {
  if (file_.read_at(out, array.address + first) != out.size())
    fail(array.shape.name, "ends too early: the file was cut off");
}

void ArrayFileReader::read_bytes(std::size_t index, std::uint64_t first, std::span<std::byte> out) const {
  const Array& array = arrays_[index];
  if (first > array.bytes || out.size() > array.bytes - first) {
    throw InternalError(format("{}: {}: bytes {}+{} of {} were asked for", path_.string(), array.shape.name, first,
                               out.size(), array.bytes));
  }
  pread_exactly(array, first, out);
  std::vector<std::byte> edge;
  for (std::uint64_t b = first / kCheckBlockBytes; b * kCheckBlockBytes < first + out.size(); ++b) {
    if (array.checked[b].load(std::memory_order_relaxed)) continue;
    const std::uint64_t begin = b * kCheckBlockBytes, end = std::min(array.bytes, begin + kCheckBlockBytes);
    std::span<const std::byte> block;
    if (begin >= first && end <= first + out.size()) {
      block = out.subspan(begin - first, end - begin);
    } else {
      edge.resize(end - begin);
      pread_exactly(array, begin, edge);
      block = edge;
    }
    if (crc32(block) != array.crcs[b]) {
      fail(array.shape.name, format("the CRC of bytes {} to {} does not match: the file is damaged", begin, end));
    }
    array.checked[b].store(true, std::memory_order_relaxed);
  }
}

}  // namespace equal::store
