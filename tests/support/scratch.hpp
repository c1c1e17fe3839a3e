// Scratch folders and fixture paths for tests.
#pragma once

#include <filesystem>
#include <string>

namespace equal::test {

/// A fresh empty folder below the test's working directory, removed by the destructor.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& name);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path operator/(const std::string& leaf) const { return path_ / leaf; }

 private:
  std::filesystem::path path_;
};

/// tests/data/<name> of the source tree.
std::filesystem::path fixture(const std::string& name);

}  // namespace equal::test
