#include "support/faults.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string_view>

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

namespace equal::test {
namespace {

enum class Effect { none, fail, shorten, kill, skip };

struct Plan {
  std::string operation, path_part;
  long first = 0;
  Effect effect = Effect::none;
  int error = 0;
};

std::mutex& plan_lock() {
  static std::mutex lock;
  return lock;
}
Plan& plan() {
  static Plan value;
  return value;
}
std::atomic<bool> active{false};
std::atomic<long> matched{0};

std::string next_field(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(':'), rest.size());
  std::string out(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return out;
}

Plan parse(const std::string& text) {
  Plan out;
  std::string_view rest = text;
  out.operation = next_field(rest);
  out.first = std::atol(next_field(rest).c_str());
  const std::string effect = next_field(rest);
  out.path_part = rest;
  if (effect == "SHORT") {
    out.effect = Effect::shorten;
  } else if (effect == "KILL") {
    out.effect = Effect::kill;
  } else if (effect == "SKIP") {
    out.effect = Effect::skip;
  } else {
    out.effect = Effect::fail;
    out.error = effect == "EIO" ? EIO : effect == "ENOSPC" ? ENOSPC : effect == "EDQUOT" ? EDQUOT : 0;
  }
  const bool known = out.operation == "write" || out.operation == "sync" || out.operation == "rename" ||
                     out.operation == "truncate" || out.operation == "read" || out.operation == "persist";
  if (!known || out.first < 1 || (out.effect == Effect::fail && out.error == 0))
    throw std::invalid_argument("no fault plan: " + text);
  return out;
}

bool path_matches(const Plan& p, int fd, const char* path) {
  if (path == nullptr && (fd == STDOUT_FILENO || fd == STDERR_FILENO)) return false;
  if (p.path_part.empty()) return true;
  char target[PATH_MAX] = {};
  if (path == nullptr) {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    if (::readlink(link.c_str(), target, sizeof target - 1) <= 0) return false;
    path = target;
  }
  for (std::string_view rest = p.path_part; !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    if (std::string_view(path).find(rest.substr(0, end)) != std::string_view::npos) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

/// What is to happen to this call; sets `error` for Effect::fail.
Effect effect_of(const char* operation, int fd, const char* path, int& error) {
  if (!active.load(std::memory_order_relaxed)) return Effect::none;
  const std::scoped_lock lock(plan_lock());
  const Plan& p = plan();
  const std::string_view name(operation);
  const bool meant = p.operation == name || (p.operation == "persist" && (name == "write" || name == "sync"));
  if (!meant || !path_matches(p, fd, path)) return Effect::none;
  if (++matched < p.first) return Effect::none;
  error = p.error;
  return p.effect;
}

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

/// A write of `size` bytes through `write_some(n)`.
template <class F>
ssize_t faulty_write(int fd, std::size_t size, F write_some) {
  int error = 0;
  const Effect effect = effect_of("write", fd, nullptr, error);
  if (effect == Effect::none) return write_some(size);
  if (effect == Effect::skip) return static_cast<ssize_t>(size);
  const std::size_t half = effect == Effect::shorten ? std::max<std::size_t>(size / 2, size > 0) : size / 2;
  const ssize_t written = half > 0 || effect == Effect::shorten ? write_some(half) : 0;
  if (effect == Effect::kill) ::raise(SIGKILL);
  if (effect == Effect::shorten || written > 0) return written;
  errno = error;
  return -1;
}

template <class F>
ssize_t faulty_read(int fd, std::size_t size, F read_some) {
  int error = 0;
  switch (effect_of("read", fd, nullptr, error)) {
    case Effect::none:
      return read_some(size);
    case Effect::shorten:
      return read_some(std::max<std::size_t>(size / 2, size > 0));
    case Effect::kill:
      ::raise(SIGKILL);
      break;
    case Effect::skip:
    case Effect::fail:
      break;
  }
  errno = error;
  return -1;
}

template <class F>
int faulty_call(const char* operation, int fd, const char* path, F call) {
  int error = 0;
  switch (effect_of(operation, fd, path, error)) {
    case Effect::none:
    case Effect::shorten:
      return call();
    case Effect::skip:
      return 0;
    case Effect::kill:
      ::raise(SIGKILL);
      break;
    case Effect::fail:
      break;
  }
  errno = error;
  return -1;
}

[[maybe_unused]] const bool from_environment = [] {
  if (const char* text = std::getenv("EQUAL_FAULT")) set_faults(text);
  return true;
}();

}  // namespace

void set_faults(const std::string& text) {
  const Plan next = text.empty() ? Plan{} : parse(text);
  const std::scoped_lock lock(plan_lock());
  plan() = next;
  matched = 0;
  active = !text.empty();
}

long matched_calls() { return matched; }

}  // namespace equal::test

// The replaced functions. With and without the suffix 64: libraries are built either way.
using namespace equal::test;

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
  static const auto call = real<ssize_t (*)(int, const void*, size_t)>("write");
  return faulty_write(fd, size, [&](std::size_t n) { return call(fd, bytes, n); });
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  static const auto call = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return faulty_write(fd, size, [&](std::size_t n) { return call(fd, bytes, n, offset); });
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  static const auto call = real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return faulty_write(fd, size, [&](std::size_t n) { return call(fd, bytes, n, offset); });
}
ssize_t read(int fd, void* bytes, size_t size) {
  static const auto call = real<ssize_t (*)(int, void*, size_t)>("read");
  return faulty_read(fd, size, [&](std::size_t n) { return call(fd, bytes, n); });
}
ssize_t pread(int fd, void* bytes, size_t size, off_t offset) {
  static const auto call = real<ssize_t (*)(int, void*, size_t, off_t)>("pread");
  return faulty_read(fd, size, [&](std::size_t n) { return call(fd, bytes, n, offset); });
}
ssize_t pread64(int fd, void* bytes, size_t size, off64_t offset) {
  static const auto call = real<ssize_t (*)(int, void*, size_t, off64_t)>("pread64");
  return faulty_read(fd, size, [&](std::size_t n) { return call(fd, bytes, n, offset); });
}
int fsync(int fd) {
  static const auto call = real<int (*)(int)>("fsync");
  return faulty_call("sync", fd, nullptr, [&] { return call(fd); });
}
int fdatasync(int fd) {
  static const auto call = real<int (*)(int)>("fdatasync");
  return faulty_call("sync", fd, nullptr, [&] { return call(fd); });
}
int rename(const char* from, const char* to) noexcept {
  static const auto call = real<int (*)(const char*, const char*)>("rename");
  return faulty_call("rename", -1, to, [&] { return call(from, to); });
}
int ftruncate(int fd, off_t size) noexcept {
  static const auto call = real<int (*)(int, off_t)>("ftruncate");
  return faulty_call("truncate", fd, nullptr, [&] { return call(fd, size); });
}
int ftruncate64(int fd, off64_t size) noexcept {
  static const auto call = real<int (*)(int, off64_t)>("ftruncate64");
  return faulty_call("truncate", fd, nullptr, [&] { return call(fd, size); });
}

}  // extern "C"
