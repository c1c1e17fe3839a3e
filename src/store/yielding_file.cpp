#include "yielding_file.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>

#include <fcntl.h>
#include <sys/resource.h>

#include "equal/base/error.hpp"

namespace equal::store {
namespace {

/// Guards every file's descriptor and the list of those that are open, most recently read first.
struct OpenFiles {
  std::mutex lock;
  std::list<const YieldingFile*> files;
};

OpenFiles& open_files() {
  static OpenFiles all;
  return all;
}

}  // namespace

YieldingFile::YieldingFile(std::filesystem::path path) : path_(std::move(path)) {
  const std::scoped_lock lock(open_files().lock);
  status_ = open();
}

YieldingFile::~YieldingFile() {
  OpenFiles& all = open_files();
  const std::scoped_lock lock(all.lock);
  if (fd_) all.files.erase(place_);
}

std::size_t YieldingFile::most_open() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 4096;
  return static_cast<std::size_t>(std::clamp<rlim_t>(limit.rlim_cur / 4, 8, 4096));
}

struct ::stat YieldingFile::open() const {
  const std::size_t most = most_open();
  auto& files = open_files().files;
  while (files.size() >= most) {  // whoever reads from one of them now keeps it open that long
    files.back()->fd_.reset();
    files.pop_back();
  }
  FileDescriptor fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  struct ::stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0)
    throw DataError(path_.string() + ": cannot be opened: " + errno_text(errno));
  fd_ = std::make_shared<const FileDescriptor>(std::move(fd));
  files.push_front(this);
  place_ = files.begin();
  return status;
}

std::shared_ptr<const FileDescriptor> YieldingFile::descriptor() const {
  OpenFiles& all = open_files();
  const std::scoped_lock lock(all.lock);
  if (fd_) {
    all.files.splice(all.files.begin(), all.files, place_);
    return fd_;
  }
  const struct ::stat now = open();
  if (now.st_ino != status_.st_ino || now.st_dev != status_.st_dev || now.st_size != status_.st_size)
    throw DataError(path_.string() + ": was replaced while it was in use; run the same command again");
  return fd_;
}

std::size_t YieldingFile::read_at(std::span<std::byte> out, std::uint64_t offset) const {
  return equal::read_at(descriptor()->get(), out, offset, path_.string());
}

}  // namespace equal::store
