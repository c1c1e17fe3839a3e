#include "target.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <unistd.h>

#include "equal/base/log.hpp"

namespace equal::fuzz {
namespace fs = std::filesystem;
namespace {

struct Folder {
  fs::path path;
  Folder() {
    const fs::path memory = "/dev/shm";
    path = (fs::exists(memory) ? memory : fs::temp_directory_path()) / ("equal-fuzz-" + std::to_string(::getpid()));
    fs::create_directories(path);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

}  // namespace

std::map<std::string, Target>& targets() {
  static std::map<std::string, Target> all;
  return all;
}

void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "check failed: %s\n", what);
  std::abort();
}

const fs::path& folder() {
  static const Folder folder;
  return folder.path;
}

fs::path file_of(const std::string& name, std::string_view bytes) {
  const fs::path path = folder() / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  return path;
}

std::pair<unsigned, std::string_view> first_byte(std::string_view bytes) {
  if (bytes.empty()) return {0, bytes};
  return {static_cast<unsigned char>(bytes[0]), bytes.substr(1)};
}

std::pair<std::string_view, std::string_view> split(std::string_view bytes, char separator) {
  const std::size_t at = bytes.find(separator);
  if (at == std::string_view::npos) return {bytes, {}};
  return {bytes.substr(0, at), bytes.substr(at + 1)};
}

}  // namespace equal::fuzz

#ifdef EQUAL_LIBFUZZER
namespace {
equal::fuzz::Target target = nullptr;
}  // namespace

/// The target is named by the environment: one program holds them all.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  equal::log::configure("off", 0, 1);
  const char* name = std::getenv("EQUAL_FUZZ_TARGET");
  const auto found = equal::fuzz::targets().find(name == nullptr ? "" : name);
  if (found == equal::fuzz::targets().end()) {
    std::fputs("EQUAL_FUZZ_TARGET must be one of:", stderr);
    for (const auto& [known, unused] : equal::fuzz::targets()) std::fprintf(stderr, " %s", known.c_str());
    std::fputs("\n", stderr);
    std::exit(1);
  }
  target = found->second;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target({reinterpret_cast<const char*>(data), size});
  return 0;
}
#endif
