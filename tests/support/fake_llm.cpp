#include "support/fake_llm.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <deque>
#include <queue>
#include <unordered_map>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"

namespace equal::test {
namespace {

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string response(int status, const std::string& type, const std::string& body, const std::string& extra = {},
                     std::size_t claimed_extra = 0) {
  return format("HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n", status, type,
                body.size() + claimed_extra, extra) +
         body;
}

std::string completion(const std::string& content, const char* finish) {
  return dump_json(
      Json{{"id", "x"},
           {"choices",
            {{{"index", 0}, {"finish_reason", finish}, {"message", {{"role", "assistant"}, {"content", content}}}}}},
           {"usage", {{"prompt_tokens", 100}, {"completion_tokens", 40}}}});
}

bool echoes(Fault fault) noexcept {
  return fault == Fault::unauthorized || fault == Fault::echo_500 || fault == Fault::echo_400 ||
         fault == Fault::echo_answer;
}

}  // namespace

bool is_usable(Fault fault) noexcept {
  return fault == Fault::none || fault == Fault::duplicate || fault == Fault::length || fault == Fault::echo_answer;
}

Fault random_fault(std::int64_t document, std::size_t attempt, double share) {
  static constexpr std::array kFaults{Fault::throttle,   Fault::throttle_for, Fault::error_500,  Fault::error_503,
                                      Fault::reset,      Fault::slow_loris,   Fault::never,      Fault::truncated,
                                      Fault::html,       Fault::charset,      Fault::bad_json,   Fault::length,
                                      Fault::no_choices, Fault::duplicate,    Fault::bad_request};
  RandomStream random(static_cast<std::uint64_t>(document) * 1000 + attempt, "faults");
  if (random.uniform() >= share) return Fault::none;
  return document % 1000 == 77 && attempt == 0 ? Fault::huge : kFaults[random.below(kFaults.size())];
}

struct FakeLlm::Server {
  struct Connection {
    int fd = -1;
    std::string in, out;
    std::size_t sent = 0;
    bool close_after = false, reset_after = false, drip = false, mute = false;
  };
  struct Event {
    double at;
    std::uint64_t connection;
    Reply reply;
    std::int64_t document;
    bool drip;
    bool operator>(const Event& other) const { return at > other.at; }
  };

  FakeLlm& owner;
  FileDescriptor epoll, listener, wake, log;
  std::unordered_map<std::uint64_t, Connection> connections;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  std::deque<Event> line;  // waits for a slot; `at` is the delay here
  std::uint64_t next_id = 2;
  std::size_t busy = 0;
  double busy_since = 0.0, slot_seconds = 0.0;
  std::atomic<bool> stopping{false};

  explicit Server(FakeLlm& o) : owner(o) {}

  void watch(int fd, std::uint64_t id, std::uint32_t what, int operation) const {
    epoll_event event{};
    event.events = what;
    event.data.u64 = id;
    ::epoll_ctl(epoll.get(), operation, fd, &event);
  }

  void account(double now) {
    slot_seconds += static_cast<double>(busy) * (now - busy_since);
    busy_since = now;
  }

  void run() {
    std::array<epoll_event, 256> ready{};
    while (!stopping) {
      int wait_ms = 1000;
      if (!events.empty())
        wait_ms = std::clamp(static_cast<int>((events.top().at - now_seconds()) * 1000.0 + 0.999), 0, 1000);
      const int n = ::epoll_wait(epoll.get(), ready.data(), static_cast<int>(ready.size()), wait_ms);
      for (int i = 0; i < n; ++i) {
        const auto& event = ready[static_cast<std::size_t>(i)];
        if (event.data.u64 == 0) accept_all();
        if (event.data.u64 > 1) serve(event.data.u64, event.events);
      }
      const double now = now_seconds();
      while (!events.empty() && events.top().at <= now) {
        const Event due = events.top();
        events.pop();
        if (due.drip) {
          drip(due.connection);
          continue;
        }
        account(now);
        if (owner.params_.slots > 0) --busy;
        answer_now(due);
        if (!line.empty()) {
          Event next = line.front();
          line.pop_front();
          begin(std::move(next), now);
        }
      }
    }
    for (auto& [id, connection] : connections) ::close(connection.fd);
  }

  void accept_all() {
    while (true) {
      const int fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int one = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const std::uint64_t id = next_id++;
      connections[id].fd = fd;
      watch(fd, id, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  void drop(std::uint64_t id, bool reset = false) {
    const auto found = connections.find(id);
    if (found == connections.end()) return;
    if (reset) {
      const linger hard{1, 0};
      ::setsockopt(found->second.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    ::close(found->second.fd);
    connections.erase(found);
  }

  void serve(std::uint64_t id, std::uint32_t what) {
    auto found = connections.find(id);
    if (found == connections.end()) return;
    if ((what & EPOLLOUT) != 0) flush(id);
    found = connections.find(id);
    if (found == connections.end() || (what & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    std::array<char, 65536> buffer;
    while (true) {
      const ssize_t got = ::recv(found->second.fd, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) return drop(id);
      found->second.in.append(buffer.data(), static_cast<std::size_t>(got));
      if (static_cast<std::size_t>(got) < buffer.size()) break;
    }
    parse(id);
  }

  static std::string header_of(const std::string& head, const char* name) {
    const std::size_t at = head.find(name);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + std::strlen(name);
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }

  void parse(std::uint64_t id) {
    while (true) {
      const auto found = connections.find(id);
      if (found == connections.end()) return;
      std::string& in = found->second.in;
      const std::size_t head_end = in.find("\r\n\r\n");
      if (head_end == std::string::npos) return;
      const std::string head = in.substr(0, head_end + 2);
      const std::string length = header_of(head, "Content-Length: ");
      const std::size_t body_bytes = length.empty() ? 0 : std::stoul(length);
      if (in.size() < head_end + 4 + body_bytes) return;
      const std::string body = in.substr(head_end + 4, body_bytes);
      in.erase(0, head_end + 4 + body_bytes);
      handle(id, head, body);
    }
  }

  void handle(std::uint64_t id, const std::string& head, const std::string& body) {
    const double now = now_seconds();
    SeenRequest seen;
    seen.at = now;
    const std::size_t space = head.find(' ');
    seen.path = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
    seen.authorization = header_of(head, "Authorization: ");
    if (head.starts_with("GET")) {
      Reply reply = owner.params_.probe_script ? owner.params_.probe_script() : Reply{};
      if (reply.body.empty()) reply.body = R"({"data":[{"id":"fake"}]})";
      answer_now({now, id, std::move(reply), -1, false});
      return;
    }
    seen.document = document_of(body);
    std::size_t attempt = 0;
    {
      const std::lock_guard lock(owner.mutex_);
      if (seen.document >= 0) {
        const auto document = static_cast<std::size_t>(seen.document);
        if (owner.attempts_.size() <= document) owner.attempts_.resize(document + 1);
        attempt = owner.attempts_[document]++;
      }
      if (owner.first_arrival_ < 0.0) {
        owner.first_arrival_ = now;
        busy_since = now;
      }
      account(now);
      owner.last_arrival_ = now;
      owner.busy_ = {slot_seconds, now - owner.first_arrival_};
    }
    Reply reply = owner.params_.script ? owner.params_.script(seen.document, attempt, body) : Reply{};
    seen.fault = reply.fault;
    if (log)
      write_all(log.get(), format("{} {} {:d}\n", seen.document, attempt, is_usable(reply.fault)),
                owner.params_.log_path);
    ++owner.completions_;
    if (echoes(reply.fault)) reply.body = seen.authorization;
    if (owner.params_.keep_bodies) seen.body = body;
    if (owner.params_.log_path.empty()) {
      const std::lock_guard lock(owner.mutex_);
      owner.seen_.push_back(std::move(seen));
    }
    Event event{0.0, id, std::move(reply), seen.document, false};
    if (owner.params_.slots == 0 && event.reply.delay_seconds <= 0.0) return answer_now(event);
    if (owner.params_.slots > 0 && busy >= owner.params_.slots) {
      line.push_back(std::move(event));
    } else {
      begin(std::move(event), now);
    }
  }

  void begin(Event event, double now) {
    account(now);
    if (owner.params_.slots > 0) {
      ++busy;
      owner.most_at_once_ = std::max<std::size_t>(owner.most_at_once_, busy);
    }
    event.at = now + event.reply.delay_seconds;
    events.push(std::move(event));
  }

  void answer_now(const Event& event) {
    const auto found = connections.find(event.connection);
    if (found == connections.end()) return;
    Connection& c = found->second;
    const std::int64_t d = event.document;
    const auto pair = [&](int i) {
      return "<pair>\n<question>" + question(d, i) + "</question>\n<answer>" + answer(d, i) + "</answer>\n</pair>\n";
    };
    const std::string good = !event.reply.body.empty() ? event.reply.body : completion(pair(0) + pair(1), "stop");
    const char* json = "application/json";
    switch (event.reply.fault) {
      case Fault::none:
        c.out += response(200, json, good);
        break;
      case Fault::throttle:
        c.out += response(429, json, R"({"error":"slow down"})");
        break;
      case Fault::throttle_for:
        c.out += response(429, json, R"({"error":"slow down"})",
                          format("Retry-After: {}\r\n", event.reply.retry_after_seconds));
        break;
      case Fault::throttle_until: {
        const std::time_t until = std::time(nullptr) + static_cast<std::time_t>(event.reply.retry_after_seconds);
        c.out += response(429, json, R"({"error":"slow down"})",
                          format("Retry-After: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", fmt::gmtime(until)));
        break;
      }
      case Fault::error_500:
        c.out += response(500, json, R"({"error":"oops"})");
        break;
      case Fault::error_503:
        c.out += response(503, "text/plain", "busy");
        break;
      case Fault::reset:
        return drop(event.connection, true);
      case Fault::slow_loris:
        c.out += response(200, json, good);
        c.drip = true;
        return drip(event.connection);
      case Fault::never:
        return;
      case Fault::truncated:
        c.out += response(200, json, good.substr(0, good.size() / 2), {}, good.size() - good.size() / 2);
        c.close_after = true;
        break;
      case Fault::html:
        c.out += response(200, "text/html; charset=utf-8", "<html><body>Welcome to the proxy</body></html>");
        break;
      case Fault::huge:
        c.out += "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
        c.out.append(50U << 20U, ' ');
        c.close_after = true;
        break;
      case Fault::charset:
        c.out += response(200, "application/json; charset=utf-16", good);
        break;
      case Fault::bad_json:
        c.out += response(200, json, good.substr(0, good.size() / 2));
        break;
      case Fault::length:
        c.out += response(200, json, completion(pair(0) + pair(1).substr(0, 40), "length"));
        break;
      case Fault::no_choices:
        c.out += response(200, json, R"({"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":0}})");
        break;
      case Fault::duplicate:
        c.out += response(200, json, good) + response(200, json, good);
        break;
      case Fault::redirect:
        c.out += response(302, json, "{}", "Location: http://127.0.0.1:1/elsewhere\r\n");
        break;
      case Fault::no_funds:
        c.out += response(402, "application/json", R"({"error": {"message": "insufficient balance"}})");
        break;
      case Fault::bad_request:
        c.out += response(400, json, R"({"error":"bad"})");
        break;
      case Fault::unauthorized:
      case Fault::echo_500:
      case Fault::echo_400:
        c.out += response(event.reply.fault == Fault::unauthorized ? 401
                          : event.reply.fault == Fault::echo_500   ? 500
                                                                   : 400,
                          json, dump_json(Json{{"error", "wrong key " + event.reply.body}}));
        break;
      case Fault::echo_answer:
        c.out += response(200, json,
                          completion(pair(0) + "<pair><question>What is the key of station 1?</question><answer>" +
                                         event.reply.body + "</answer></pair>",
                                     "stop"));
        break;
    }
    flush(event.connection);
  }

  void drip(std::uint64_t id) {
    const auto found = connections.find(id);
    if (found == connections.end() || found->second.sent >= found->second.out.size()) return;
    if (::send(found->second.fd, &found->second.out[found->second.sent], 1, MSG_NOSIGNAL) <= 0) return drop(id);
    ++found->second.sent;
    events.push({now_seconds() + 0.05, id, {}, -1, true});
  }

  void flush(std::uint64_t id) {
    const auto found = connections.find(id);
    if (found == connections.end() || found->second.drip) return;
    Connection& c = found->second;
    while (c.sent < c.out.size()) {
      const ssize_t n = ::send(c.fd, c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return watch(c.fd, id, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
      if (n < 0) return drop(id);
      c.sent += static_cast<std::size_t>(n);
    }
    const bool was_large = c.out.size() > 65536;
    c.out.clear();
    c.sent = 0;
    if (was_large) watch(c.fd, id, EPOLLIN, EPOLL_CTL_MOD);
    if (c.close_after) drop(id);
  }
};

FakeLlm::FakeLlm(FakeLlmParams params) : params_(std::move(params)) { listen_on(params_.port); }

void FakeLlm::listen_on(int port) {
  server_ = std::make_unique<Server>(*this);
  server_->epoll = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  server_->wake = FileDescriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  server_->listener = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!params_.log_path.empty()) {
    server_->log = FileDescriptor(::open(params_.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  }
  const int one = 1;
  ::setsockopt(server_->listener.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(server_->listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(server_->listener.get(), 4096) != 0) {
    throw EnvironmentError("the fake server cannot listen: " + errno_text(errno));
  }
  socklen_t size = sizeof address;
  ::getsockname(server_->listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  server_->watch(server_->listener.get(), 0, EPOLLIN, EPOLL_CTL_ADD);
  server_->watch(server_->wake.get(), 1, EPOLLIN, EPOLL_CTL_ADD);
  thread_ = std::thread([this] { server_->run(); });
}

void FakeLlm::stop() {
  if (!server_) return;
  server_->stopping = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(server_->wake.get(), &one, sizeof one);
  thread_.join();
  server_.reset();
}

FakeLlm::~FakeLlm() { stop(); }
void FakeLlm::die() { stop(); }
void FakeLlm::start_again() { listen_on(port_); }

std::vector<SeenRequest> FakeLlm::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

FakeLlm::Busy FakeLlm::busy() const {
  const std::lock_guard lock(mutex_);
  return busy_;
}

std::int64_t FakeLlm::document_of(const std::string& body) {
  const std::size_t at = body.rfind("[[doc ");
  if (at == std::string::npos) return -1;
  return std::strtoll(body.c_str() + at + 6, nullptr, 10);
}

std::string FakeLlm::question(std::int64_t document, int index) {
  return format("What is the {} of station {}?", index == 0 ? "altitude" : "rainfall", document);
}
std::string FakeLlm::answer(std::int64_t document, int index) {
  return index == 0 ? format("Its altitude is {} metres.", document * 3 + 7)
                    : format("Its rainfall is {} millimetres.", document * 5 + 11);
}
std::string FakeLlm::document_text(std::int64_t document) {
  return format(
      "Record of weather station {0}. [[doc {0}]] The station stands on a hill. What is the altitude? Its altitude is "
      "{1} "
      "metres. What is the rainfall? Its rainfall is {2} millimetres.",
      document, document * 3 + 7, document * 5 + 11);
}

}  // namespace equal::test
