// Which endpoint takes the next request, and when. A pure state machine: time is an argument, nothing is sent from
// here.
//
// - Health: an endpoint starts unknown, is probed, and is up when it answers. It is ejected at once when it is
// unreachable
//   or refuses us (401, 403, 404), and after `failures_to_eject` failures in a row otherwise; it is probed again after
//   a delay that doubles from probe_seconds to max_probe_seconds, and comes back with a small window.
// - Load: at most `window` requests are in flight at an endpoint, at first as many as its slots. `pressure` is the
// share of
//   429, 503 and timeouts among the answers, smoothed over generations of requests. The first such sign in a generation
//   multiplies the window by 1 - pressure / 2, as DCTCP does (Alizadeh et al. 2010): a server that rejects half of
//   everything is left alone quickly, one that drops a request now and then keeps its load. Successes add 1 + slots /
//   64 per window of successes, and one each while the endpoint comes back from an ejection.
// - Waiting: Retry-After holds the whole endpoint, not one request. Without it, 429 holds it for a doubling time x
// pressure,
//   with jitter.
// - Choice: among endpoints with room, the least (in flight + 1) x mean latency / weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "equal/base/random.hpp"
#include "equal/net/endpoint.hpp"

namespace equal::net {

struct PoolParams {
  double pressure_gain = 0.25;   ///< weight of the newest generation in the pressure
  double backoff_seconds = 0.5;  ///< first hold after 429 without Retry-After; doubles
  double max_backoff_seconds = 60.0;
  double max_retry_after_seconds = 600.0;  ///< a longer Retry-After is cut to this
  std::size_t failures_to_eject = 8;
  double probe_seconds = 1.0;
  double max_probe_seconds = 30.0;
  std::uint64_t seed = 1;  ///< of the jitter
};

/// What became of a request, as far as its endpoint is concerned.
enum class Outcome {
  success,
  congested,  ///< 429 or 503: too much for it now
  failed,     ///< 5xx, broken connection, unusable body
  timed_out,
  unreachable,  ///< no connection
  refused       ///< it will not serve us as we are: 401, 403, 404, TLS
};

struct EndpointStatus {
  std::string url;
  bool up = false;
  std::size_t in_flight = 0;
  double window = 0.0, pressure = 0.0, latency_seconds = 0.0, held_until = 0.0;
  std::uint64_t answered = 0, failed = 0, ejections = 0;
  std::string last_error;
};

/// Times are seconds of one monotonic clock and never go back.
class EndpointPool {
 public:
  explicit EndpointPool(const PoolParams& params = {}) : params_(params), jitter_(params.seed, "endpoint jitter") {}

  /// Makes the pool hold these endpoints. Those it has already (same url) keep their state; others start unknown;
  /// those missing take no more requests. An endpoint keeps its index for ever.
  void set_endpoints(const std::vector<EndpointSpec>& specs);

  /// The endpoint for the next request, whose in-flight count grows; nothing while all are full, held or down.
  /// `avoid`: one not to take when another one has room (it just failed, or already has the request to be hedged).
  std::optional<std::size_t> acquire(double now, std::optional<std::size_t> avoid = std::nullopt);

  /// Ends what acquire() began.
  void report(std::size_t endpoint, Outcome outcome, double latency_seconds, std::optional<double> retry_after_seconds,
              const std::string& error, double now);
  /// Ends what acquire() began, without any verdict: the request was cancelled.
  void forget(std::size_t endpoint);

  /// Endpoints whose probe is due; each is returned once until report_probe().
  std::vector<std::size_t> due_probes(double now);
  /// success, unreachable, refused (it will not serve us as we are), or failed.
  void report_probe(std::size_t endpoint, Outcome outcome, const std::string& error, double now);

  /// The earliest time at which acquire() or due_probes() may give more, without any report; infinity when never.
  double next_event(double now) const;

  std::size_t size() const noexcept { return endpoints_.size(); }
  const EndpointSpec& spec(std::size_t endpoint) const { return endpoints_[endpoint].spec; }
  EndpointStatus status(std::size_t endpoint) const;
  bool any_open(double now) const noexcept;  ///< one is up and not held: requests can go out, if not at once
  /// All endpoints refuse us (and there is one): waiting does not help, the user must act.
  bool all_refuse() const noexcept;
  std::size_t total_slots() const noexcept;  ///< over the endpoints that still take requests
  std::string explain() const;  ///< one line an endpoint that is down or has gone wrong: url and last error

 private:
  enum class Health { unknown, up, ejected };
  struct Endpoint {
    EndpointSpec spec;
    Health health = Health::unknown;
    bool retired = false, probing = false, refusing = false, recovering = false;
    std::size_t in_flight = 0, failures_in_row = 0, congestions_in_row = 0;
    double window = 1.0, latency = 0.0, held_until = 0.0, probe_at = 0.0, probe_delay = 0.0;
    double pressure = 1.0;  // pessimistic at first: the first sign halves the window
    std::uint64_t started = 0, ended = 0;
    std::uint64_t generation_end = 0, generation_ended = 0, generation_marked = 0;
    std::uint64_t answered = 0, failed = 0, ejections = 0;
    std::string last_error;
  };
  void count(Endpoint& endpoint, bool congested);
  void eject(Endpoint& endpoint, double now);
  bool has_room(const Endpoint& endpoint, double now) const noexcept;

  PoolParams params_;
  RandomStream jitter_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace equal::net
