#include "heartbeat_line.hpp"

#include <algorithm>
#include <cerrno>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal::comm {
namespace {

constexpr auto kConnectWithin = std::chrono::milliseconds(2000);

template <std::size_t N>
void put_text(std::array<char, N>& to, const std::string& from) {
  to.fill('\0');
  std::copy_n(from.data(), std::min(from.size(), N - 1), to.data());
}

}  // namespace

Line::Line(int fd) : fd_(fd), last_heard_(Clock::now()) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Line::send(Kind kind, const std::string& stage, const std::string& text) {
  if (!open()) return;
  Frame frame;
  frame.kind = kind;
  put_text(frame.stage, stage);
  put_text(frame.text, text);
  const ssize_t sent = ::send(fd_.get(), &frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0 && sent < static_cast<ssize_t>(sizeof frame)) close();  // a peer that reads nothing any more
}

void Line::send_last(Kind kind, const std::string& stage) {
  send(kind, stage);
  if (open()) ::shutdown(fd_.get(), SHUT_WR);
}

bool Line::receive(Frame& frame, bool& ended) {
  if (!open()) return false;
  const ssize_t got =
      ::recv(fd_.get(), reinterpret_cast<char*>(&incoming_) + filled_, sizeof incoming_ - filled_, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return false;
  if (got <= 0) {
    ended = true;
    return false;
  }
  filled_ += static_cast<std::size_t>(got);
  if (filled_ < sizeof incoming_) return false;
  filled_ = 0;
  frame = incoming_;
  last_heard_ = Clock::now();
  return true;
}

std::vector<std::string> addresses() {
  std::vector<std::string> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {"127.0.0.1"};
  for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    if ((i->ifa_flags & IFF_UP) == 0 || (i->ifa_flags & IFF_LOOPBACK) != 0) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(i->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr) out.emplace_back(text.data());
  }
  ::freeifaddrs(list);
  out.emplace_back("127.0.0.1");
  return out;
}

FileDescriptor listen_anywhere(int& port) {
  FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  socklen_t size = sizeof address;
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd.get(), SOMAXCONN) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw EnvironmentError("heartbeat: rank 0 cannot listen: " + errno_text(errno));
  port = ntohs(address.sin_port);
  return fd;
}

bool ready(int fd, short events, std::chrono::milliseconds within) {
  pollfd p{fd, events, 0};
  return ::poll(&p, 1, static_cast<int>(within.count())) > 0 && (p.revents & events) != 0;
}

FileDescriptor connect_to(const std::string& host, int port, const std::string& hello) {
  FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (!fd || ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return {};
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS)
    return {};
  if (!ready(fd.get(), POLLOUT, kConnectWithin)) return {};
  Frame frame;
  frame.kind = Kind::hello;
  put_text(frame.text, hello);
  if (::send(fd.get(), &frame, sizeof frame, MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof frame)) return {};
  if (!ready(fd.get(), POLLIN, kConnectWithin)) return {};
  Frame welcome;
  if (::recv(fd.get(), &welcome, sizeof welcome, MSG_WAITALL) != static_cast<ssize_t>(sizeof welcome)) return {};
  return welcome.kind == Kind::welcome ? std::move(fd) : FileDescriptor();
}

}  // namespace equal::comm
