#include "support/scratch.hpp"

#include <cstdlib>

namespace equal::test {
namespace fs = std::filesystem;

ScratchFolder::ScratchFolder(const std::string& name) : path_(fs::current_path() / name) {
  fs::remove_all(path_);
  fs::create_directories(path_);
}
ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path fixture(const std::string& name) {
  const char* source = std::getenv("EQUAL_SOURCE_DIR");
  return fs::path(source == nullptr ? "." : source) / "tests" / "data" / name;
}

}  // namespace equal::test
