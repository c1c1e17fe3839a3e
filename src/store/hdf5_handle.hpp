// RAII for HDF5 identifiers, quiet errors, the one lock. Included by hdf5_*.cpp only.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <utility>

#include <hdf5.h>

#include "hdf5_file.hpp"

namespace equal::store::hdf5 {

/// Serialises all use of the library and turns its printing of errors off.
class Session {
 public:
  Session();

 private:
  std::scoped_lock<std::mutex> lock_;
};

class Handle {
 public:
  using Closer = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Closer closer) : id_(id), closer_(closer) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }
  ~Handle() { close(); }
  hid_t get() const noexcept { return id_; }
  explicit operator bool() const noexcept { return id_ >= 0; }
  bool close() noexcept { return id_ < 0 || closer_(std::exchange(id_, -1)) >= 0; }

 private:
  hid_t id_ = -1;
  Closer closer_ = nullptr;
};

/// What the library said about the last failed call, innermost first; clears it.
std::string last_error();

Handle file_access();                ///< newest file format (checksummed metadata), no file locks
Handle make_type(ElementType type);  ///< the little-endian file type

}  // namespace equal::store::hdf5
