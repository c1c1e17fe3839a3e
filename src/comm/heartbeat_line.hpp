// What ranks say to each other beside MPI, and the TCP connections that carry it.
#pragma once

#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "equal/base/files.hpp"

namespace equal::comm {

using Clock = std::chrono::steady_clock;

enum class Kind : char { hello = 'H', welcome = 'W', beat = 'B', end_all = 'E', bye = 'Q' };

/// What travels; all ranks run the same program on the same kind of machine.
struct Frame {
  Kind kind = Kind::beat;
  std::array<char, 31> stage{};
  std::array<char, 480> text{};
};
static_assert(sizeof(Frame) == 512);

template <std::size_t N>
std::string text_of(const std::array<char, N>& from) {
  return {from.data(), strnlen(from.data(), N)};
}

/// One connection and what has come over it. Not blocking.
class Line {
 public:
  explicit Line(int fd);
  int fd() const noexcept { return fd_.get(); }
  bool open() const noexcept { return static_cast<bool>(fd_); }
  void close() { fd_ = FileDescriptor(); }
  Clock::time_point last_heard() const noexcept { return last_heard_; }
  void forgive(Clock::time_point now) { last_heard_ = now; }

  /// Nothing on a closed line or when the buffer is full; a peer that takes half a frame is given up: closed.
  void send(Kind kind, const std::string& stage, const std::string& text = {});
  /// The same, and no more will come from here.
  void send_last(Kind kind, const std::string& stage);

  /// Next whole frame. `ended` is set when the other side has closed.
  bool receive(Frame& frame, bool& ended);

 private:
  FileDescriptor fd_;
  Frame incoming_{};
  std::size_t filled_ = 0;
  Clock::time_point last_heard_;
};

/// Addresses of this host that others may reach; the loopback last.
std::vector<std::string> addresses();

/// A socket that listens on a port of the system's choice. Throws EnvironmentError.
FileDescriptor listen_anywhere(int& port);

/// Waits until one of `events` of poll(2) has come.
bool ready(int fd, short events, std::chrono::milliseconds within);

/// A connection to rank 0 at `host`:`port` that knew the token, or a closed one.
FileDescriptor connect_to(const std::string& host, int port, const std::string& hello);

}  // namespace equal::comm
