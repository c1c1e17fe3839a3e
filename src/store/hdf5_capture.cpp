#include "hdf5_capture.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "equal/base/error.hpp"

#if H5_VERSION_GE(1, 14, 0)
#include <H5FDdevelop.h>
#endif

namespace equal::store::hdf5 {

void MetadataLog::write(std::uint64_t address, const char* bytes, std::size_t size) {
  writes.emplace_back(address, std::string(bytes, size));
  file_bytes = std::max(file_bytes, address + size);
}

void MetadataLog::read(std::uint64_t address, char* bytes, std::size_t size) const {
  std::fill_n(bytes, size, '\0');
  for (const auto& [at, data] : writes) {
    const std::uint64_t begin = std::max(at, address), end = std::min(at + data.size(), address + size);
    if (begin < end) std::memcpy(bytes + (begin - address), data.data() + (begin - at), end - begin);
  }
}

namespace {

struct DriverInfo {
  MetadataLog* log;
};

struct CaptureFile {
  H5FD_t base{};  // must come first: the library sees only this
  MetadataLog* log = nullptr;
  haddr_t end_of_allocation = 0;
};

CaptureFile* of(H5FD_t* file) { return reinterpret_cast<CaptureFile*>(file); }
const CaptureFile* of(const H5FD_t* file) { return reinterpret_cast<const CaptureFile*>(file); }

extern "C" {

H5FD_t* capture_open(const char*, unsigned flags, hid_t access, haddr_t) {
  const auto* info = static_cast<const DriverInfo*>(H5Pget_driver_info(access));
  if (info == nullptr) return nullptr;
  if ((flags & H5F_ACC_TRUNC) != 0) *info->log = {};
  auto file = std::make_unique<CaptureFile>();
  file->log = info->log;
  return &file.release()->base;
}
herr_t capture_close(H5FD_t* file) {
  delete of(file);
  return 0;
}
int capture_compare(const H5FD_t* a, const H5FD_t* b) { return a < b ? -1 : a > b; }
herr_t capture_query(const H5FD_t*, unsigned long* flags) {
  if (flags != nullptr) *flags = H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}
haddr_t capture_get_eoa(const H5FD_t* file, H5FD_mem_t) { return of(file)->end_of_allocation; }
herr_t capture_set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  of(file)->end_of_allocation = address;
  return 0;
}
haddr_t capture_get_eof(const H5FD_t* file, H5FD_mem_t) { return of(file)->log->file_bytes; }
herr_t capture_read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
  of(file)->log->read(address, static_cast<char*>(buffer), size);
  return 0;
}
herr_t capture_write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, const void* buffer) {
  of(file)->log->write(address, static_cast<const char*>(buffer), size);
  return 0;
}
herr_t capture_truncate(H5FD_t* file, hid_t, hbool_t) {
  of(file)->log->file_bytes = of(file)->end_of_allocation;
  return 0;
}

}  // extern "C"

hid_t register_driver() {
  static H5FD_class_t driver{};
#if H5_VERSION_GE(1, 14, 0)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = H5_VFD_RESERVED;
#endif
  driver.name = "equal_capture";
  driver.maxaddr = (haddr_t{1} << 62) - 1;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(DriverInfo);
  driver.open = &capture_open;
  driver.close = &capture_close;
  driver.cmp = &capture_compare;
  driver.query = &capture_query;
  driver.get_eoa = &capture_get_eoa;
  driver.set_eoa = &capture_set_eoa;
  driver.get_eof = &capture_get_eof;
  driver.read = &capture_read;
  driver.write = &capture_write;
  driver.truncate = &capture_truncate;
  constexpr H5FD_mem_t kMap[] = H5FD_FLMAP_DICHOTOMY;
  static_assert(std::size(kMap) == H5FD_MEM_NTYPES);
  std::copy(std::begin(kMap), std::end(kMap), std::begin(driver.fl_map));
  return H5FDregister(&driver);
}

}  // namespace

Handle capturing_access(MetadataLog& log) {
  static const hid_t driver = register_driver();
  const DriverInfo info{&log};
  Handle access = file_access();
  if (driver < 0 || H5Pset_driver(access.get(), driver, &info) < 0) {
    throw InternalError("the HDF5 file driver cannot be set up: " + last_error());
  }
  return access;
}

}  // namespace equal::store::hdf5
