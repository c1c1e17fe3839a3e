// A chat-completions server for tests and benches: one epoll thread, thousands of connections, scripted latencies and
// faults, a log of every request. Documents are known by a mark in their text: "[[doc 123]]".
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace equal::test {

enum class Fault {
  none,
  throttle,        ///< 429 without Retry-After
  throttle_for,    ///< 429 with Retry-After (param seconds)
  throttle_until,  ///< the same as a date
  error_500,
  error_503,
  reset,         ///< RST instead of an answer
  slow_loris,    ///< one byte of the answer every 50 ms
  never,         ///< no answer at all
  truncated,     ///< Content-Length says more than is sent, then the connection ends
  html,          ///< 200 text/html
  huge,          ///< a 50 MB body without Content-Length
  charset,       ///< 200 application/json; charset=utf-16
  bad_json,      ///< 200, JSON cut in the middle with a right Content-Length
  length,        ///< finish_reason "length": the second pair is cut
  no_choices,    ///< 200 {"choices": []}
  duplicate,     ///< the answer twice on the wire
  redirect,      ///< 302
  bad_request,   ///< 400
  unauthorized,  ///< 401, echoing the key that was sent
  no_funds,      ///< 402
  echo_500,      ///< 500, echoing it
  echo_400,      ///< 400, echoing it
  echo_answer    ///< a completion that is good but for the key in its second pair
};

struct Reply {
  Fault fault = Fault::none;
  double delay_seconds = 0.0;
  double retry_after_seconds = 0.0;
  std::string body;  ///< whole response body; empty: a completion with two tagged pairs about the document
};

/// True for replies that a client must take as the answer.
bool is_usable(Fault fault) noexcept;

/// One of all kinds of faults for `share` of the requests, drawn from document and attempt; rarely a huge body.
Fault random_fault(std::int64_t document, std::size_t attempt, double share);

struct SeenRequest {
  double at = 0.0;             ///< steady seconds
  std::int64_t document = -1;  ///< -1: without a mark (probes)
  std::string path, authorization, body;
  Fault fault = Fault::none;
};

struct FakeLlmParams {
  int port = 0;              ///< 0: any free one
  std::size_t slots = 0;     ///< > 0: so many requests are worked on at once, the others wait in line
  bool keep_bodies = false;  ///< of requests, in the log
  /// Appends "document attempt answered\n" for each completion request before anything else happens; answered is 1 when
  /// its reply is a usable completion: then it is paid.
  std::string log_path;
  /// Decides each completion request. `attempt` counts from 0 for each document. Called on the server's thread.
  std::function<Reply(std::int64_t document, std::size_t attempt, const std::string& body)> script;
  /// Decides GET requests (probes); the default answers 200 with one model.
  std::function<Reply()> probe_script;
};

class FakeLlm {
 public:
  explicit FakeLlm(FakeLlmParams params = {});
  ~FakeLlm();
  FakeLlm(const FakeLlm&) = delete;
  FakeLlm& operator=(const FakeLlm&) = delete;

  int port() const noexcept { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }
  /// Closes the listening socket and all connections; start_again() opens them on the same port.
  void die();
  void start_again();
  std::vector<SeenRequest> seen() const;
  std::uint64_t completions() const noexcept { return completions_; }
  std::size_t most_at_once() const noexcept { return most_at_once_; }
  /// Integral of busy slots over time between the first and the last arrival, in slot-seconds, and that time.
  struct Busy {
    double slot_seconds = 0.0, seconds = 0.0;
  };
  Busy busy() const;

  /// The mark in a request body, or -1.
  static std::int64_t document_of(const std::string& body);
  /// A document's text with its mark; its completion has the pairs expected_pair(document, 0 and 1).
  static std::string document_text(std::int64_t document);
  static std::string question(std::int64_t document, int index);
  static std::string answer(std::int64_t document, int index);

 private:
  struct Server;
  void listen_on(int port);
  void stop();
  FakeLlmParams params_;
  int port_ = 0;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::vector<SeenRequest> seen_;
  std::vector<std::size_t> attempts_;
  std::atomic<std::uint64_t> completions_{0};
  std::atomic<std::size_t> most_at_once_{0};
  Busy busy_;
  double first_arrival_ = -1.0, last_arrival_ = -1.0;
  friend struct Server;
};

}  // namespace equal::test
