#include "equal/comm/heartbeat.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/host.hpp"
#include "equal/base/log.hpp"

#include "heartbeat_line.hpp"
#include "launcher.hpp"

namespace equal::comm {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr int kBeatsInLimit = 6;
constexpr long long kLookEvery = 200;  // milliseconds: how soon a new stage is noticed
constexpr auto kLastWords = std::chrono::milliseconds(300);
constexpr double kLauncherLeast = 1, kLauncherMost = 10;  // seconds that the launcher has to end by itself

std::string new_token() {
  std::random_device device;
  std::string out;
  for (int i = 0; i < 4; ++i) out += format("{:08x}", static_cast<unsigned>(device()));
  return out;
}

}  // namespace

struct Heartbeat::Impl {
  Communicator& comm;
  double limit;
  std::vector<std::string> hosts;  // of all ranks
  std::string token;
  FileDescriptor listener, wake_read, wake_write;
  std::thread thread;

  struct Peer {
    Line line;
    int rank;
    std::string stage;
    bool gone = false;
  };
  std::map<int, Peer> peers;  // by rank; on others only rank 0
  std::vector<Line> strangers;

  Impl(Communicator& communicator, double seconds) : comm(communicator), limit(seconds) {}

  std::string name(const Peer& peer) const {
    return format("rank {} on host {}, stage {},", peer.rank, hosts[static_cast<std::size_t>(peer.rank)],
                  peer.stage.empty() ? "start" : peer.stage);
  }

  /// Tells everybody, and ends this process; the launcher ends what is left.
  [[noreturn]] void end_all(const std::string& reason) {
    log::error("{}; the job ends here, the same command line goes on", reason);
    for (auto& [rank, peer] : peers) peer.line.send(Kind::end_all, comm.stage(), reason);
    std::this_thread::sleep_for(kLastWords);
    leave();
  }

  [[noreturn]] void leave() {
    end_launcher_after(std::clamp(limit / 2, kLauncherLeast, kLauncherMost));
    std::_Exit(static_cast<int>(Family::environment));
  }

  [[noreturn]] void lost(const Peer& peer) {
    if (!comm.is_root()) std::this_thread::sleep_for(kLastWords);  // the launcher may be ending the job already
    end_all(name(peer) +
            " ended without a word: it was killed (the kernel does so when memory runs out) or crashed, or its node is "
            "gone");
  }

  void hear(Peer& peer) {
    Frame frame;
    bool ended = false;
    while (!peer.gone && peer.line.receive(frame, ended)) {
      peer.stage = text_of(frame.stage);
      if (frame.kind == Kind::bye) peer.gone = true;
      if (frame.kind == Kind::end_all) {
        log::error("ending as rank {} says: {}", peer.rank, text_of(frame.text));
        leave();
      }
    }
    if (ended && !peer.gone) lost(peer);
    if (peer.gone) peer.line.close();
  }

  /// Rank 0: who knocks with the token becomes a peer.
  void welcome() {
    for (int fd = 0; (fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;)
      strangers.emplace_back(fd);
    for (Line& line : strangers) {
      Frame frame;
      bool ended = false;
      if (!line.receive(frame, ended)) {
        if (ended) line.close();
        continue;
      }
      std::istringstream hello(text_of(frame.text));
      std::string said;
      int rank = -1;
      hello >> said >> rank;
      if (frame.kind != Kind::hello || said != token || rank < 1 || rank >= comm.size() || peers.contains(rank)) {
        line.close();
        continue;
      }
      line.send(Kind::welcome, comm.stage());
      peers.emplace(rank, Peer{std::move(line), rank, {}});
    }
    std::erase_if(strangers, [](const Line& line) { return !line.open(); });
  }

  void run() {
    const auto beat = std::chrono::duration_cast<Clock::duration>(Seconds(limit / kBeatsInLimit));
    auto next_beat = Clock::now(), last_turn = Clock::now();
    std::string said_stage;
    while (true) {
      std::vector<pollfd> fds{{wake_read.get(), POLLIN, 0}};
      if (listener) fds.push_back({listener.get(), POLLIN, 0});
      for (const Line& line : strangers) fds.push_back({line.fd(), POLLIN, 0});
      for (const auto& [rank, peer] : peers) {
        if (peer.line.open()) fds.push_back({peer.line.fd(), POLLIN, 0});
      }
      const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(next_beat - Clock::now()).count();
      ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<long long>(wait + 1, 1, kLookEvery)));
      if (fds[0].revents != 0) break;  // the pipe was closed
      const auto now = Clock::now();
      const bool was_paused = now - last_turn > beat + std::chrono::seconds(1);
      last_turn = now;
      if (listener) welcome();
      for (auto& [rank, peer] : peers) {
        if (was_paused) peer.line.forgive(now);
        hear(peer);
        if (!peer.gone && Seconds(now - peer.line.last_heard()).count() > limit)
          end_all(format(
              "{} has given no sign of life for {:.0f} s: its node, its network or the process is frozen or gone",
              name(peer), limit));
      }
      std::string stage = comm.stage();
      if (now < next_beat && stage == said_stage) continue;  // a new stage is told at once
      next_beat = now + beat;
      said_stage = stage;
      for (auto& [rank, peer] : peers) {
        if (!peer.gone) peer.line.send(Kind::beat, stage);
      }
    }
    say_good_bye();
  }

  /// A connection that is closed with something unread may lose what was sent last, so the other side is heard to its
  /// end.
  void say_good_bye() {
    for (auto& [rank, peer] : peers) peer.line.send_last(Kind::bye, comm.stage());
    const auto end = Clock::now() + kLastWords;
    for (auto& [rank, peer] : peers) {
      Frame frame;
      for (bool ended = false; peer.line.open() && !ended && Clock::now() < end;) {
        ready(peer.line.fd(), POLLIN, std::chrono::milliseconds(10));
        peer.line.receive(frame, ended);
      }
    }
  }

  /// Rank 0's announcement: token, port, addresses.
  std::string announce() {
    int port = 0;
    listener = listen_anywhere(port);
    token = new_token();
    std::string out = format("{} {}", token, port);
    for (const auto& address : addresses()) out += " " + address;
    return out;
  }

  bool join(const std::string& announcement) {
    std::istringstream in(announcement);
    std::string address;
    int port = 0;
    in >> token >> port;
    // On rank 0's own host the loopback (announced last) cannot be cut.
    std::vector<std::string> list;
    while (in >> address) list.push_back(address);
    if (hosts[0] == host_name()) std::rotate(list.begin(), std::prev(list.end()), list.end());
    for (const auto& a : list) {
      FileDescriptor fd = connect_to(a, port, format("{} {}", token, comm.rank()));
      if (!fd) continue;
      peers.emplace(0, Peer{Line(fd.release()), 0, {}});
      return true;
    }
    return false;
  }
};

Heartbeat::Heartbeat(Communicator& comm, double seconds) {
  if (comm.size() == 1 || seconds <= 0) return;
  impl_ = std::make_unique<Impl>(comm, seconds);
  impl_->hosts = comm.all_gather(host_name());
  std::string announcement;
  agree(comm, [&] {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw EnvironmentError("heartbeat: no pipe: " + errno_text(errno));
    impl_->wake_read = FileDescriptor(ends[0]);
    impl_->wake_write = FileDescriptor(ends[1]);
    if (comm.is_root()) announcement = impl_->announce();
  });
  announcement = broadcast_string(comm, announcement);
  if (comm.is_root()) impl_->thread = std::thread([this] { impl_->run(); });
  const bool joined = comm.is_root() || impl_->join(announcement);
  if (!comm.is_root()) impl_->thread = std::thread([this] { impl_->run(); });
  const auto all = comm.gather(joined ? "1" : "0", 0);
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (all[r] != "1")
      log::warn("rank {} on host {} cannot reach rank 0 on host {} by TCP: if it is lost, only MPI can notice", r,
                impl_->hosts[r], impl_->hosts[0]);
  }
}

Heartbeat::~Heartbeat() {
  if (!impl_) return;
  impl_->wake_write = FileDescriptor();  // the thread sees the end of the pipe
  impl_->thread.join();
}

}  // namespace equal::comm
