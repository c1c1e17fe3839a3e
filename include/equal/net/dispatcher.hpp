// Calls that get an answer if one can be had: HTTP requests over an endpoint pool with retries, shared back-off,
// deadlines, failover and, if wanted, hedging. One thread, hundreds in flight. Used for chat completions and for
// embeddings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "equal/net/endpoint_pool.hpp"
#include "equal/net/http_client.hpp"

namespace equal::net {

struct DispatcherParams {
  std::vector<EndpointSpec> endpoints;
  std::filesystem::path endpoints_file;  ///< read again while running; its endpoints come on top of those above
  double reload_seconds = 5.0;
  EndpointSpec defaults;    ///< for what a line of that file does not say
  std::size_t sharers = 1;  ///< clients like this one (ranks) among which the slots of each endpoint are divided
  std::size_t share = 0;    ///< which of them this is; each gets at least one slot
  HttpClientParams http;
  PoolParams pool;
  double request_seconds = 120.0;  ///< deadline of one request
  double call_seconds = 600.0;     ///< deadline of a call over all its requests; stands still while every endpoint is
                                   ///< down or has asked us to wait
  std::size_t max_failures = 6;    ///< requests of one call that may fail at the server's side; 429 does not count
  double retry_seconds = 0.25;     ///< first pause of a call after a failure; doubles, with jitter
  double max_retry_seconds = 30.0;
  double hedge_factor = 0.0;        ///< > 0: a request slower than this x the 95th percentile is sent a second time
  double hedge_share = 0.05;        ///< ... for at most this share of all requests
  double patience_seconds = 900.0;  ///< every endpoint down or making us wait for so long since the last answer ends
                                    ///< the run
  double refused_seconds = 30.0;    ///< every endpoint refusing us (401, 403, 404, TLS) for so long ends it too
  std::string probe_path = "/models";
  std::size_t expected_slots = 64;  ///< slots() while no endpoint is known yet
};

struct Call {
  std::uint64_t id = 0;
  std::string path;  ///< behind the endpoint's base, such as "/chat/completions"
  std::string body;  ///< JSON
};

struct CallResult {
  std::uint64_t id = 0;
  std::string body;          ///< of the response; empty after a failure
  std::string failure;       ///< empty: answered. Otherwise what went wrong last; holds no key
  int status = 0;            ///< of the last response; 0 when there was none
  std::size_t requests = 0;  ///< that reached a server
  double seconds = 0.0;      ///< from the first request to the end
};

struct DispatcherStats {
  std::uint64_t requests = 0, answered = 0, failed_calls = 0, retries = 0, throttled = 0, hedges = 0;
  std::size_t in_flight = 0, waiting = 0;
};

class Dispatcher {
 public:
  /// What the caller thinks of a 2xx response: empty, or why it is unusable (then it is asked again).
  using Accept = std::function<std::string(const HttpResponse&)>;

  /// Reads keys and checks URLs: throws UsageError before anything is sent. At least one endpoint or a file is needed.
  explicit Dispatcher(const DispatcherParams& params, Accept accept = {});
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  void submit(Call call);

  /// Calls that have ended; waits up to `wait_seconds` for the first. Throws EnvironmentError when patience_seconds are
  /// over, UsageError when all have refused us for refused_seconds, both with the reason of each, and UsageError when
  /// 64 calls in a row were rejected as wrong in themselves (400 and the like).
  std::vector<CallResult> poll(double wait_seconds);

  std::size_t slots() const;          ///< requests that all endpoints together take; may change as the file does
  std::size_t held() const noexcept;  ///< calls submitted and not yet returned
  DispatcherStats stats() const;
  const EndpointPool& pool() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Empty when the response can be JSON in UTF-8 by its headers; otherwise why not ("text/html instead of JSON").
std::string why_not_json(const HttpResponse& response);

}  // namespace equal::net
