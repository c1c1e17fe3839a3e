#include "hdf5_handle.hpp"

#include "equal/base/error.hpp"
#include "equal/store/libraries.hpp"

namespace equal::store {

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

std::size_t size_of(ElementType type) noexcept {
  switch (type) {
    case ElementType::u8:
      return 1;
    case ElementType::u16:
    case ElementType::f16:
      return 2;
    case ElementType::u32:
      return 4;
    case ElementType::u64:
    case ElementType::f64:
      return 8;
  }
  return 1;
}

const char* name_of(ElementType type) noexcept {
  switch (type) {
    case ElementType::u8:
      return "u8";
    case ElementType::u16:
      return "u16";
    case ElementType::u32:
      return "u32";
    case ElementType::u64:
      return "u64";
    case ElementType::f16:
      return "f16";
    case ElementType::f64:
      return "f64";
  }
  return "?";
}

namespace hdf5 {
namespace {

std::mutex& library_lock() {
  static std::mutex lock;
  return lock;
}

extern "C" herr_t collect_error(unsigned, const H5E_error2_t* error, void* out) {
  auto& text = *static_cast<std::string*>(out);
  if (text.empty() && error->desc != nullptr) text = error->desc;
  return 0;
}

}  // namespace

Session::Session() : lock_(library_lock()) { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

std::string last_error() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, &collect_error, &text);
  H5Eclear2(H5E_DEFAULT);
  return text.empty() ? "no further word from the HDF5 library" : text;
}

Handle file_access() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), &H5Pclose);
  if (H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110) < 0 ||
      H5Pset_file_locking(access.get(), false, true) < 0) {
    throw InternalError("HDF5 file access cannot be set up: " + last_error());
  }
  return access;
}

Handle make_type(ElementType type) {
  switch (type) {
    case ElementType::u8:
      return {H5Tcopy(H5T_STD_U8LE), &H5Tclose};
    case ElementType::u16:
      return {H5Tcopy(H5T_STD_U16LE), &H5Tclose};
    case ElementType::u32:
      return {H5Tcopy(H5T_STD_U32LE), &H5Tclose};
    case ElementType::u64:
      return {H5Tcopy(H5T_STD_U64LE), &H5Tclose};
    case ElementType::f64:
      return {H5Tcopy(H5T_IEEE_F64LE), &H5Tclose};
    case ElementType::f16:
      break;
  }
  // HDF5 1.10 has no binary16; this is the type that h5py writes for '<f2': sign at 15, 5 exponent bits, 10 of
  // mantissa.
  Handle half(H5Tcopy(H5T_IEEE_F32LE), &H5Tclose);
  if (H5Tset_fields(half.get(), 15, 10, 5, 0, 10) < 0 || H5Tset_size(half.get(), 2) < 0 ||
      H5Tset_ebias(half.get(), 15) < 0) {
    throw InternalError("HDF5 refuses the binary16 type: " + last_error());
  }
  return half;
}

}  // namespace hdf5
}  // namespace equal::store
