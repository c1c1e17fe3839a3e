#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include "equal/base/checked.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "hdf5_capture.hpp"
#include "hdf5_content.hpp"
#include "hdf5_handle.hpp"

namespace equal::store {
namespace fs = std::filesystem;

namespace {

/// One array while it is filled.
struct Filling {
  ArrayShape shape;
  std::uint64_t bytes = 0, address = 0, filled = 0;
  std::uint64_t crc_address = 0;
  std::uint32_t crc = 0;  // of the block that is being filled
  std::vector<std::uint32_t> crcs;
  std::unique_ptr<Sha256> sha = std::make_unique<Sha256>();

  void checksum(std::string_view part) {
    sha->update(part);
    while (!part.empty()) {
      const std::uint64_t room = kCheckBlockBytes - filled % kCheckBlockBytes;
      const std::string_view head = part.substr(0, room);
      crc = crc32(head, crc);
      filled += head.size();
      part.remove_prefix(head.size());
      if (filled % kCheckBlockBytes == 0 || filled == bytes) crcs.push_back(std::exchange(crc, 0));
    }
  }
};

void write_attribute(const hdf5::Handle& owner, const std::string& name, const Json& value, const fs::path& path) {
  using hdf5::Handle;
  const Handle space(H5Screate(H5S_SCALAR), &H5Sclose);
  Handle type, memory;
  std::string text;
  std::uint64_t whole = 0;
  double real = 0.0;
  const void* data = nullptr;
  if (value.is_string()) {
    text = value.get<std::string>();
    type = Handle(H5Tcopy(H5T_C_S1), &H5Tclose);
    H5Tset_size(type.get(), std::max<std::size_t>(text.size(), 1));
    H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    memory = Handle(H5Tcopy(type.get()), &H5Tclose);
    text.resize(std::max<std::size_t>(text.size(), 1));
    data = text.data();
  } else if (value.is_number_float()) {
    real = value.get<double>();
    type = hdf5::make_type(ElementType::f64);
    memory = Handle(H5Tcopy(H5T_NATIVE_DOUBLE), &H5Tclose);
    data = &real;
  } else {
    whole = value.get<std::uint64_t>();
    type = hdf5::make_type(ElementType::u64);
    memory = Handle(H5Tcopy(H5T_NATIVE_UINT64), &H5Tclose);
    data = &whole;
  }
  const Handle attribute(H5Acreate2(owner.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
                         &H5Aclose);
  if (!attribute || H5Awrite(attribute.get(), memory.get(), data) < 0) {
    throw InternalError(format("{}: attribute {} cannot be made: {}", path.string(), name, hdf5::last_error()));
  }
}

}  // namespace

struct ArrayFileWriter::Impl {
  fs::path path;
  std::string temporary;
  std::string format_name;
  std::uint64_t version = 0;
  std::vector<Filling> arrays;
  hdf5::MetadataLog metadata;
  hdf5::Handle file;
  std::vector<hdf5::Handle> datasets;
  FileDescriptor fd;
  bool published = false;

  [[noreturn]] void fail(const std::string& problem) const {
    throw InternalError(format("{}: {}: {}", temporary, problem, hdf5::last_error()));
  }

  void create_file() {
    const hdf5::Handle access = hdf5::capturing_access(metadata);
    const hdf5::Handle creation(H5Pcreate(H5P_FILE_CREATE), &H5Pclose);
    // Attributes and links inside the (checksummed) object headers, whatever their number; no times: equal content,
    // equal bytes.
    H5Pset_attr_phase_change(creation.get(), 1000, 0);
    H5Pset_link_phase_change(creation.get(), 1000, 0);
    H5Pset_obj_track_times(creation.get(), false);
    file = hdf5::Handle(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), &H5Fclose);
    if (!file) fail("cannot be created");
  }

  std::uint64_t create_array(const hdf5::Handle& group, const ArrayShape& shape, bool keep) {
    const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE), &H5Pclose);
    H5Pset_layout(creation.get(), H5D_CONTIGUOUS);
    H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER);
    H5Pset_obj_track_times(creation.get(), false);
    const std::vector<hsize_t> dims(shape.dims.begin(), shape.dims.end());
    const hdf5::Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), &H5Sclose);
    const hdf5::Handle type = hdf5::make_type(shape.type);
    hdf5::Handle dataset(
        H5Dcreate2(group.get(), shape.name.c_str(), type.get(), space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
        &H5Dclose);
    if (!dataset) fail("dataset " + shape.name + " cannot be created");
    const haddr_t address = H5Dget_offset(dataset.get());
    if (keep) datasets.push_back(std::move(dataset));
    return address == HADDR_UNDEF ? 0 : address;
  }

  void lay_out(std::vector<ArrayShape> shapes) {
    const hdf5::Session session;
    create_file();
    const hdf5::Handle group_creation(H5Pcreate(H5P_GROUP_CREATE), &H5Pclose);
    H5Pset_link_phase_change(group_creation.get(), 1000, 0);
    H5Pset_obj_track_times(group_creation.get(), false);
    const hdf5::Handle checks(H5Gcreate2(file.get(), kChecksGroup, H5P_DEFAULT, group_creation.get(), H5P_DEFAULT),
                              &H5Gclose);
    if (!checks) fail("the group of checksums cannot be created");
    for (ArrayShape& shape : shapes) {
      Filling& array = arrays.emplace_back();
      array.bytes = size_of(shape.type);
      for (const std::uint64_t d : shape.dims) array.bytes = checked_multiply(array.bytes, d, "the size of an array");
      array.address = create_array(file, shape, true);
      array.crc_address = create_array(checks, {shape.name, ElementType::u32, {check_blocks(array.bytes)}}, false);
      array.shape = std::move(shape);
    }
  }
};

ArrayFileWriter::ArrayFileWriter(fs::path path, std::string format_name, std::uint64_t version,
                                 std::vector<ArrayShape> arrays)
    : impl_(std::make_unique<Impl>()) {
  impl_->temporary = temporary_name(path).string();
  impl_->path = std::move(path);
  impl_->format_name = std::move(format_name);
  impl_->version = version;
  impl_->lay_out(std::move(arrays));
  impl_->fd = FileDescriptor(::open(impl_->temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!impl_->fd) throw EnvironmentError(impl_->temporary + ": cannot be created: " + errno_text(errno));
}

ArrayFileWriter::~ArrayFileWriter() {
  if (!impl_ || impl_->published) return;
  {
    const hdf5::Session session;
    impl_->datasets.clear();
    impl_->file.close();
  }
  ::unlink(impl_->temporary.c_str());  // gives a full disk its space back
}

ArrayFileWriter::ArrayFileWriter(ArrayFileWriter&&) noexcept = default;

void ArrayFileWriter::append_bytes(std::size_t index, std::string_view bytes) {
  Filling& array = impl_->arrays.at(index);
  if (bytes.size() > array.bytes - array.filled) {
    throw InternalError(format("{}: more bytes than announced for {}", impl_->path.string(), array.shape.name));
  }
  write_all_at(impl_->fd.get(), bytes, array.address + array.filled, impl_->temporary);
  array.checksum(bytes);
}

std::string ArrayFileWriter::finish(const Json& attributes, const MadeFrom& made_from) {
  Content content;
  for (const auto& [name, value] : attributes.items()) content.attributes[name] = value;
  for (const auto& [name, digest] : made_from) content.attributes[kMadeFromPrefix + name] = digest;
  content.attributes["format"] = impl_->format_name;
  content.attributes["version"] = impl_->version;
  for (Filling& array : impl_->arrays) {
    if (array.filled != array.bytes) {
      throw InternalError(format("{}: {} of {} bytes of {} were written", impl_->path.string(), array.filled,
                                 array.bytes, array.shape.name));
    }
    const std::string_view table(reinterpret_cast<const char*>(array.crcs.data()),
                                 array.crcs.size() * sizeof(std::uint32_t));
    write_all_at(impl_->fd.get(), table, array.crc_address, impl_->temporary);
    content.arrays.push_back({array.shape, array.sha->hex(), sha256_hex(table)});
  }
  std::string digest = content.digest();
  {
    const hdf5::Session session;
    for (const auto& [name, value] : content.attributes) write_attribute(impl_->file, name, value, impl_->temporary);
    write_attribute(impl_->file, kContentDigest, digest, impl_->temporary);
    for (std::size_t i = 0; i < impl_->arrays.size(); ++i) {
      write_attribute(impl_->datasets[i], kSha256, content.arrays[i].sha256, impl_->temporary);
    }
    impl_->datasets.clear();
    if (!impl_->file.close()) impl_->fail("cannot be completed");
  }
  for (const auto& [address, bytes] : impl_->metadata.writes)
    write_all_at(impl_->fd.get(), bytes, address, impl_->temporary);
  if (::ftruncate(impl_->fd.get(), static_cast<off_t>(impl_->metadata.file_bytes)) != 0) {
    throw EnvironmentError(impl_->temporary + ": cannot be given its size: " + errno_text(errno));
  }
  impl_->fd = FileDescriptor();
  publish(impl_->path);
  impl_->published = true;
  return digest;
}

}  // namespace equal::store
