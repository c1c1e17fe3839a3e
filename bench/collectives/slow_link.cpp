// bench_slow_link HOST_A HOST_B MBIT DELAY_MS: a network cable between two network namespaces, for kernels without
// netem. Makes the device "cable" in each (10.77.0.1 and 10.77.0.2, packets of 9000 bytes) and passes packets on until
// it is killed: each direction sends MBIT million bits a second one packet after another, and every packet arrives
// DELAY_MS later. What waits for more than 50 ms of sending is dropped, as a switch would. Needs root.
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMtu = 9000;
constexpr auto kMostWaiting = std::chrono::milliseconds(50);

void check(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what + ": " + std::strerror(errno));
}

/// A tun device in that namespace, up, with its address.
int open_device(const std::string& host, const char* address) {
  const int ns = ::open(("/run/netns/" + host).c_str(), O_RDONLY | O_CLOEXEC);
  check(ns >= 0, "network namespace " + host);
  check(::setns(ns, CLONE_NEWNET) == 0, "setns " + host);
  ::close(ns);
  const int fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  check(fd >= 0, "/dev/net/tun");
  ifreq request{};
  std::strncpy(request.ifr_name, "cable", IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  check(::ioctl(fd, TUNSETIFF, &request) == 0, "a tun device in " + host);
  const std::string setup = std::string("ip address add ") + address + "/24 dev cable && ip link set dev cable mtu " +
                            std::to_string(kMtu) + " up && ip link set lo up";
  check(std::system(setup.c_str()) == 0, "ip in " + host);  // inherits the namespace
  return fd;
}

struct Packet {
  Clock::time_point arrives;
  std::vector<char> bytes;
};

/// One direction.
class Cable {
 public:
  Cable(int from, int to, double bytes_per_second, std::chrono::nanoseconds delay)
      : from_(from), to_(to), seconds_per_byte_(1.0 / bytes_per_second), delay_(delay) {}
  void take() {
    std::vector<char> buffer(kMtu + 100);
    while (true) {
      const ssize_t n = ::read(from_, buffer.data(), buffer.size());
      if (n <= 0) return;
      const auto now = Clock::now();
      const auto start = std::max(now, free_);
      if (start - now > kMostWaiting) continue;
      free_ = start + std::chrono::duration_cast<Clock::duration>(
                          std::chrono::duration<double>(static_cast<double>(n) * seconds_per_byte_));
      packets_.push_back({free_ + delay_, {buffer.begin(), buffer.begin() + n}});
    }
  }
  void deliver() {
    for (; !packets_.empty() && packets_.front().arrives <= Clock::now(); packets_.pop_front()) {
      const auto& bytes = packets_.front().bytes;
      if (::write(to_, bytes.data(), bytes.size()) < 0 && errno != EAGAIN) check(errno == EIO, "write");
    }
  }
  Clock::time_point next() const { return packets_.empty() ? Clock::time_point::max() : packets_.front().arrives; }

 private:
  int from_, to_;
  double seconds_per_byte_;
  std::chrono::nanoseconds delay_;
  Clock::time_point free_{};
  std::deque<Packet> packets_;
};

void run(const std::string& a, const std::string& b, double mbit, double delay_ms) {
  if (!(mbit > 0) || !(delay_ms >= 0)) throw std::runtime_error("MBIT must be above 0, DELAY_MS not below it");
  const int fds[2] = {open_device(a, "10.77.0.1"), open_device(b, "10.77.0.2")};
  const auto delay = std::chrono::nanoseconds(static_cast<std::int64_t>(delay_ms * 1e6));
  Cable there(fds[0], fds[1], mbit * 1e6 / 8, delay), back(fds[1], fds[0], mbit * 1e6 / 8, delay);
  std::puts("up");
  std::fflush(stdout);
  while (true) {
    const auto next = std::min(there.next(), back.next());
    timespec wait{3600, 0};
    if (next != Clock::time_point::max()) {
      const auto left =
          std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(next - Clock::now()).count());
      wait = {left / 1'000'000'000, left % 1'000'000'000};
    }
    pollfd polled[2] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}};
    ::ppoll(polled, 2, &wait, nullptr);
    there.take();
    back.take();
    there.deliver();
    back.deliver();
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 5) throw std::runtime_error("usage: bench_slow_link HOST_A HOST_B MBIT DELAY_MS");
    run(argv[1], argv[2], std::atof(argv[3]), std::atof(argv[4]));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_slow_link: %s\n", e.what());
    return 1;
  }
}
