#include "equal/net/secret.hpp"

#include <cstdlib>
#include <cstring>
#include <utility>

#include <sys/stat.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"

namespace equal::net {

Secret::Secret(std::string value) : value_(std::move(value)) {}

Secret::~Secret() {
  if (!value_.empty()) ::explicit_bzero(value_.data(), value_.size());
}

Secret Secret::from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') {
    throw UsageError(
        format("the environment variable {} that should hold the API key is not set; export it and run again", name));
  }
  if (std::strpbrk(value, "\r\n") != nullptr) {
    throw UsageError(format("the environment variable {} holds a line break; an API key is one line", name));
  }
  return Secret(value);
}

Secret Secret::from_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    throw UsageError(path + ": the key file cannot be read: " + errno_text(errno));
  if ((status.st_mode & 077U) != 0) {
    throw UsageError(format("{}: the key file is readable by others (mode {:o}); run: chmod 600 {}", path,
                            status.st_mode & 0777U, path));
  }
  std::string text = read_file(path, 1 << 16);
  text.resize(std::min(text.find_first_of("\r\n"), text.size()));
  if (text.empty()) throw UsageError(path + ": the key file is empty; its first line must be the key");
  return Secret(std::move(text));
}

std::string Secret::redact(std::string_view text) const {
  std::string out(text);
  if (value_.empty()) return out;
  for (std::size_t at = 0; (at = out.find(value_, at)) != std::string::npos;) out.replace(at, value_.size(), "[key]");
  return out;
}

}  // namespace equal::net
